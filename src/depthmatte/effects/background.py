"""Put the portrait on a color, on another picture, or on nothing."""

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
from .foreground import estimate_foreground

_TRANSPARENT = "transparent"

_PICTURE = option(None, "a picture to stand before", takes="a picture, typed as a path")


@dataclass(frozen=True)
class Background(Effect):
    """A new background of the photo's size behind the portrait.

    Parameters
    ----------
    color : str
        `#rrggbb` or a name, in sRGB as on web pages, or `transparent`.
    picture : ndarray, Photo or None
        uint8 (h, w, 3) sRGB, or a Photo in its own profile. It wins over `color`; it is
        scaled to cover the photo and cut around its center.

    Color and picture are converted into the photo's profile, so that they are seen as they
    were meant beside the photo's own colors. Nobody found: the new background alone. Raises
    InputError for a color nobody knows or a picture that is not uint8 (h, w, 3).
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
        """uint8 (H, W, 3), or (H, W, 4) on `transparent`."""
        if self.picture is None and self.color == _TRANSPARENT:
            return Cutout()(portrait)
        colors = estimate_foreground(portrait.photo.rgb, portrait.alpha)
        return composite_over(colors, portrait.alpha, self._behind(portrait.photo))

    def _behind(self, photo: Photo) -> RGB:
        """uint8 (H, W, 3) in the photo's profile."""
        profile = photo.meta.icc
        if self.picture is None:
            return np.full((*photo.shape, 3), convert_color(_rgb(self.color), profile), np.uint8)
        own = self.picture.meta.icc if isinstance(self.picture, Photo) else None
        return convert_pixels(scale_to_cover(_pixels(self.picture), photo.shape), own, profile)


def _pixels(picture: RGB | Photo) -> RGB:
    return picture.rgb if isinstance(picture, Photo) else picture


def scale_to_cover(picture: RGB, shape: tuple[int, int]) -> RGB:
    """Scale (h, w, 3) to cover `shape` (H, W), nothing stretched, and cut around the center."""
    height, width = picture.shape[:2]
    scale = max(shape[0] / height, shape[1] / width)
    # Cut first: only what will be seen is scaled.
    rows, columns = (
        min(side, max(1, round(part / scale)))
        for side, part in zip((height, width), shape, strict=True)
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    seen = picture[top : top + rows, left : left + columns]
    return np.asarray(resize(np.ascontiguousarray(seen), shape), np.uint8)


def _rgb(color: str) -> tuple[int, int, int]:
    from PIL import ImageColor

    try:
        red, green, blue, *_ = ImageColor.getrgb(color)
    except ValueError:
        raise OptionError(
            f"color {color!r} is unknown; give #rrggbb, a name such as white, or transparent"
        ) from None
    return red, green, blue


def _check_picture(picture: RGB) -> None:
    shape = np.shape(picture)
    if len(shape) != 3 or shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(f"a background picture is uint8 (h, w, 3), got {picture.dtype} {shape}")
