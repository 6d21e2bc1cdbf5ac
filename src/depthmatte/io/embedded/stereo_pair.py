"""Two views in one file: multi-picture JPEG (MPO), VR180, and pictures side by side."""

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
"""The left view in the left half, or in the right half (for squinting)."""

_NAMES = {
    "side-by-side": re.compile(r"(left[-_. ]?right|side[-_ ]?by[-_ ]?side|(^|[-_. ])(lr|sbs))$"),
    "crossed": re.compile(r"(right[-_. ]?left|cross(ed|[-_ ]?eyed?)|(^|[-_. ])rl)$"),
}
_MIN_CORRELATION = 0.6
"""Correlation of two halves at the best shift above which they show one scene."""

_GRID = 48
"""Blocks a side in which halves are compared."""


def find_mpo_view(
    content: bytes, pictures: list[MpoPicture], shape: tuple[int, int]
) -> StereoView | None:
    """The second view of a stereo JPEG of `shape` (h, w), as stored.

    Phones list previews, gain maps and depth in the same way: a view has the type of one,
    or no type, no description and the photo's own size.
    """
    views = [picture for picture in pictures if picture.kind == MPO_DISPARITY_VIEW] or [
        picture for picture in pictures if picture.kind == MPO_UNDEFINED and not _described(picture)
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


def _described(picture: MpoPicture) -> bool:
    """Does the picture carry any XMP, as depth maps and gain maps do?"""
    return any(
        segment.marker == APP1 and segment.payload.startswith(xmp.XMP_HEADER)
        for segment in jpeg_segments.read_jpeg_segments(picture.content)
    )


def find_vr180_view(about: Xmp, shape: tuple[int, int]) -> StereoView | None:
    """The right eye of a VR180 photo, whose own pixels are the left eye's."""
    data = gdepth.find_vr180_jpeg(about)
    if data is None:
        return None
    rgb = aux_image.decode_second_view(data, shape)
    return None if rgb is None else StereoView(rgb, "right", "vr180")


def make_side_camera(
    camera: Camera | None, side: ViewSide, baseline: float | None
) -> Camera | None:
    """The camera of a second view: the same lens, `baseline` metres to one side."""
    if camera is None or not baseline:
        return None
    shift = -baseline if side == "right" else baseline
    return replace(camera, translation=np.array([shift, 0.0, 0.0]))


def layout_from_name(name: str) -> str | None:
    """How a file's name says that two views lie in its one picture: `x.left-right.jpg`."""
    stem = PurePath(name).stem.lower()
    return next((key for key, pattern in _NAMES.items() if pattern.search(stem)), None)


def split_views(rgb: RGB, layout: str, name: str) -> tuple[RGB, StereoView]:
    """An upright picture (H, W, 3) of two views -> its left half and the other view.

    Raises InputError for an unknown arrangement and a picture without two halves.
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
    """Do both halves show one scene? A name like `holiday_lr.jpg` alone is not believed."""
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
    """Mean green of _GRID x _GRID blocks, from every few pixels."""
    down, across = rgb.shape[0] // _GRID, rgb.shape[1] // _GRID
    rows, columns = max(1, down // 8), max(1, across // 8)
    sheet = rgb[: down * _GRID, : across * _GRID].reshape(_GRID, down, _GRID, across, 3)
    green = sheet[:, ::rows, :, ::columns, 1]
    return np.asarray(green.mean(axis=(1, 3)), np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else 0.0
