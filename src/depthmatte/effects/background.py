"""Replace the background by a color, a picture or transparency."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..canvas import resize
from ..color.icc import convert_color, convert_pixels
from ..errors import InputError, OptionError
from ..photo import Photo
from ..types import RGB
from .composite import composite_over
from .cutout import Cutout
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import portrait_foreground

_TRANSPARENT = "transparent"
"""Value of `color` that asks for no background."""

_PICTURE = option(None, "a picture to stand before", takes="a picture, typed as a path")


@dataclass(frozen=True)
class Background(Effect):
    """A new background of the photo's size behind the portrait.

    Color and picture are converted to the photo's color profile. Without a person in the photo
    the result is the new background alone.

    Parameters
    ----------
    color : str
        `#rrggbb` or a color name, in sRGB, or `transparent`.
    picture : ndarray, Photo or None
        uint8 (h, w, 3) in sRGB, or a Photo in its own profile. It is scaled to cover the photo
        and cropped around its center. It takes precedence over `color`.

    Raises
    ------
    OptionError
        For an unknown color.
    InputError
        For a picture that is not uint8 (h, w, 3).
    """

    color: str = option("white", "#rrggbb, a color's name, or transparent")
    picture: RGB | Photo | None = field(
        default=None, compare=False, repr=False, metadata=_PICTURE.metadata
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.color != _TRANSPARENT:
            _rgb(self.color)
        if self.picture is not None:
            _check_picture(_pixels(self.picture))

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The photo on the new background: uint8 (H, W, 3), or (H, W, 4) with `transparent`."""
        if self.picture is None and self.color == _TRANSPARENT:
            return Cutout()(portrait)
        colors = portrait_foreground(portrait)
        return composite_over(colors, portrait.alpha, self._behind(portrait.photo))

    def _behind(self, photo: Photo) -> RGB:
        """The background, uint8 (H, W, 3) in the photo's profile."""
        profile = photo.meta.icc
        if self.picture is None:
            return np.full((*photo.shape, 3), convert_color(_rgb(self.color), profile), np.uint8)
        source = self.picture.meta.icc if isinstance(self.picture, Photo) else None
        return convert_pixels(scale_to_cover(_pixels(self.picture), photo.shape), source, profile)


def _pixels(picture: RGB | Photo) -> RGB:
    return picture.rgb if isinstance(picture, Photo) else picture


def scale_to_cover(picture: RGB, shape: tuple[int, int]) -> RGB:
    """Scale a picture to cover a shape, keep its aspect ratio, and crop it around its center.

    Parameters
    ----------
    picture : ndarray
        uint8 (h, w, 3).
    shape : tuple of int
        (H, W) of the result.

    Returns
    -------
    ndarray
        uint8 (H, W, 3).
    """
    height, width = picture.shape[:2]
    scale = max(shape[0] / height, shape[1] / width)
    # Cropping first saves time: only the visible part is scaled.
    rows, columns = (
        min(side, max(1, round(part / scale)))
        for side, part in zip((height, width), shape, strict=True)
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    visible = picture[top : top + rows, left : left + columns]
    return np.asarray(resize(np.ascontiguousarray(visible), shape), np.uint8)


def _rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of a color, 0 to 255; OptionError for an unknown one."""
    from PIL import ImageColor

    try:
        red, green, blue, *_ = ImageColor.getrgb(color)
    except ValueError:
        raise OptionError(
            f"color {color!r} is unknown; give #rrggbb, a name such as white, or transparent"
        ) from None
    return red, green, blue


def _check_picture(picture: RGB) -> None:
    """InputError unless the picture is uint8 (h, w, 3)."""
    shape = np.shape(picture)
    if len(shape) != 3 or shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(f"a background picture is uint8 (h, w, 3), got {picture.dtype} {shape}")
