"""Find two views in one file: multi-picture JPEG (MPO), VR180, and side-by-side pictures."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...errors import InputError
from ...evidence import StereoView, ViewSide
from ...types import RGB
from . import aux_image, gdepth, jpeg_segments, xmp
from .jpeg_segments import APP1, MPO_DISPARITY_VIEW, MPO_UNDEFINED, MpoPicture
from .xmp import Xmp

_LAYOUTS = ("side-by-side", "crossed")
"""The left view in the left half, or in the right half (for cross-eyed viewing)."""

_NAME_PATTERNS = {
    "side-by-side": re.compile(r"(left[-_. ]?right|side[-_ ]?by[-_ ]?side|(^|[-_. ])(lr|sbs))$"),
    "crossed": re.compile(r"(right[-_. ]?left|cross(ed|[-_ ]?eyed?)|(^|[-_. ])rl)$"),
}
_MIN_CORRELATION = 0.6
"""Correlation of two halves at the best shift, above which they show the same scene."""

_GRID = 48
"""Blocks per side in which halves are compared."""


def find_mpo_view(
    content: bytes, pictures: list[MpoPicture], shape: tuple[int, int]
) -> StereoView | None:
    """Find the second view of a stereo JPEG.

    Phones list previews, gain maps and depth in the same way. A view has the type code of a
    view, or no type code, no XMP and the size of the photo.

    Parameters
    ----------
    content : bytes
        The file.
    pictures : list of MpoPicture
        Its pictures after the first.
    shape : tuple of int
        (h, w) of the photo as stored.

    Returns
    -------
    StereoView or None
        On its stored pixels; None where there is none.
    """
    views = [picture for picture in pictures if picture.kind == MPO_DISPARITY_VIEW] or [
        picture for picture in pictures if picture.kind == MPO_UNDEFINED and not _has_xmp(picture)
    ]
    for view in views:
        rgb = aux_image.decode_second_view(view.content, shape)
        if rgb is not None:
            first, second = (
                jpeg_segments.read_mpo_viewpoint(file) for file in (content, view.content)
            )
            left = first is not None and second is not None and second < first
            return StereoView(rgb, "left" if left else "right", "mpo")
    return None


def _has_xmp(picture: MpoPicture) -> bool:
    """Whether the picture has XMP, as depth maps and gain maps have."""
    return any(
        segment.marker == APP1 and segment.payload.startswith(xmp.XMP_HEADER)
        for segment in jpeg_segments.read_jpeg_segments(picture.content)
    )


def find_vr180_view(packets: Xmp, shape: tuple[int, int]) -> StereoView | None:
    """Find the right view of a VR180 photo; its own pixels are the left view.

    Parameters
    ----------
    packets : Xmp
        XMP of the photo.
    shape : tuple of int
        (h, w) of the photo as stored.

    Returns
    -------
    StereoView or None
        None where there is none of this shape.
    """
    data = gdepth.find_vr180_jpeg(packets)
    if data is None:
        return None
    rgb = aux_image.decode_second_view(data, shape)
    return None if rgb is None else StereoView(rgb, "right", "vr180")


def make_side_camera(
    camera: Camera | None, side: ViewSide, baseline: float | None
) -> Camera | None:
    """Make the camera of a second view: the same lens, moved to one side.

    Parameters
    ----------
    camera : Camera or None
        The photo's camera.
    side : {"left", "right"}
        Where the other camera stands, seen from the photo's.
    baseline : float or None
        Distance of the two cameras in meters.

    Returns
    -------
    Camera or None
        None where camera or baseline is unknown.
    """
    if camera is None or not baseline:
        return None
    shift = -baseline if side == "right" else baseline
    return replace(camera, translation=np.array([shift, 0.0, 0.0]))


def layout_from_name(name: str) -> str | None:
    """Return the stereo layout that a file name states.

    Parameters
    ----------
    name : str
        Such as "x.left-right.jpg".

    Returns
    -------
    {"side-by-side", "crossed"} or None
    """
    stem = PurePath(name).stem.lower()
    return next((key for key, pattern in _NAME_PATTERNS.items() if pattern.search(stem)), None)


def split_views(rgb: RGB, layout: str, name: str) -> tuple[RGB, StereoView]:
    """Split a picture of two views.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3), upright.
    layout : {"side-by-side", "crossed"}
        Whether the left half is for the left or for the right eye.
    name : str
        Name of the file for messages.

    Returns
    -------
    rgb : ndarray
        The left half: uint8 (H, W // 2, 3).
    view : StereoView
        The right half.

    Raises
    ------
    InputError
        For an unknown layout, and for a picture that is one pixel wide.
    """
    if layout not in _LAYOUTS:
        known = ", ".join(_LAYOUTS)
        raise InputError(f"{name}: stereo layout {layout!r} is unknown; use {known} or none")
    half = rgb.shape[1] // 2
    if not half:
        raise InputError(f"{name}: one pixel wide, so it has no two halves; use stereo none")
    left, right = (np.ascontiguousarray(part) for part in (rgb[:, :half], rgb[:, -half:]))
    side: ViewSide = "right" if layout == "side-by-side" else "left"
    return left, StereoView(right, side, "side-by-side")


def has_matching_halves(rgb: RGB) -> bool:
    """Return whether both halves of a picture show the same scene.

    A name such as `holiday_lr.jpg` alone is not enough.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3).

    Returns
    -------
    bool
    """
    height, width = rgb.shape[0], rgb.shape[1] // 2
    if min(height, width) < _GRID:
        return False
    left, right = _blocks(rgb[:, :width]), _blocks(rgb[:, -width:])
    reach = _GRID // 4
    fixed = left[:, reach:-reach]
    return any(
        _correlation(fixed, right[:, start : start + fixed.shape[1]]) > _MIN_CORRELATION
        for start in range(2 * reach + 1)
    )


def _blocks(rgb: RGB) -> NDArray[np.float32]:
    """Mean green of _GRID x _GRID blocks, sampled at every few pixels."""
    down, across = rgb.shape[0] // _GRID, rgb.shape[1] // _GRID
    rows, columns = max(1, down // 8), max(1, across // 8)
    sheet = rgb[: down * _GRID, : across * _GRID].reshape(_GRID, down, _GRID, across, 3)
    green = sheet[:, ::rows, :, ::columns, 1]
    return np.asarray(green.mean(axis=(1, 3)), np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
