"""Convert pixels between ICC profiles and sRGB.

Pixels without a profile are sRGB. Pixels whose profile differs from sRGB by 2 levels of 255 at
most count as sRGB and are never converted. A profile that cannot be used counts as absent.
LittleCMS converts, with the perceptual intent. Matrix profiles of cameras and screens give the
same result for every intent.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import Any, get_args

import numpy as np

from ..errors import InputError
from ..options import ColorMode
from ..photo import Photo
from ..system.row_strips import row_strips
from ..types import RGB

_SRGB_TOLERANCE = 2
"""Levels of 255 by which a profile may differ from sRGB and still count as sRGB."""

_ROUND_TRIP_TOLERANCE = 12
"""Levels of 255 by which the median color of a lattice may change, from sRGB and back."""

_PIXEL_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
"""Profile classes that describe pixels: display, input, output, color space."""


def is_srgb_profile(profile: bytes | None) -> bool:
    """Return whether pixels of this profile count as sRGB without conversion.

    Parameters
    ----------
    profile : bytes or None
        An ICC profile; None is sRGB. Damaged profiles and those not for RGB count as sRGB.

    Returns
    -------
    bool
    """
    return profile is None or _is_srgb_by_lattice(profile)


def convert_to_srgb(pixels: RGB, profile: bytes | None) -> RGB:
    """Convert pixels to sRGB.

    Parameters
    ----------
    pixels : ndarray
        uint8 (..., 3).
    profile : bytes or None
        The ICC profile of the pixels.

    Returns
    -------
    ndarray
        uint8 of the same shape: the array itself where the profile is sRGB.
    """
    return convert_pixels(pixels, profile, None)


def convert_pixels(pixels: RGB, source: bytes | None, target: bytes | None) -> RGB:
    """Convert pixels from one profile to another.

    Parameters
    ----------
    pixels : ndarray
        uint8 (..., 3).
    source, target : bytes or None
        ICC profiles, None for sRGB.

    Returns
    -------
    ndarray
        uint8 of the same shape: the array itself where there is nothing to convert.
    """
    if source == target or (is_srgb_profile(source) and is_srgb_profile(target)):
        return pixels
    transform = _transform(_none_if_srgb(source), _none_if_srgb(target))
    if transform is None:
        return pixels
    flat = pixels.reshape(-1, pixels.shape[-2] if pixels.ndim > 2 else 1, 3)
    result = np.empty_like(flat)
    for rows in row_strips(flat.shape[0]):
        result[rows] = _apply_transform(flat[rows], transform)
    return result.reshape(pixels.shape)


def convert_color(color: tuple[int, int, int], profile: bytes | None) -> tuple[int, int, int]:
    """Find the pixel that shows an sRGB color best in a profile.

    8 bits are coarse in a wide color space. So the neighbors of the converted color are tried
    too.

    Parameters
    ----------
    color : tuple of int
        Red, green and blue in sRGB, 0 to 255.
    profile : bytes or None
        The ICC profile of the pixel; None for sRGB.

    Returns
    -------
    tuple of int
        Red, green and blue in the profile, 0 to 255.
    """
    target = np.array([color], np.uint8)
    if is_srgb_profile(profile):
        return color
    steps = np.array(list(product((0, -1, 1), repeat=3)))
    near = np.clip(convert_pixels(target, None, profile).astype(int) + steps, 0, 255).astype(
        np.uint8
    )
    miss = np.abs(convert_to_srgb(near, profile).astype(int) - target)
    red, green, blue = near[np.lexsort((miss.sum(axis=1), miss.max(axis=1)))[0]]
    return int(red), int(green), int(blue)


@lru_cache(maxsize=16)
def is_invertible_profile(profile: bytes) -> bool:
    """Return whether sRGB colors can be converted into this profile, not only out of it.

    Some profiles only lead to sRGB (XYB, scanners with tables).

    Parameters
    ----------
    profile : bytes
        An ICC profile for RGB pixels.

    Returns
    -------
    bool
        True where the median color of a lattice survives the way from sRGB and back.
    """
    if _is_srgb_by_lattice(profile):
        return True
    lattice = np.array(list(product((64, 112, 160), repeat=3)), np.uint8)
    if _transform(None, profile) is None:
        return False
    again = convert_to_srgb(convert_pixels(lattice, None, profile), profile)
    return bool(np.median(np.abs(again.astype(int) - lattice).max(axis=1)) <= _ROUND_TRIP_TOLERANCE)


def apply_color_mode(photo: Photo, mode: ColorMode = "keep") -> Photo:
    """Return the photo with its own profile, or converted to sRGB.

    Parameters
    ----------
    photo : Photo
        Any photo.
    mode : {"keep", "srgb"}
        `keep` returns the photo itself. `srgb` converts the pixels and drops the profile.
        Colors outside sRGB become the nearest color in sRGB.

    Returns
    -------
    Photo

    Raises
    ------
    InputError
        For another `mode`.
    """
    if mode not in get_args(ColorMode):
        raise InputError(f"color {mode!r} is unknown; use {' or '.join(get_args(ColorMode))}")
    if mode == "keep" or photo.meta.icc is None:
        return photo
    meta = replace(photo.meta, icc=None)
    return replace(photo, rgb=convert_to_srgb(photo.rgb, photo.meta.icc), meta=meta)


def ensure_invertible_profile(photo: Photo) -> Photo:
    """Convert a photo to sRGB where its profile cannot be inverted.

    Other colors could not be blended with its pixels.

    Parameters
    ----------
    photo : Photo
        Any photo.

    Returns
    -------
    Photo
        The photo itself where its profile can be inverted, or is absent.
    """
    icc = photo.meta.icc
    if icc is None or is_invertible_profile(icc):
        return photo
    return apply_color_mode(photo, "srgb")


def build_srgb_transform(profile: bytes, mode: str) -> Any | None:
    """Build LittleCMS's transform from a profile to sRGB.

    Parameters
    ----------
    profile : bytes
        An ICC profile.
    mode : str
        Pillow's mode of the pixels, such as "CMYK".

    Returns
    -------
    PIL.ImageCms.ImageCmsTransform or None
        None where the profile is damaged or is for other pixels.
    """
    return _build_transform(profile, None, mode)


def _none_if_srgb(profile: bytes | None) -> bytes | None:
    return None if is_srgb_profile(profile) else profile


@lru_cache(maxsize=16)
def _is_srgb_by_lattice(profile: bytes) -> bool:
    """Whether a lattice of colors looks as in sRGB; True for profiles that cannot be used."""
    if profile[16:20] != b"RGB " or profile[12:16] not in _PIXEL_CLASSES:
        return True
    transform = _transform(profile, None)
    if transform is None:
        return True
    lattice = np.array(list(product(range(0, 256, 17), repeat=3)), np.uint8)
    seen = _apply_transform(lattice[None], transform)[0]
    return bool(np.abs(seen.astype(int) - lattice).max() <= _SRGB_TOLERANCE)


@lru_cache(maxsize=16)
def _transform(source: bytes | None, target: bytes | None) -> Any | None:
    return _build_transform(source, target, "RGB")


def _build_transform(source: bytes | None, target: bytes | None, mode: str) -> Any | None:
    from PIL import ImageCms

    try:
        start, end = (
            ImageCms.createProfile("sRGB")
            if profile is None
            else ImageCms.ImageCmsProfile(BytesIO(profile))
            for profile in (source, target)
        )
        return ImageCms.buildTransform(start, end, mode, "RGB")
    except (OSError, ImportError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


def _apply_transform(pixels: RGB, transform: Any) -> RGB:
    from PIL import Image, ImageCms

    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(ImageCms.applyTransform(image, transform), np.uint8)
