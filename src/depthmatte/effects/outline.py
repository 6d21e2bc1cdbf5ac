"""A sticker: the portrait with an outline of one color around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import Box
from ..color.icc import convert_color
from ..types import Float
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import portrait_foreground
from .picture import parse_color


@dataclass(frozen=True)
class Outline(Effect):
    """The portrait on a transparent background with an outline, as a sticker.

    Without a person in the photo the result is transparent.

    Parameters
    ----------
    width : float
        Width of the outline as a share of the photo's diagonal.
    color : str
        `#rrggbb` or a color name, in sRGB.
    crop : bool
        Crop the result to the visible pixels.

    Raises
    ------
    OptionError
        For an unknown color.
    """

    width: float = option(0.01, "width of the outline as a share of the photo's diagonal", 0, 0.2)
    color: str = option("white", "#rrggbb, or a color's name")
    crop: bool = option(False, "cut the picture down to the sticker")

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_color(self.color)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The sticker, uint8 (H, W, 4) with straight alpha; smaller with `crop`."""
        photo, alpha = portrait.photo, portrait.opacity
        rgba = np.zeros((*photo.shape, 4), np.uint8)
        if not portrait.found:
            return rgba
        cover = _grow(alpha, self.width * float(np.hypot(*photo.shape)))
        color = convert_color(parse_color(self.color), photo.meta.icc)
        around = np.full((*photo.shape, 3), color, np.uint8)
        # The person over the outline, and the outline over nothing: straight alpha.
        share = np.divide(alpha, cover, out=np.zeros_like(alpha), where=cover > 0)
        rgba[..., :3] = cv2.blendLinear(portrait_foreground(portrait), around, share, 1 - share)
        rgba[..., 3] = np.rint(cover * 255)
        rgba[rgba[..., 3] == 0] = 0
        if not self.crop:
            return rgba
        return np.ascontiguousarray(rgba[Box.bounding(rgba[..., 3] > 0, 0).slices])


def _grow(alpha: Float, width: float) -> Float:
    """Opacity of the person with her outline: 1 up to `width` pixels away, and at least alpha."""
    outside = (alpha < 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ring = np.clip(width + 0.5 - distance, 0, 1) if width else np.zeros_like(alpha)
    return np.asarray(np.maximum(ring, alpha), np.float32)
