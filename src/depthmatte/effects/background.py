"""Replace the background by a color, a picture or transparency."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..canvas import Box
from ..color.icc import convert_color, convert_pixels
from ..errors import OptionError
from ..photo import Photo
from ..types import RGB
from .composite import composite_over
from .contact_shadow import contact_shadow, shade
from .cutout import Cutout
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import portrait_foreground
from .picture import (
    blur_picture,
    check_picture,
    parse_color,
    picture_pixels,
    place_option,
    scale_to_cover,
    scale_to_fit,
)
from .scene_light import match_light

_TRANSPARENT = "transparent"
"""Value of `color` that asks for no background."""

_PICTURE = option(None, "a picture to stand before", takes="a picture, typed as a path")


@dataclass(frozen=True)
class Background(Effect):
    """A new background of the photo's size behind the portrait.

    Colors and picture are converted to the photo's color profile. Without a person in the photo
    the result is the new background alone.

    Parameters
    ----------
    color : str
        `#rrggbb` or a color name, in sRGB, or `transparent`.
    bottom : str, optional
        Color at the lower edge. Between it and `color` the background changes evenly.
    picture : ndarray, Photo or None
        uint8 (h, w, 3) in sRGB, or a Photo in its own profile. It takes precedence over `color`.
    fit : {"cover", "contain"}
        Whether the picture fills the photo and is cropped, or is seen whole before the colors.
    position : tuple of float
        Which part of a larger picture is seen, or where a smaller one lies: shares of what is
        left over to its left and above it.
    blur : float
        Radius of a blur of the picture, as a share of the photo's diagonal.
    light : float
        How much the person is lit as the picture is, from 0, not at all, to 1.
    shadow : float
        How dark the shadow on the ground at the person's feet is, from 0, none, to 1.

    Raises
    ------
    OptionError
        For an unknown color.
    InputError
        For a picture that is not uint8 (h, w, 3).
    """

    color: str = option("white", "#rrggbb, a color's name, or transparent")
    bottom: str | None = option(None, "a second color, at the lower edge of a gradient")
    picture: RGB | Photo | None = field(
        default=None, compare=False, repr=False, metadata=_PICTURE.metadata
    )
    fit: Literal["cover", "contain"] = option(
        "cover",
        "how the picture fills the photo",
        choices={"cover": "scaled to fill it, and cropped", "contain": "seen whole"},
    )
    position: tuple[float, float] = place_option((0.5, 0.5), "the part of the picture that is seen")
    blur: float = option(0.0, "blur the picture by this share of the photo's diagonal", 0, 0.1)
    light: float = option(0.0, "how much the person is lit as the picture is", 0, 1)
    shadow: float = option(0.0, "how dark the shadow at the person's feet is", 0, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for color in (self.color, self.bottom):
            if color not in (_TRANSPARENT, None):
                parse_color(str(color))
        if self.bottom == _TRANSPARENT or (self.bottom and self.color == _TRANSPARENT):
            raise OptionError("bottom: a gradient has no transparent color; give two colors")
        if self.picture is not None:
            check_picture(picture_pixels(self.picture))

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The photo on the new background: uint8 (H, W, 3), or (H, W, 4) with `transparent`."""
        if self.picture is None and self.color == _TRANSPARENT:
            return Cutout()(portrait)
        colors, photo = portrait_foreground(portrait), portrait.photo
        behind = self._behind(photo)
        colors = match_light(colors, photo.rgb, behind, photo.meta.icc, self.light)
        behind = shade(behind, contact_shadow(portrait, self.shadow))
        return composite_over(colors, portrait.opacity, behind)

    def _behind(self, photo: Photo) -> RGB:
        """The background, uint8 (H, W, 3) in the photo's profile."""
        if self.picture is None:
            return self._gradient(photo)
        profile = photo.meta.icc
        pixels = picture_pixels(self.picture)
        if self.fit == "cover":
            placed = scale_to_cover(pixels, photo.shape, self.position)
            box = Box(0, 0, *photo.shape)
        else:
            placed, box = scale_to_fit(pixels, photo.shape, self.position)
        source = self.picture.meta.icc if isinstance(self.picture, Photo) else None
        placed = convert_pixels(placed, source, profile)
        placed = blur_picture(placed, self.blur * float(np.hypot(*photo.shape)), profile)
        if box.shape == photo.shape:
            return placed
        behind = self._gradient(photo)
        behind[box.slices] = placed
        return behind

    def _gradient(self, photo: Photo) -> RGB:
        """The colors, uint8 (H, W, 3) in the photo's profile."""
        height, width = photo.shape
        ends = ["white" if self.color == _TRANSPARENT else self.color, self.bottom or self.color]
        if ends[0] == ends[1]:
            color = convert_color(parse_color(ends[0]), photo.meta.icc)
            return np.full((height, width, 3), color, np.uint8)
        top, bottom = (np.array(parse_color(end), np.float32) for end in ends)
        share = ((np.arange(height, dtype=np.float32) + np.float32(0.5)) / height)[:, None]
        rows = np.rint(top + share * (bottom - top)).astype(np.uint8)
        column = convert_pixels(rows[:, None], None, photo.meta.icc)
        return np.ascontiguousarray(np.broadcast_to(column, (height, width, 3)))
