"""Checked cameras and rigs out of the numbers of any calibration file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Matrix, Rig
from ..errors import InputError

Size = tuple[int, int]

FARTHEST_APART = 5.0
"""Metres: cameras of one rig farther apart than this were written in another unit."""

_OFF_CENTRE = 0.3
"""Share of a side that a principal point may lie off the middle of a picture whose size is
only assumed."""


def camera(matrix: Matrix, distortion: Sequence[float], size: Size, name: str) -> Camera:
    """A camera at the world's origin from K (3, 3), distortion and (height, width)."""
    if abs(matrix[0, 1]) > 1e-6 * abs(matrix[0, 0]) or matrix[2].tolist() != [0, 0, 1]:
        raise InputError(f"{name}: K must be fx 0 cx, 0 fy cy, 0 0 1; mend it")
    numbers = tuple(float(number) for number in distortion)
    if not any(numbers[8:]):
        numbers = numbers[:8]  # OpenCV writes 12 or 14 with zeros for what is not used
    if not any(numbers):
        numbers = ()
    fx, fy, cx, cy = (float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
    try:
        return Camera(size, fx, fy, cx, cy, numbers)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def sized(size: Size | None, assumed: Size | None, matrix: Matrix, name: str) -> Size:
    """The (height, width) a file states, else that of the picture if K could belong to it."""
    if size is not None:
        return size
    if assumed is None:
        raise InputError(f"{name}: names no image size; add image_width and image_height")
    height, width = assumed
    off = abs(matrix[0, 2] / width - 0.5), abs(matrix[1, 2] / height - 0.5)
    if max(off) > _OFF_CENTRE:
        raise InputError(
            f"{name}: names no image size, and its cx, cy do not fit the picture's {width} x "
            f"{height}; add image_width and image_height"
        )
    return assumed


def rig(
    photo: Camera, other: Camera, rotation: Matrix, translation: Matrix, rectified: bool, name: str
) -> Rig:
    """The photo's camera at the origin; X of its frame is at R @ X + t in the other's."""
    apart = float(np.linalg.norm(translation))
    if not apart <= FARTHEST_APART:
        raise InputError(
            f"{name}: puts the cameras {apart:.4g} m apart; write the translation in metres "
            "(or add unit: mm to a file of OpenCV)"
        )
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise InputError(f"{name}: rotation is not a 3 x 3 rotation matrix; mend it")
    fields = {key: getattr(other, key) for key in ("shape", "fx", "fy", "cx", "cy", "distortion")}
    placed = Camera(**fields, rotation=_orthonormal(rotation), translation=translation)
    pair = Rig(photo, placed, rectified)
    if rectified:
        _check_rectified(pair, name)
    return pair


def numbers(value: Any, shape: tuple[int, ...], what: str, name: str) -> NDArray[np.float64]:
    """Finite numbers of `shape`, from lists or an array of any layout with as many entries."""
    try:
        array = np.asarray(value, np.float64)
        if array.size != np.prod(shape) or not np.isfinite(array).all():
            raise ValueError
        return array.reshape(shape)
    except (TypeError, ValueError) as error:
        wanted = " x ".join(map(str, shape))
        raise InputError(f"{name}: {what} must be {wanted} finite numbers; mend it") from error


def _orthonormal(rotation: Matrix) -> Matrix:
    """The nearest rotation: files round theirs to a few digits."""
    left, _, right = np.linalg.svd(rotation)
    return np.asarray(left @ right)


def _check_rectified(pair: Rig, name: str) -> None:
    rotation, translation = pair.pose
    aside = np.linalg.norm(translation[1:])
    rows = abs(pair.photo.fy - pair.other.fy) + abs(pair.photo.cy - pair.other.cy)
    lenses = any(pair.photo.distortion) or any(pair.other.distortion)
    level = np.allclose(rotation, np.eye(3), atol=1e-3) and aside <= 0.01 * pair.baseline
    if lenses or not level or rows > 1 or pair.baseline == 0:
        raise InputError(
            f"{name}: says rectified, but its cameras are not side by side with equal rows and "
            "no distortion; set rectified to false or give the rectified calibration"
        )
