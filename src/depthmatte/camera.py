"""Cameras: where a pixel looks, and where a point in space is seen (SPEC row A11).

Pixel centres lie at integers as in OpenCV: the first pixel's centre is (0, 0). The world
is in metres; a camera looks along its +z, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with Brown-Conrady distortion.

    `shape` is the (height, width) in pixels that `fx, fy, cx, cy` refer to. `distortion`
    holds OpenCV's k1, k2, p1, p2[, k3[, k4, k5, k6]], or nothing. A world point X (3,) is at
    `rotation @ X + translation` in the camera's own frame, metres.
    """

    shape: tuple[int, int]
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    rotation: Matrix = field(default_factory=lambda: np.eye(3))
    translation: Matrix = field(default_factory=lambda: np.zeros(3))

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise InputError("camera: intrinsics must be finite and fx, fy positive; check them")
        if len(self.distortion) not in (0, 4, 5, 8):
            raise InputError(
                f"camera: {len(self.distortion)} distortion numbers; give none, 4, 5 or 8"
            )

    @property
    def matrix(self) -> Matrix:
        """K, float64 (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

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
