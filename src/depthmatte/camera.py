"""Cameras: where a pixel looks, and where a point in space is seen (SPEC row A11).

Pixel centres lie at integers as in OpenCV: the first pixel's centre is (0, 0). The world
is in metres; a camera looks along its +z, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import lens_distortion
from .errors import InputError
from .lens_distortion import Floats, LensModel, Matrix

Intrinsics = tuple[tuple[int, int], float, float, float, float, tuple[float, ...], LensModel]

_ASPECT_TOLERANCE = 0.03
"""Share by which the width of two pictures of one view may differ at equal height."""

# EXIF orientation -> (x', y') of the upright image out of the stored (x, y): a signed
# permutation. What leaves at the far side comes back in at 0.
ORIENTATION_MATRICES: dict[int, list[list[int]]] = {
    1: [[1, 0], [0, 1]],
    2: [[-1, 0], [0, 1]],
    3: [[-1, 0], [0, -1]],
    4: [[1, 0], [0, -1]],
    5: [[0, 1], [1, 0]],
    6: [[0, -1], [1, 0]],
    7: [[0, -1], [-1, 0]],
    8: [[0, 1], [-1, 0]],
}


@dataclass(frozen=True)
class Camera:
    """A camera with an ordinary lens or a fisheye.

    `shape` is the (height, width) in pixels that `fx, fy, cx, cy` refer to. `distortion`
    holds what `model` takes (`lens`): OpenCV's k1, k2, p1, p2[, k3[, k4, k5, k6]] or nothing
    for "brown-conrady", k1, k2, k3, k4 or nothing for "equidistant". A world point X (3,) is
    at `rotation @ X + translation` in the camera's own frame, metres. `rotation` is
    orthonormal; the camera of a mirrored image has one that mirrors.
    """

    shape: tuple[int, int]
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    rotation: Matrix = field(default_factory=lambda: np.eye(3))
    translation: Matrix = field(default_factory=lambda: np.zeros(3))
    model: LensModel = "brown-conrady"

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise InputError("camera: intrinsics must be finite and fx, fy positive; check them")
        if self.model not in lens_distortion.COEFFICIENT_COUNTS:
            raise InputError(
                f"camera: lens model {self.model!r} is unknown; use {' or '.join(lens_distortion.COEFFICIENT_COUNTS)}"
            )
        if len(self.distortion) not in lens_distortion.COEFFICIENT_COUNTS[self.model]:
            counts = "none, 4, 5 or 8" if self.model == "brown-conrady" else "none or 4"
            raise InputError(f"camera: {len(self.distortion)} distortion numbers; give {counts}")
        if min(self.shape) < 1:
            raise InputError(f"camera: a size of {self.shape} pixels; give height and width")
        _check_pose(self.rotation, self.translation)

    @property
    def matrix(self) -> Matrix:
        """K, float64 (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], float)

    @property
    def intrinsics(self) -> Intrinsics:
        """(shape, fx, fy, cx, cy, distortion, model): what can be a key, and all but the pose."""
        return self.shape, self.fx, self.fy, self.cx, self.cy, self.distortion, self.model

    @classmethod
    def from_intrinsics(cls, intrinsics: Intrinsics) -> Camera:
        """A camera with this `lens`, at the world's origin."""
        return cls(*intrinsics[:6], model=intrinsics[6])

    @property
    def has_distortion(self) -> bool:
        """Whether the lens differs from a pinhole."""
        return lens_distortion.has_distortion(self.distortion, self.model)

    @property
    def max_ideal_radius(self) -> float:
        """The ideal radius, in focal lengths, up to which the lens model is one to one."""
        return lens_distortion.max_ideal_radius(self.distortion, self.model)

    def distort(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Ideal image coordinates x / z and y / z -> those the lens makes of them."""
        return lens_distortion.distort_points(x, y, self.distortion, self.model)

    def project(self, points: Floats) -> Matrix:
        """World points (..., 3) in metres -> pixels (..., 2) as (x, y).

        NaN for points that are not in front, or so far to the side that the lens model
        folds them back into the picture.
        """
        x, y, z = np.moveaxis(np.asarray(points, float) @ self.rotation.T + self.translation, -1, 0)
        ahead = z > 0
        z = np.where(ahead, z, 1)
        x, y = x / z, y / z
        ahead &= x * x + y * y <= self.max_ideal_radius**2
        x, y = self.distort(x, y)
        pixels = np.stack([x * self.fx + self.cx, y * self.fy + self.cy], axis=-1)
        return np.where(ahead[..., None], pixels, np.nan)

    def unproject(self, pixels: Floats, z: Floats) -> Matrix:
        """Pixels (..., 2) as (x, y) at depths `z` (...) along the optical axis -> world points.

        The inverse of `project`; NaN where the lens model shows nothing.
        """
        x = (np.asarray(pixels, float)[..., 0] - self.cx) / self.fx
        y = (np.asarray(pixels, float)[..., 1] - self.cy) / self.fy
        ideal = lens_distortion.undistort_points(x, y, self.distortion, self.model)
        rays = np.stack([*ideal, np.ones_like(x)], axis=-1)
        seen = rays * np.asarray(z, float)[..., None]
        return np.asarray((seen - self.translation) @ self.rotation)

    def rays(self) -> NDArray[np.float32]:
        """Where every pixel looks in the camera's own frame: float32 (h, w, 2), x/z and y/z.

        Kept for the cameras used last: treat it as read-only. NaN where the lens shows nothing.
        """
        return _rays(*self.intrinsics)

    def scaled(self, shape: tuple[int, int]) -> Camera:
        """The camera of the same picture resized to `shape` (h, w), half-pixel centres."""
        down, across = shape[0] / self.shape[0], shape[1] / self.shape[1]
        return replace(
            self,
            shape=shape,
            fx=self.fx * across,
            fy=self.fy * down,
            cx=(self.cx + 0.5) * across - 0.5,
            cy=(self.cy + 0.5) * down - 0.5,
        )

    def for_picture_shape(self, shape: tuple[int, int]) -> Camera:
        """The camera at the size (h, w) of a picture it took; InputError for other pictures."""
        if not is_same_aspect(self.shape, shape):
            (height, width), (rows, columns) = self.shape, shape
            raise InputError(
                f"calibrated for {width} x {height} pixels but its picture has {columns} x {rows}; "
                "give the calibration of this camera, turned like its picture"
            )
        return self if shape == self.shape else self.scaled(shape)

    def apply_orientation(self, orientation: int) -> Camera:
        """The camera of the upright picture, where this one took it as stored.

        `orientation` is the EXIF tag, 1 to 8: what turns the stored pixels upright. The
        world stays where it is, so poses to other cameras hold. Raises InputError for
        other numbers.
        """
        if orientation not in ORIENTATION_MATRICES:
            raise InputError(f"orientation {orientation} is unknown; use 1 to 8")
        turn = np.array(ORIENTATION_MATRICES[orientation])
        swapped = orientation >= 5
        height, width = self.shape[::-1] if swapped else self.shape
        far = np.where(turn.sum(axis=1) < 0, (width - 1, height - 1), 0)
        cx, cy = turn @ (self.cx, self.cy) + far
        fx, fy = np.abs(turn) @ (self.fx, self.fy)
        whole = np.eye(3)
        whole[:2, :2] = turn
        return replace(
            self,
            shape=(height, width),
            fx=float(fx),
            fy=float(fy),
            cx=float(cx),
            cy=float(cy),
            distortion=lens_distortion.rotate_coefficients(self.distortion, self.model, turn),
            rotation=whole @ self.rotation,
            translation=whole @ self.translation,
        )

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Camera) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in self.__dataclass_fields__
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=True)
class Rig:
    """Two cameras in one world: `photo` took the photo, `other` measured depth or took the
    second view. `rectified` says that rows of both images already match.
    """

    photo: Camera
    other: Camera
    rectified: bool = False

    @property
    def pose(self) -> tuple[Matrix, Matrix]:
        """(R, t): a point X in the other camera's frame is at R @ X + t in the photo's."""
        return relative_pose(self.other, self.photo)

    @property
    def baseline(self) -> float:
        """Distance between the two cameras in metres."""
        return float(np.linalg.norm(self.pose[1]))

    @property
    def side(self) -> Literal["left", "right"]:
        """Where the other camera stands, seen from the photo's."""
        return "left" if self.pose[1][0] < 0 else "right"

    @property
    def doffs(self) -> float:
        """cx of the right view minus cx of the left, in pixels of a rectified pair.

        Depth is fx * baseline / (disparity + doffs), with disparity = x_left - x_right
        (Middlebury).
        """
        apart = self.other.cx - self.photo.cx
        return apart if self.side == "right" else -apart


def relative_pose(source: Camera, target: Camera) -> tuple[Matrix, Matrix]:
    """(R, t): a point X in the frame of `source` is at R @ X + t in the frame of `target`."""
    rotation = target.rotation @ source.rotation.T
    return rotation, target.translation - rotation @ source.translation


def is_same_aspect(
    one: tuple[int, int], other: tuple[int, int], tolerance: float = _ASPECT_TOLERANCE
) -> bool:
    """Whether pictures of these (height, width) can show the same view at two sizes.

    At equal height their widths may differ by `tolerance`, relative to the larger width, or
    by a pixel of rounding.
    """
    (height, width), (rows, columns) = one, other
    expected = rows * width / height
    return abs(columns - expected) <= max(1, tolerance * max(columns, expected))


def _check_pose(rotation: Matrix, translation: Matrix) -> None:
    if np.shape(rotation) != (3, 3) or np.shape(translation) != (3,):
        raise InputError("camera: rotation must be 3 x 3 and translation 3 numbers; check them")
    if not np.isfinite(translation).all():
        raise InputError("camera: translation must be finite; check it")
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise InputError("camera: rotation must be orthonormal (a 3 x 3 rotation); check it")


@lru_cache(maxsize=8)
def _rays(
    shape: tuple[int, int],
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    distortion: tuple[float, ...],
    model: LensModel,
) -> NDArray[np.float32]:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    ideal = lens_distortion.undistort_points((x - cx) / fx, (y - cy) / fy, distortion, model)
    rays = np.stack(ideal, axis=-1).astype(np.float32)
    rays.setflags(write=False)
    return rays
