"""Cut the portrait out: transparent background, clean edge colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Box
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import VISIBLE, foreground, reach


@dataclass(frozen=True)
class Cutout(Effect):
    """RGBA with straight alpha; edges carry the portrait's colours, not the background's.

    Nobody found: everything is as transparent as the alpha says.
    """

    crop: bool = option(False, "cut the picture down to the portrait")

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """uint8 (H, W, 4); smaller with `crop`. Hidden pixels are 0, so files stay small."""
        alpha = portrait.alpha
        rgba = np.zeros((*alpha.shape, 4), np.uint8)
        np.copyto(
            rgba[..., :3], foreground(portrait.photo.rgb, alpha), where=reach(alpha)[..., None]
        )
        rgba[..., 3] = np.rint(alpha * np.float32(255))
        return _cropped(rgba) if self.crop else rgba


def _cropped(rgba: Pixels) -> Pixels:
    seen = rgba[..., 3] > VISIBLE * 255
    box = Box.around(seen, 0)
    return np.ascontiguousarray(rgba[box.slices]) if box.height else rgba
