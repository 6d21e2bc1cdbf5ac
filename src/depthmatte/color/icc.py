"""Colors through ICC profiles: what a photo's pixels look like, and pixels that look like this.

Pixels without a profile are sRGB. So are those whose profile shows every color as sRGB does
to within TOLERANCE: they are never converted. A profile that cannot be used counts as absent.
LittleCMS converts, with the perceptual intent, which profiles of cameras and screens leave
equal to the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import Any, get_args

import numpy as np

from ..errors import InputError
from ..options import ColorMode
from ..photo import Photo
from ..types import RGB

_SRGB_TOLERANCE = 2
"""Levels of 255 by which a profile may differ from sRGB and still count as sRGB."""

_ROUND_TRIP_TOLERANCE = (
    12  # levels by which the middle color of a lattice may miss itself, there and back
)
_ROWS = 256
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")  # those that describe pixels


def is_srgb_profile(profile: bytes | None) -> bool:
    """Whether pixels of this profile are taken as sRGB as they are: nothing to convert."""
    return profile is None or _is_srgb_by_lattice(profile)


def convert_to_srgb(pixels: RGB, profile: bytes | None) -> RGB:
    """What pixels look like, as sRGB.

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
    """The same colors in another profile.

    Parameters
    ----------
    pixels : ndarray
        uint8 (..., 3).
    source, target : bytes or None
        ICC profiles, None for sRGB.

    Returns
    -------
    ndarray
        uint8 of the same shape: the array itself where nothing is to be done.
    """
    if source == target or (is_srgb_profile(source) and is_srgb_profile(target)):
        return pixels
    transform = _transform(_key(source), _key(target))
    if transform is None:
        return pixels
    flat = pixels.reshape(-1, pixels.shape[-2] if pixels.ndim > 2 else 1, 3)
    result = np.empty_like(flat)
    for rows in _strips(flat.shape[0]):
        result[rows] = _apply_transform(flat[rows], transform)
    return result.reshape(pixels.shape)


def convert_color(color: tuple[int, int, int], profile: bytes | None) -> tuple[int, int, int]:
    """The pixel that shows an sRGB color best in a profile.

    8 bits are coarse in a wide space, so the neighbors of the converted color are tried too.
    """
    wanted = np.array([color], np.uint8)
    if is_srgb_profile(profile):
        return color
    steps = np.array(list(product((0, -1, 1), repeat=3)))
    near = np.clip(convert_pixels(wanted, None, profile).astype(int) + steps, 0, 255).astype(
        np.uint8
    )
    miss = np.abs(convert_to_srgb(near, profile).astype(int) - wanted)
    red, green, blue = near[np.lexsort((miss.sum(axis=1), miss.max(axis=1)))[0]]
    return int(red), int(green), int(blue)


@lru_cache(maxsize=16)
def is_invertible_profile(profile: bytes) -> bool:
    """Whether sRGB colors can be brought into this profile, not only out of it.

    Some profiles only say how a file's numbers look (XYB, scanners with tables).
    """
    if _is_srgb_by_lattice(profile):
        return True
    middle = np.array(list(product((64, 112, 160), repeat=3)), np.uint8)
    if _transform(None, profile) is None:
        return False
    again = convert_to_srgb(convert_pixels(middle, None, profile), profile)
    return bool(np.median(np.abs(again.astype(int) - middle).max(axis=1)) <= _ROUND_TRIP_TOLERANCE)


def apply_color_mode(photo: Photo, mode: ColorMode = "keep") -> Photo:
    """The photo with its own profile, or as sRGB.

    Parameters
    ----------
    photo : Photo
        Any photo.
    color : {"keep", "srgb"}
        `keep` gives the photo itself. `srgb` converts its pixels and drops the profile;
        colors beyond sRGB become the nearest that sRGB has.

    Returns
    -------
    Photo

    Raises
    ------
    InputError
        For another `color`.
    """
    if mode not in get_args(ColorMode):
        raise InputError(f"color {mode!r} is unknown; use {' or '.join(get_args(ColorMode))}")
    if mode == "keep" or photo.meta.icc is None:
        return photo
    meta = replace(photo.meta, icc=None)
    return replace(photo, rgb=convert_to_srgb(photo.rgb, photo.meta.icc), meta=meta)


def ensure_invertible_profile(photo: Photo) -> Photo:
    """The photo, as sRGB where its profile has no way back.

    Nothing could be placed beside such pixels, nor could they be blended sensibly.
    """
    icc = photo.meta.icc
    if icc is None or is_invertible_profile(icc):
        return photo
    return apply_color_mode(photo, "srgb")


def build_srgb_transform(profile: bytes, mode: str) -> Any | None:
    """LittleCMS's transform from pixels of a Pillow `mode` in this profile to sRGB.

    None where the profile is damaged or is for other pixels.
    """
    return _build_transform(profile, None, mode)


def _key(profile: bytes | None) -> bytes | None:
    return None if is_srgb_profile(profile) else profile


@lru_cache(maxsize=16)
def _is_srgb_by_lattice(profile: bytes) -> bool:
    if profile[16:20] != b"RGB " or profile[12:16] not in _CLASSES:
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


def _strips(height: int) -> Iterator[slice]:
    return (slice(top, top + _ROWS) for top in range(0, height, _ROWS))
