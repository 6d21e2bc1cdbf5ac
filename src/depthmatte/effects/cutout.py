"""Cut the portrait out: transparent background, clean edge colors."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import Box
from ..system.row_strips import row_strips
from ..types import RGB
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import MIN_VISIBLE_ALPHA, STRIP_ROWS, estimate_edge_colors, visible_strips


@dataclass(frozen=True)
class Cutout(Effect):
    """RGBA with straight alpha; edge pixels carry the portrait's colors, not the background's.

    Without a person in the photo the result is transparent.

    Parameters
    ----------
    crop : bool
        Crop the result to the visible pixels.
    premultiplied : bool
        Multiply colors by alpha, as some compositing programs expect. Files with alpha are
        straight by their standards, so that viewers show dark edges.
    """

    crop: bool = option(False, "cut the picture down to the portrait")
    premultiplied: bool = option(False, "multiply colors by alpha, for compositing programs")

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The cut-out, uint8 (H, W, 4); smaller with `crop`. Invisible pixels are 0."""
        rgb, alpha = portrait.photo.rgb, portrait.opacity
        kept: RGB | None = getattr(portrait, "foreground", None)
        edges = estimate_edge_colors(rgb, alpha) if kept is None else []
        rgb = rgb if kept is None else kept
        rgba = np.zeros((*alpha.shape, 4), np.uint8)
        strip, buffer = None, np.empty((STRIP_ROWS, alpha.shape[1]), np.float32)
        for rows, visible in visible_strips(alpha):
            strip = cv2.cvtColor(rgb[rows], cv2.COLOR_RGB2RGBA, strip)
            levels = np.multiply(alpha[rows], np.float32(255), out=buffer[: len(visible)])
            strip[..., 3] = np.rint(levels, out=levels)
            cv2.copyTo(strip, visible.view(np.uint8), rgba[rows])
        for edge in edges:
            edge.paint(rgba)
        if self.premultiplied:
            for rows in row_strips(alpha.shape[0]):
                part = rgba[rows, :, :3] * alpha[rows, :, None]
                rgba[rows, :, :3] = np.rint(part, out=part)
        return _crop_to_visible(rgba) if self.crop else rgba


def _crop_to_visible(rgba: Pixels) -> Pixels:
    """The part of the picture around its visible pixels; all of it if none is visible."""
    visible = rgba[..., 3] > MIN_VISIBLE_ALPHA * 255
    box = Box.bounding(visible, 0)
    return np.ascontiguousarray(rgba[box.slices]) if box.height else rgba
