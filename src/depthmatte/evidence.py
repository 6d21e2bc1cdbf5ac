"""Data that comes with a photo beside its pixels: depth, a second view, a stored matte."""

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
    """The value of a `validity` map (uint8): whether a depth value is valid, or why not."""

    VALID = 0
    MISSING = 1
    TOO_NEAR = 2
    TOO_FAR = 3
    OCCLUDED = 4
    """Visible to the photo's camera but hidden from the depth camera."""
    FLYING_PIXEL = 5
    """At a depth edge, where a sensor mixes the distances of two surfaces."""


@dataclass(frozen=True, eq=False, repr=False)
class RawDepth:
    """Depth as a file or device gave it, in its own resolution.

    Parameters
    ----------
    z : ndarray
        float32 (h, w), finite and not negative. Meters with `metric`, else relative in [0, 1]
        with 0 nearest. Values that are not valid may be any such number.
    validity : ndarray
        uint8 (h, w) of `DepthStatus`; 0 is valid.
    metric : bool
        Whether `z` is in meters.
    kind : str
        Name of the format for reports, such as "apple-disparity" or "png".
    camera : Camera, optional
        The camera that measured. Without it every value belongs to the photo's pixel at the
        same relative place.
    near, far : float, optional
        The range that the file states, in `unit`.
    unit : str, optional
        The unit that the file states.
    confidence : ndarray, optional
        float32 (h, w) in [0, 1], where the device gives one.
    time : float, optional
        Time of the measurement in seconds, on the clock of `Meta.time`.
    direction_assumed : bool
        Whether it was assumed, not stated, that larger numbers in the file are farther.

    Raises
    ------
    InputError
        When an array has the wrong type, shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte import RawDepth
    >>> RawDepth(np.full((3, 4), 2, np.float32), np.zeros((3, 4), np.uint8), True, "lidar")
    RawDepth('lidar', 4 x 3, metric)
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
        """(h, w) of the depth map."""
        return self.z.shape[0], self.z.shape[1]


@dataclass(frozen=True, eq=False, repr=False)
class StereoView:
    """A second picture of the same scene, for stereo matching.

    Parameters
    ----------
    rgb : ndarray
        uint8 (h, w, 3).
    side : {"left", "right"}
        Where its camera stands, seen from the photo's camera.
    kind : str
        Where it comes from: "mpo", "spatial-heic", "vr180" or "side-by-side" in the photo's
        file, "file" or "array" from the caller.
    camera : Camera, optional
        The calibrated camera of this view. The camera of the photo is `Photo.camera`.
    rectified : bool, optional
        Whether matching points lie in the same row. None when this is not known.
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
        """Whether the caller gave this view, in contrast to the photo's file."""
        return self.kind in ("file", "array")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything about depth and people that comes with a photo.

    Parameters
    ----------
    embedded_depth : RawDepth, optional
        Depth stored in the photo's file.
    depth_map : RawDepth, optional
        A depth map that the caller gave.
    second_view : StereoView, optional
        A second view, from the file or from the caller.
    matte : ndarray, optional
        The portrait matte stored in the photo's file, uint8 (h, w), upright.
    strokes : ndarray, optional
        Strokes of a brush from the caller, uint8 (H, W) at the size of the photo: 1 keeps, 2
        drops, 0 says nothing.

    Examples
    --------
    >>> import depthmatte as dm
    >>> photo = dm.read("portrait.heic")  # doctest: +SKIP
    >>> photo.evidence.embedded_depth  # doctest: +SKIP
    RawDepth('apple-disparity', 768 x 576, metric)
    """

    embedded_depth: RawDepth | None = None
    depth_map: RawDepth | None = None
    second_view: StereoView | None = None
    matte: NDArray[np.uint8] | None = field(default=None, repr=False)
    strokes: NDArray[np.uint8] | None = field(default=None, repr=False)

    __eq__ = dataclasses_equal
