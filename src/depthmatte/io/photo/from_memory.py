"""Make photos from arrays and Pillow images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...color.icc import apply_color_mode, ensure_invertible_profile
from ...errors import InputError
from ...options import ColorMode
from ...photo import Meta, Photo
from ...system.printable_text import label
from ...types import RGB
from . import decode, exif
from .photo_reader import read
from .read_errors import check_pixel_mode, one_line_errors

if TYPE_CHECKING:
    from PIL.Image import Image


def to_photo(source: Any, name: str = "array", color: ColorMode = "keep") -> Photo:
    """Make a Photo from any supported source.

    Parameters
    ----------
    source : Photo, PIL.Image.Image, ndarray, path, bytes or binary file
        A Photo is returned as it is. A Pillow image is treated like its file: its EXIF
        orientation is applied and its profile is kept. An array is sRGB: (H, W) or (H, W, 1)
        gray, (H, W, 3) RGB, or (H, W, 4) RGB with straight alpha, which is blended with white.
        Its values are uint8; uint16, of which the high byte is kept; bool; or floats in
        [0, 1], which are rounded to the nearest of 256 levels. Everything else is passed to
        `read`.
    name : str
        Name for messages and for `Meta.name` where the source has no name of its own.
    color : {"keep", "srgb"}
        As in `read`.

    Returns
    -------
    Photo
        The pixels of a uint8 array (H, W, 3) are not copied.

    Raises
    ------
    InputError
        For an array of another shape or type, and for floats that are not finite or outside
        [0, 1]: the white level is never guessed.
    """
    if isinstance(source, Photo):
        return apply_color_mode(source, color)
    if isinstance(source, np.ndarray):
        return apply_color_mode(Photo(_rgb_from_array(source, name), Meta(name)), color)
    if hasattr(source, "getexif") and hasattr(source, "getbands"):
        given = getattr(source, "filename", "")
        shown = label(given) if isinstance(given, str) and given and name == "array" else name
        with one_line_errors(shown):
            return apply_color_mode(_photo_from_pillow(source, shown), color)
    return read(source, None if name == "array" else name, color=color)


def _rgb_from_array(array: NDArray[Any], name: str) -> RGB:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(
            f"{name}: pixels of shape {array.shape} are no photo; "
            "give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
        )
    levels = _to_8bit(array, name)
    if array.ndim == 2 or array.shape[2] == 1:
        levels = np.repeat(levels.reshape(*array.shape[:2], 1), 3, axis=2)
    if levels.shape[2] == 4:
        from PIL import Image

        return decode.to_upright_rgb(Image.fromarray(np.ascontiguousarray(levels)))
    return levels


def _to_8bit(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if array.dtype.kind != "f":
        raise InputError(
            f"{name}: pixels are {array.dtype}; give uint8, uint16 or floats in [0, 1]"
        )
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise InputError(
            f"{name}: float pixels reach from {array.min():g} to {array.max():g}; "
            "scale them to [0, 1] first"
        )
    return np.asarray(np.rint(array.astype(np.float32) * np.float32(255)), np.uint8)


def _photo_from_pillow(image: Image, name: str) -> Photo:
    check_pixel_mode(image, name)
    image.load()
    tags = exif.copy_exif(exif.read_exif(image))
    orientation = exif.read_orientation(tags)
    rgb = decode.to_upright_rgb(image, orientation)
    profile = exif.read_rgb_profile(image)
    meta = Meta(
        name,
        exif.encode_upright_exif(tags, image, rgb.shape),
        profile,
        dpi=exif.read_dpi(image, orientation),
    )
    return ensure_invertible_profile(Photo(rgb, meta))
