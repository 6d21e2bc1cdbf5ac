"""What is known about depth beside the photo's own pixels: RawDepth, StereoView, Evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .errors import InputError
from .types import dataclasses_equal

ViewSide = Literal["left", "right"]


class DepthStatus(IntEnum):
    """Why a depth value counts or not: what `validity` maps hold, uint8."""

    VALID = 0
    MISSING = 1
    TOO_NEAR = 2
    TOO_FAR = 3
    OCCLUDED = 4
    """Seen by the photo's camera, hidden from the one that measured."""
    FLYING_PIXEL = 5
    """Between two surfaces, where sensors flicker or mix them."""


@dataclass(frozen=True, eq=False, repr=False)
class RawDepth:
    """Depth as a file or device gave it, on its own grid.

    `z` is float32 (h, w), finite, >= 0: metres with `metric`, else relative in [0, 1], 0
    nearest; where `validity` (uint8 (h, w) of Reason) is not VALID it may be any such
    number. `kind` names the format for reports ("apple-disparity", "png", ...). `near`,
    `far` and `unit` are what the file states. `camera` is the one that measured; None says
    that every value belongs to the photo's pixel at the same place. `confidence` is
    float32 (h, w) in [0, 1] where the device gave one. `time` is in seconds. `assumed` says
    that nobody told whether larger numbers are farther: it was taken for granted.
    """

    z: NDArray[np.float32]
    validity: NDArray[np.uint8]
    metric: bool
    kind: str
    camera: Camera | None = None
    near: float | None = None
    far: float | None = None
    unit: str | None = None
    confidence: NDArray[np.float32] | None = None
    time: float | None = None
    direction_assumed: bool = False

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.shape
        unit = "metric" if self.metric else "relative"
        return f"RawDepth({self.kind!r}, {width} x {height}, {unit})"

    def __post_init__(self) -> None:
        if self.z.ndim != 2 or self.z.dtype != np.float32 or not self.z.size:
            raise InputError(f"{self.kind} depth must be float32 (h, w), got {self.z.shape}")
        if self.validity.shape != self.z.shape or self.validity.dtype != np.uint8:
            raise InputError(f"{self.kind} depth: validity does not match {self.z.shape}")
        if not np.isfinite(self.z).all() or self.z.min() < 0:
            raise InputError(f"{self.kind} depth must be finite and not negative")
        if not self.metric and self.z.max() > 1:
            raise InputError(f"{self.kind} depth: relative values must lie in [0, 1]")

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of the depth's own grid."""
        return self.z.shape[0], self.z.shape[1]


@dataclass(frozen=True, eq=False, repr=False)
class StereoView:
    """A second picture of the scene from beside the photo: `rgb` uint8 (h, w, 3).

    `side` says where it was taken from as seen from the photo's camera. `kind` names where
    it came from ("mpo", "spatial-heic", "vr180", "side-by-side"; "file" and "array" from the
    caller). `camera` belongs
    to this view, where calibration is known; the photo's own is `Photo.camera`. With
    `rectified` matching points lie in equal rows; None says that nobody knows.
    """

    rgb: NDArray[np.uint8]
    side: ViewSide
    kind: str
    camera: Camera | None = None
    rectified: bool | None = None

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.rgb.shape[:2]
        return f"StereoView({self.kind!r}, {self.side!r}, {width} x {height})"

    @property
    def is_attached(self) -> bool:
        """Whether the caller brought it, and the photo's file did not hold it."""
        return self.kind in ("file", "array")


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that came with a photo. `matte` is a portrait effects matte, uint8 (h, w), as stored."""

    embedded_depth: RawDepth | None = None
    depth_map: RawDepth | None = None
    second_view: StereoView | None = None
    matte: NDArray[np.uint8] | None = field(default=None, repr=False)

    __eq__ = dataclasses_equal
