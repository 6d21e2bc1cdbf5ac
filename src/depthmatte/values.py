"""The values that pipeline steps exchange: Matte, Depth and PartShares, checked on creation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .canvas import Letterbox
from .errors import InputError
from .evidence import DepthStatus
from .types import Float, dataclasses_equal

MIN_MEAN_PROB = 0.5
"""Mean probability of a matte's pixels below which no person is assumed."""

PART_NAMES = ("hair", "face_skin", "body_skin", "clothes", "things")
"""The parts of a person, in the order of their maps. Things are worn or held: bags, hats, glasses,
phones."""

_MIN_DEPTH_RATIO = 2.0
"""Smallest ratio of farthest to nearest distance, so that a flat wall is not stretched."""


class DepthScale(NamedTuple):
    """The depth range of a scene: robust ends of log depth, and the largest depth.

    `near` and `far` are natural logarithms of meters. `max_meters` is in meters.
    """

    near: float
    far: float
    max_meters: float

    @classmethod
    def from_meters(cls, meters: Float, known: NDArray[np.bool_] | None = None) -> DepthScale:
        """Measure depth in meters (h, w) where `known`.

        `near` and `far` are the 1st and 99th percentiles.
        """
        values = meters if known is None else meters[known]
        near, far = np.percentile(_log_meters(values), (1, 99)) if values.size else (0.0, 0.0)
        return cls(float(near), float(far), float(values.max(initial=0.0)))


def _log_meters(meters: Float) -> Float:
    return np.asarray(np.log(np.maximum(meters, np.float32(1e-3))), np.float32)


def normalized_log_depth(meters: Float, scale: DepthScale | None = None) -> Float:
    """Convert meters to normalized log depth d in [0, 1], 0 at the near end of the scene.

    Equal steps in d are equal ratios of distance.

    Parameters
    ----------
    meters : ndarray
        float32 (h, w).
    scale : DepthScale, optional
        The range of the scene. Without it the range of `meters` counts.

    Returns
    -------
    ndarray
        float32 (h, w) in [0, 1].
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
    """The result of segmentation on the canvas.

    Parameters
    ----------
    alpha : ndarray
        Opacity of the person, float32 (h, w) in [0, 1].
    prob : ndarray
        Probability that a pixel belongs to the portrait, float32 (h, w) in [0, 1].
    rgb : ndarray, optional
        The canvas pixels, float32 (3, h, w) in [0, 1], for a fusion that uses color.
    opacity : ndarray, optional
        Opacity of the person, float32 (h, w) in [0, 1], where a fusion has made `alpha` something
        else.

    Raises
    ------
    InputError
        When an array has the wrong type, shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte import Matte
    >>> Matte(np.ones((4, 6), np.float32), np.ones((4, 6), np.float32))
    Matte(6 x 4, 100.0% portrait)
    """

    alpha: Float
    prob: Float
    rgb: Float | None = None
    opacity: Float | None = None

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, 0, 1)
        _check("prob", self.prob, 0, 1)
        if self.alpha.shape != self.prob.shape:
            raise InputError(f"alpha {self.alpha.shape} and prob {self.prob.shape} differ in size")
        if self.opacity is not None:
            _check("opacity", self.opacity, 0, 1)
        if self.rgb is not None and self.rgb.shape != (3, *self.alpha.shape):
            raise InputError(f"rgb must be {(3, *self.alpha.shape)}, got {self.rgb.shape}")

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.alpha.shape
        return f"Matte({width} x {height}, {self.alpha.mean():.1%} portrait)"

    def is_likely(self, threshold: float) -> bool:
        """Return whether the pixels with alpha at or above `threshold` are likely a person.

        Their mean probability must reach 0.5. This rejects patterns and curtains that resemble
        a person.
        """
        values = self.prob[self.alpha >= threshold]
        return bool(values.size and values.mean() >= MIN_MEAN_PROB)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Matte:
        """Return a matte without a person: alpha and probability 0 everywhere."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


@dataclass(frozen=True, eq=False, repr=False)
class Depth:
    """Depth on the canvas.

    A photo without depth has a Depth with probability 0, see `Depth.none`.

    Parameters
    ----------
    z : ndarray
        float32 (h, w). Meters with `metric`, else relative in [0, 1] with 0 nearest. Any finite
        number where depth is not known.
    prob : ndarray
        Probability that the depth is right, float32 (h, w) in [0, 1]; 0 where not known.
    metric : bool
        Whether `z` is in meters.
    source : str
        Where the depth comes from: "stored", "sensor", "stereo", "mono" (an estimate) or "none".
    validity : ndarray
        uint8 (h, w) of `DepthStatus`. By default depth is valid where `prob` > 0 and missing
        elsewhere.
    reference_scale : DepthScale, optional
        The range of the whole scene, for metric depth that shows a part of it.

    Raises
    ------
    InputError
        When an array has the wrong type, shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte import Depth
    >>> z = np.full((4, 6), 2.5, np.float32)
    >>> Depth(z, np.ones_like(z), metric=True, source="sensor")
    Depth(6 x 4, meters, 'sensor', 100.0% known)
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
        height, width = self.shape
        unit = "meters" if self.metric else "relative"
        return f"Depth({width} x {height}, {unit}, {self.source!r}, {self.known.mean():.1%} known)"

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Depth:
        """Return a Depth without any known value: probability 0 everywhere."""
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of the canvas."""
        return self.z.shape[0], self.z.shape[1]

    @property
    def is_deferred(self) -> bool:
        """Whether nothing has computed this depth yet (`depth.deferred.DeferredDepth`)."""
        return False

    def computed(self) -> Depth:
        """Return the depth with all maps; a deferred one is computed now."""
        return self

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where depth is valid, bool (h, w). The probability may still be 0 there."""
        return np.asarray(self.validity == DepthStatus.VALID)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Where depth can be used, bool (h, w): where known, unless all probabilities are 0."""
        return self.known & self.prob.any()

    @cached_property
    def log_depth(self) -> Float:
        """Normalized log depth, float32 (h, w) in [0, 1] with 0 nearest; 0 where not usable.

        Metric depth is converted by `normalized_log_depth`. Relative depth is taken as it is.
        """
        if not self.usable.any():
            return np.zeros_like(self.z)
        d = normalized_log_depth(self.z, self.scale) if self.metric else self.z
        return np.where(self.usable, d, np.float32(0))

    @cached_property
    def scale(self) -> DepthScale:
        """The depth range of the scene: `reference_scale`, else that of the known depth."""
        return self.reference_scale or DepthScale.from_meters(self.z, self.known)

    @property
    def relative(self) -> Float:
        """`z` in [0, 1]: metric depth is divided by the largest depth of the scene."""
        if not self.metric:
            return self.z
        return relative_to_largest(self.z, self.scale.max_meters)


def relative_to_largest(z: Float, largest: float) -> Float:
    """Divide depth (h, w) by the largest depth and clip at 1; all 0 when the largest is 0."""
    if largest == 0:
        return np.zeros_like(z)
    # Clip first: the quotient may overflow.
    return np.asarray(np.minimum(z, largest) / np.float32(largest), np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class PartShares:
    """Which part of the person a pixel of a canvas is, if it belongs to the person.

    Parameters
    ----------
    maps : ndarray
        The share of each of `PART_NAMES`, float32 (parts, h, w) in [0, 1]. They add up to 1.
    fit : Letterbox
        The layout of the photo on the canvas.
    rgb : ndarray
        The canvas pixels, float32 (3, h, w) in [0, 1].

    Raises
    ------
    InputError
        When an array has the wrong type or shape, or the maps do not add up to 1.
    """

    maps: Float
    fit: Letterbox
    rgb: Float

    def __post_init__(self) -> None:
        expected = (len(PART_NAMES), *self.fit.canvas)
        if self.maps.dtype != np.float32 or self.maps.shape != expected:
            raise InputError(
                f"parts must be float32 {expected}, got {self.maps.dtype} {self.maps.shape}"
            )
        _check("parts", self.maps.reshape(-1, expected[2]), 0, 1)
        if not np.allclose(self.maps.sum(axis=0), 1, atol=1e-3):
            raise InputError("parts must add up to 1 at every pixel")
        if self.rgb.shape != (3, *self.fit.canvas):
            raise InputError(f"rgb must be {(3, *self.fit.canvas)}, got {self.rgb.shape}")

    __eq__ = dataclasses_equal

    def __repr__(self) -> str:
        height, width = self.fit.canvas
        return f"PartShares({width} x {height})"
