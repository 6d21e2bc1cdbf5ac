"""Cut the portrait out: transparent background, clean edge colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import Box
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import MIN_VISIBLE_ALPHA, STRIP_ROWS, estimate_edge_colors, visible_strips


@dataclass(frozen=True)
class Cutout(Effect):
    """RGBA with straight alpha; edges carry the portrait's colours, not the background's.

    Nobody found: everything is as transparent as the alpha says.
    """

    crop: bool = option(False, "cut the picture down to the portrait")

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """uint8 (H, W, 4); smaller with `crop`. Hidden pixels are 0, so files stay small."""
        rgb, alpha = portrait.photo.rgb, portrait.alpha
        edges = estimate_edge_colors(rgb, alpha)
        rgba = np.zeros((*alpha.shape, 4), np.uint8)
        strip, levels = None, np.empty((STRIP_ROWS, alpha.shape[1]), np.float32)
        for rows, near in visible_strips(alpha):
            strip = cv2.cvtColor(rgb[rows], cv2.COLOR_RGB2RGBA, strip)
            shown = np.multiply(alpha[rows], np.float32(255), out=levels[: len(near)])
            strip[..., 3] = np.rint(shown, out=shown)
            cv2.copyTo(strip, near.view(np.uint8), rgba[rows])
        for edge in edges:
            edge.paint(rgba)
        return _crop_to_visible(rgba) if self.crop else rgba


def _crop_to_visible(rgba: Pixels) -> Pixels:
    seen = rgba[..., 3] > MIN_VISIBLE_ALPHA * 255
    box = Box.bounding(seen, 0)
    return np.ascontiguousarray(rgba[box.slices]) if box.height else rgba
