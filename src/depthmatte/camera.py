"""Cameras with lens distortion and pose, and rigs of two cameras.

Pixel centers lie at integers as in OpenCV: the center of the first pixel is (0, 0). World
coordinates are in meters. A camera looks along its +z axis, with x to the right and y down.
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

_WIDTH_TOLERANCE = 0.03
"""Relative difference in width that two pictures of one view may have at equal height."""

# EXIF orientation -> signed permutation that maps stored (x, y) to upright (x', y'). A negative
# row counts from the opposite side of the picture.
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
    """A calibrated camera with a pinhole, Brown-Conrady or equidistant fisheye lens.

    A world point X (3,) lies at `rotation @ X + translation` in the frame of the camera.

    Parameters
    ----------
    shape : tuple of int
        (height, width) in pixels of the picture that the intrinsics belong to.
    fx, fy : float
        Focal lengths in pixels.
    cx, cy : float
        Principal point in pixels.
    distortion : tuple of float
        Coefficients of the lens model. "brown-conrady" takes none, 4, 5 or 8 in the order of
        OpenCV (k1, k2, p1, p2, k3, k4, k5, k6). "equidistant" takes none or 4 (k1 to k4).
    rotation : ndarray
        float64 (3, 3), orthonormal. The camera of a mirrored picture has determinant -1.
    translation : ndarray
        float64 (3,), in meters.
    model : {"brown-conrady", "equidistant"}
        The lens model.

    Raises
    ------
    InputError
        When a number is not finite or does not fit the lens model.

    Examples
    --------
    >>> from depthmatte import Camera
    >>> camera = Camera((480, 640), fx=500, fy=500, cx=319.5, cy=239.5)
    >>> [round(float(v), 1) for v in camera.project([0.1, 0, 2])]
    [344.5, 239.5]
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
            models = " or ".join(lens_distortion.COEFFICIENT_COUNTS)
            raise InputError(f"camera: lens model {self.model!r} is unknown; use {models}")
        if len(self.distortion) not in lens_distortion.COEFFICIENT_COUNTS[self.model]:
            counts = "none, 4, 5 or 8" if self.model == "brown-conrady" else "none or 4"
            raise InputError(f"camera: {len(self.distortion)} distortion numbers; give {counts}")
        if min(self.shape) < 1:
            raise InputError(f"camera: a size of {self.shape} pixels; give height and width")
        _check_pose(self.rotation, self.translation)

    @property
    def matrix(self) -> Matrix:
        """The camera matrix K, float64 (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], float)

    @property
    def intrinsics(self) -> Intrinsics:
        """All but the pose as a hashable (shape, fx, fy, cx, cy, distortion, model)."""
        return self.shape, self.fx, self.fy, self.cx, self.cy, self.distortion, self.model

    @classmethod
    def from_intrinsics(cls, intrinsics: Intrinsics) -> Camera:
        """Make a camera with these `intrinsics` at the origin of the world."""
        return cls(*intrinsics[:6], model=intrinsics[6])

    @property
    def has_distortion(self) -> bool:
        """Whether the lens differs from a pinhole."""
        return lens_distortion.has_distortion(self.distortion, self.model)

    @property
    def max_ideal_radius(self) -> float:
        """Largest undistorted radius, in focal lengths, at which the lens model is one to one."""
        return lens_distortion.max_ideal_radius(self.distortion, self.model)

    def distort(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Distort normalized image coordinates x / z and y / z, arrays of equal shape."""
        return lens_distortion.distort_points(x, y, self.distortion, self.model)

    def project(self, points: Floats) -> Matrix:
        """Project world points to pixels.

        Parameters
        ----------
        points : array_like
            (..., 3), in meters.

        Returns
        -------
        ndarray
            float64 (..., 2), as (x, y) in pixels. NaN for points behind the camera, and for
            points so far to the side that the lens model is no longer one to one.
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
        """Return the world points of pixels with known depth: the inverse of `project`.

        Parameters
        ----------
        pixels : array_like
            (..., 2), as (x, y).
        z : array_like
            (...), depth along the optical axis in meters.

        Returns
        -------
        ndarray
            float64 (..., 3), in meters. NaN where the lens model is not invertible.
        """
        x = (np.asarray(pixels, float)[..., 0] - self.cx) / self.fx
        y = (np.asarray(pixels, float)[..., 1] - self.cy) / self.fy
        ideal = lens_distortion.undistort_points(x, y, self.distortion, self.model)
        rays = np.stack([*ideal, np.ones_like(x)], axis=-1)
        in_camera = rays * np.asarray(z, float)[..., None]
        return np.asarray((in_camera - self.translation) @ self.rotation)

    def rays(self) -> NDArray[np.float32]:
        """Return the viewing ray of every pixel in the frame of the camera.

        Returns
        -------
        ndarray
            float32 (h, w, 2) of x / z and y / z, read-only and cached. NaN where the lens model
            is not invertible.
        """
        return _rays(*self.intrinsics)

    def scaled(self, shape: tuple[int, int]) -> Camera:
        """Return the camera of the same picture resized to `shape` (h, w)."""
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
        """Return the camera for a picture of this size.

        Parameters
        ----------
        shape : tuple of int
            (height, width) of the picture, at any scale of the calibrated size.

        Raises
        ------
        InputError
            When the aspect ratio differs from that of the calibration.
        """
        if not is_same_aspect(self.shape, shape):
            (height, width), (rows, columns) = self.shape, shape
            raise InputError(
                f"calibrated for {width} x {height} pixels but its picture has {columns} x {rows}; "
                "give the calibration of this camera, turned like its picture"
            )
        return self if shape == self.shape else self.scaled(shape)

    def apply_orientation(self, orientation: int) -> Camera:
        """Return the camera of the picture turned upright.

        The world stays in place, so poses relative to other cameras hold.

        Parameters
        ----------
        orientation : int
            EXIF orientation of the stored pixels, 1 to 8.

        Raises
        ------
        InputError
            For any other number.
        """
        if orientation not in ORIENTATION_MATRICES:
            raise InputError(f"orientation {orientation} is unknown; use 1 to 8")
        permutation = np.array(ORIENTATION_MATRICES[orientation])
        swapped = orientation >= 5
        height, width = self.shape[::-1] if swapped else self.shape
        offset = np.where(permutation.sum(axis=1) < 0, (width - 1, height - 1), 0)
        cx, cy = permutation @ (self.cx, self.cy) + offset
        fx, fy = np.abs(permutation) @ (self.fx, self.fy)
        turn = np.eye(3)
        turn[:2, :2] = permutation
        return replace(
            self,
            shape=(height, width),
            fx=float(fx),
            fy=float(fy),
            cx=float(cx),
            cy=float(cy),
            distortion=lens_distortion.rotate_coefficients(
                self.distortion, self.model, permutation
            ),
            rotation=turn @ self.rotation,
            translation=turn @ self.translation,
        )

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Camera) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in self.__dataclass_fields__
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=True)
class Rig:
    """Two cameras in one world coordinate system.

    Parameters
    ----------
    photo : Camera
        The camera of the photo.
    other : Camera
        The camera of the depth map or of the second view.
    rectified : bool
        Whether matching points already lie in the same row of both pictures.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte import Camera, Rig
    >>> left = Camera((480, 640), fx=500, fy=500, cx=320, cy=240)
    >>> right = Camera((480, 640), 500, 500, 320, 240, translation=np.array([-0.1, 0, 0]))
    >>> rig = Rig(left, right, rectified=True)
    >>> rig.baseline, rig.side
    (0.1, 'right')
    """

    photo: Camera
    other: Camera
    rectified: bool = False

    @property
    def pose(self) -> tuple[Matrix, Matrix]:
        """(R, t) so that X in the frame of `other` lies at R @ X + t in the frame of `photo`."""
        return relative_pose(self.other, self.photo)

    @property
    def baseline(self) -> float:
        """Distance between the two cameras in meters."""
        return float(np.linalg.norm(self.pose[1]))

    @property
    def side(self) -> Literal["left", "right"]:
        """On which side of the photo's camera the other camera stands."""
        return "left" if self.pose[1][0] < 0 else "right"

    @property
    def doffs(self) -> float:
        """cx of the right view minus cx of the left view of a rectified pair, in pixels.

        Depth is fx * baseline / (disparity + doffs) with disparity = x_left - x_right, as in
        the Middlebury stereo data sets.
        """
        difference = self.other.cx - self.photo.cx
        return difference if self.side == "right" else -difference


def relative_pose(source: Camera, target: Camera) -> tuple[Matrix, Matrix]:
    """Return (R, t) so that X in the frame of `source` lies at R @ X + t in that of `target`."""
    rotation = target.rotation @ source.rotation.T
    return rotation, target.translation - rotation @ source.translation


def is_same_aspect(
    one: tuple[int, int], other: tuple[int, int], tolerance: float = _WIDTH_TOLERANCE
) -> bool:
    """Return whether pictures of these (height, width) can show one view at two sizes.

    At equal height their widths may differ by `tolerance`, relative to the larger width, or
    by one pixel of rounding.
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
