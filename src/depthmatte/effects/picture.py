"""Pictures and colors that an effect is given: checked, fitted, blurred, in a photo's profile."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..canvas import Box, resize, scale_shape
from ..color.linear_light import linear_to_bytes, to_linear
from ..errors import InputError, OptionError
from ..filters import disc_filter
from ..options.lens_options import is_place, read_place, show_place
from ..photo import Photo
from ..types import RGB
from .effect import option

_BLUR_RADIUS_PX = 8
"""Radius in pixels at which a picture is blurred; larger discs are drawn at a reduced size."""


def place_option(default: tuple[float, float], help: str) -> Any:
    """Make an option that takes a place: shares of width and height from the top left corner.

    Parameters
    ----------
    default : tuple of float
        (x, y), each in [0, 1].
    help : str
        As for `option`.

    Returns
    -------
    dataclasses.Field
        A field that reads "X;Y" and "(X,Y)".
    """
    return option(
        default,
        help,
        takes="X;Y or (X,Y), shares of width and height from the top left corner",
        read=read_place,
        show=show_place,
        valid=is_place,
    )


def picture_pixels(picture: RGB | Photo) -> RGB:
    """Return the pixels of a picture, uint8 (h, w, 3)."""
    return picture.rgb if isinstance(picture, Photo) else picture


def check_picture(picture: Any) -> None:
    """Raise InputError unless a picture is uint8 (h, w, 3) with pixels."""
    shape = np.shape(picture)
    if len(shape) != 3 or shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(f"a background picture is uint8 (h, w, 3), got {picture.dtype} {shape}")


def parse_color(color: str) -> tuple[int, int, int]:
    """Return red, green and blue of a color, 0 to 255; OptionError for an unknown one."""
    from PIL import ImageColor

    try:
        red, green, blue, *_ = ImageColor.getrgb(color)
    except ValueError:
        raise OptionError(
            f"color {color!r} is unknown; give #rrggbb, a name such as white, or transparent"
        ) from None
    return red, green, blue


def scale_to_cover(
    picture: RGB, shape: tuple[int, int], position: tuple[float, float] = (0.5, 0.5)
) -> RGB:
    """Scale a picture to cover a shape, keep its aspect ratio, and crop it.

    Parameters
    ----------
    picture : ndarray
        uint8 (h, w, 3).
    shape : tuple of int
        (H, W) of the result.
    position : tuple of float
        (x, y) shares of what is cropped at the left and at the top.

    Returns
    -------
    ndarray
        uint8 (H, W, 3).
    """
    sides = picture.shape[:2]
    scale = max(shape[0] / sides[0], shape[1] / sides[1])
    # Cropping first saves time: only the visible part is scaled.
    rows, columns = (
        min(side, max(1, round(part / scale))) for side, part in zip(sides, shape, strict=True)
    )
    left, top = round((sides[1] - columns) * position[0]), round((sides[0] - rows) * position[1])
    visible = picture[top : top + rows, left : left + columns]
    return np.asarray(resize(np.ascontiguousarray(visible), shape), np.uint8)


def scale_to_fit(
    picture: RGB, shape: tuple[int, int], position: tuple[float, float] = (0.5, 0.5)
) -> tuple[RGB, Box]:
    """Scale a picture to lie whole within a shape.

    Parameters
    ----------
    picture : ndarray
        uint8 (h, w, 3).
    shape : tuple of int
        (H, W) to fit in.
    position : tuple of float
        (x, y) shares of what is left over at the left and at the top.

    Returns
    -------
    tuple of ndarray and Box
        The scaled picture, uint8, and where it lies within the shape.
    """
    sides = picture.shape[:2]
    scale = min(shape[0] / sides[0], shape[1] / sides[1])
    height, width = (
        min(part, max(1, round(side * scale))) for side, part in zip(sides, shape, strict=True)
    )
    left, top = round((shape[1] - width) * position[0]), round((shape[0] - height) * position[1])
    scaled = np.asarray(resize(picture, (height, width)), np.uint8)
    return scaled, Box(top, left, height, width)


def blur_picture(picture: RGB, radius: float, profile: bytes | None) -> RGB:
    """Blur a picture with a disc in linear light.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3).
    radius : float
        Radius of the disc in pixels; 0 changes nothing.
    profile : bytes or None
        The ICC profile of the picture; None is sRGB.

    Returns
    -------
    ndarray
        uint8 (H, W, 3).
    """
    if radius < 0.5:
        return picture
    shape = picture.shape[0], picture.shape[1]
    # A blurred picture holds no finer detail than the disc: few pixels are enough.
    scale = min(1.0, _BLUR_RADIUS_PX / radius)
    small = np.asarray(resize(picture, scale_shape(shape, scale)), np.uint8)
    blurred = disc_filter(to_linear(small, profile), radius * scale)
    return np.asarray(resize(linear_to_bytes(blurred, profile), shape), np.uint8)
