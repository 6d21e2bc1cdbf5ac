"""The values that travel between steps: Matte and Depth, checked on creation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .evidence import DepthStatus
from .types import Float, dataclasses_equal

MIN_MEAN_PROB = 0.5
"""Mean probability of being the portrait below which what was cut is not one."""

_MIN_DEPTH_RATIO = 2.0
"""A scene spans at least this ratio of distances, so a flat wall is not stretched."""


class DepthScale(NamedTuple):
    """What metric depth is measured by: log metres of the scene's nearest and farthest part, and
    its largest metres.
    """

    near: float
    far: float
    max_meters: float

    @classmethod
    def from_meters(cls, meters: Float, known: NDArray[np.bool_] | None = None) -> DepthScale:
        """Of metres (h, w) where `known`; one per cent is cut off at both log ends."""
        seen = meters if known is None else meters[known]
        near, far = np.percentile(_log_meters(seen), (1, 99)) if seen.size else (0.0, 0.0)
        return cls(float(near), float(far), float(seen.max(initial=0.0)))


def _log_meters(meters: Float) -> Float:
    return np.asarray(np.log(np.maximum(meters, np.float32(1e-3))), np.float32)


def normalized_log_depth(meters: Float, scale: DepthScale | None = None) -> Float:
    """Metres (h, w) -> d in [0, 1]: log distance between the scene's nearest and farthest part.

    A step in d is a ratio of distances. `scale` is that of the scene, else of `metres`.
    """
    near, far, _ = scale or DepthScale.from_meters(meters)
    d = (_log_meters(meters) - near) / max(far - near, np.log(_MIN_DEPTH_RATIO))
    return np.asarray(np.clip(d, 0, 1), np.float32)


def _check(name: str, values: Float, low: float, high: float) -> None:
    if values.ndim != 2 or values.dtype != np.float32:
        raise InputError(f"{name} must be float32 (h, w), got {values.dtype} {values.shape}")
    if not values.size or not np.isfinite(values).all():
        raise InputError(f"{name} must be finite and not empty")
    if values.min() < low or values.max() > high:
        raise InputError(
            f"{name} must lie in [{low:g}, {high:g}], "
            f"got [{float(values.min()):g}, {float(values.max()):g}]"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Matte:
    """The segmentation's opinion: `alpha` (S_in) and `prob` (I1), float32 (h, w) in [0, 1].

    `rgb` is what it is an opinion of, float32 (3, h, w) in [0, 1], for a fusion that looks
    at colours too; left out, nobody knows.
    """

    alpha: Float
    prob: Float
    rgb: Float | None = None

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, 0, 1)
        _check("prob", self.prob, 0, 1)
        if self.alpha.shape != self.prob.shape:
            raise InputError(f"alpha {self.alpha.shape} and prob {self.prob.shape} differ in size")
        if self.rgb is not None and self.rgb.shape != (3, *self.alpha.shape):
            raise InputError(f"rgb must be {(3, *self.alpha.shape)}, got {self.rgb.shape}")

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.alpha.shape
        return f"Matte({width} x {height}, {self.alpha.mean():.1%} portrait)"

    def is_likely(self, threshold: float) -> bool:
        """Is what reaches `threshold` rather the portrait than not, by the mean of its I1?

        A pattern or a curtain that looks a little like somebody is not.
        """
        shown = self.prob[self.alpha >= threshold]
        return bool(shown.size and shown.mean() >= MIN_MEAN_PROB)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Matte:
        """Nobody: alpha and probability 0 everywhere."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


@dataclass(frozen=True, eq=False, repr=False)
class Depth:
    """The depth opinion: `z` float32 (h, w), 0 near, and `prob` (I2) in [0, 1].

    `z` is relative, in [0, 1], or with `metric` in metres. Where nothing was measured
    `prob` is 0 and `z` is any finite number: "no depth" is a Depth, never None. `source`
    says where it came from: reports name it, fusion trusts by it, and "mono" (an estimate) is
    made again for a second look. `validity` is uint8 (h, w) of `evidence.Reason`: why a value
    counts or not; left out, it is VALID where `prob` > 0 and MISSING elsewhere. `given` is the
    scale of the scene that metric depth is a part of; left out, its own.
    """

    z: Float
    prob: Float
    metric: bool = False
    source: str = "none"
    validity: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    reference_scale: DepthScale | None = None

    def __post_init__(self) -> None:
        _check("depth", self.z, 0, np.inf if self.metric else 1)
        _check("depth probability", self.prob, 0, 1)
        if self.z.shape != self.prob.shape:
            raise InputError(f"depth {self.z.shape} and prob {self.prob.shape} differ in size")
        if not self.validity.size:
            missing = np.where(
                self.prob > 0, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING)
            )
            object.__setattr__(self, "validity", missing)
        if self.validity.shape != self.z.shape or self.validity.dtype != np.uint8:
            raise InputError(f"validity must be uint8 {self.z.shape}, got {self.validity.shape}")

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.z.shape
        unit = "metres" if self.metric else "relative"
        return f"Depth({width} x {height}, {unit}, {self.source!r}, {self.known.mean():.1%} known)"

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Depth:
        """No depth at all: probability 0 everywhere."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where depth was measured, boolean (h, w): row A13 gives the farthest of it I2 = 0."""
        return np.asarray(self.validity == DepthStatus.VALID)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Where depth counts, boolean (h, w): where measured, nowhere if I2 is 0 throughout."""
        return self.known & self.prob.any()

    @cached_property
    def log_depth(self) -> Float:
        """d in [0, 1] as the depth network means it, `log_distance`; 0 where not usable."""
        if not self.usable.any():
            return np.zeros_like(self.z)
        d = normalized_log_depth(self.z, self.scale) if self.metric else self.z
        return np.where(self.usable, d, np.float32(0))

    @cached_property
    def scale(self) -> DepthScale:
        """What metric depth is measured by: `given`, or its own where it was measured."""
        return self.reference_scale or DepthScale.from_meters(self.z, self.known)

    @property
    def relative(self) -> Float:
        """`z` in [0, 1]: metres divided by the largest measured depth (row A14)."""
        if not self.metric:
            return self.z
        return relative_to_largest(self.z, self.scale.max_meters)


def relative_to_largest(z: Float, largest: float) -> Float:
    """z as a part of the largest, at most 1 where nobody measured; all 0 if that is 0."""
    if largest == 0:
        return np.zeros_like(z)
    # Cut off first: a quotient may overflow.
    return np.asarray(np.minimum(z, largest) / np.float32(largest), np.float32)
