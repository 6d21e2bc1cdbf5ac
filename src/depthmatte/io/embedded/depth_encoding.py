"""Convert the numbers of a stored depth map (levels, disparities, distances) to RawDepth.

Formulas: Google's GDepth and Dynamic Depth 1.0 (RangeInverse, RangeLinear) and Apple's
AVDepthData (disparity in 1/m).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...evidence import DepthStatus, RawDepth
from ...types import Float
from ..damage import CorruptFileError

_UNITS = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("m", 1.0)),
    **dict.fromkeys(("mm", "millimeter", "millimeters"), ("mm", 0.001)),
    **dict.fromkeys(("diopter", "diopters", "dioptre", "dioptres", "1/m"), ("1/m", 1.0)),
}

_MAX_PHONE_METERS = 50.0
"""Distance beyond which a phone cannot tell depth from infinity.

The lenses of a phone are about a centimeter apart. At this distance the disparity is as small as
the error of its stereo matching.
"""


def _range_inverse(levels: Float, near: float, far: float) -> Float:
    """Levels n in [0, 1] -> 1/z, with z = far near / (far - n (far - near)).

    That is (1 - n) / near + n / far, which also holds where `far` is infinite.
    """
    return np.asarray((1 - levels) * (1 / near) + levels * (1 / far), np.float32)


def _range_linear(levels: Float, near: float, far: float) -> Float:
    """Levels n in [0, 1] -> z = near + n (far - near)."""
    return np.asarray((1 - levels) * near + levels * far, np.float32)


def disparity_to_depth(
    disparity: Float, farthest: float = _MAX_PHONE_METERS
) -> tuple[Float, NDArray[np.uint8]]:
    """Convert disparity in 1/m to depth.

    Parameters
    ----------
    disparity : ndarray
        float32 (h, w) in 1/m; NaN where it is missing.
    farthest : float
        Largest depth in meters.

    Returns
    -------
    z : ndarray
        float32 (h, w) in meters. Beyond `farthest`, and at zero or negative disparity, it is
        `farthest`. Where the disparity is missing it is 0.
    validity : ndarray
        uint8 (h, w) of DepthStatus: VALID, TOO_FAR or MISSING.
    """
    missing = np.isnan(disparity)
    far = ~missing & (disparity < (1 - 1e-6) / farthest)
    z = 1 / np.where(far | missing, np.float32(1), disparity)
    z[far], z[missing] = farthest, 0
    return np.asarray(z, np.float32), _validity(missing, far)


def distance_to_depth(z: Float) -> tuple[Float, NDArray[np.uint8]]:
    """Convert distances to depth and validity.

    Parameters
    ----------
    z : ndarray
        float32 (h, w) in meters.

    Returns
    -------
    z : ndarray
        float32 (h, w) in meters, 0 where `z` is not a positive finite number.
    validity : ndarray
        uint8 (h, w) of DepthStatus: VALID or MISSING.
    """
    missing = ~((z > 0) & np.isfinite(z))
    return np.where(missing, np.float32(0), z).astype(np.float32), _validity(missing)


def range_levels_to_depth(
    kind: str,
    levels: Float,
    form: str | None,
    near: float | None,
    far: float | None,
    unit: str | None,
) -> RawDepth:
    """Convert levels to depth by the properties of GDepth or Dynamic Depth.

    Parameters
    ----------
    kind : str
        Name of the format, for `RawDepth.kind`.
    levels : ndarray
        float32 (h, w) in [0, 1].
    form : str or None
        "RangeInverse" or "RangeLinear".
    near, far : float or None
        Values at level 0 and level 1, in `unit`.
    unit : str or None
        Meters, millimeters or diopters in any spelling.

    Returns
    -------
    RawDepth
        In meters; relative without a known unit or without a range.

    Raises
    ------
    CorruptFileError
        For another form or an invalid range.
    """
    if form is None or form.lower() not in ("rangeinverse", "rangelinear"):
        raise CorruptFileError(f"depth format {form}")
    if near is None or far is None:
        return relative_levels_to_depth(kind, levels, near_is_high=False)
    name, meters = _UNITS.get((unit or "").lower(), (None, 1.0))
    first, last = near * meters, far * meters
    if name == "1/m":
        first, last = (1 / end if end > 0 else math.inf for end in (near, far))
    inverse = form.lower() == "rangeinverse"
    if not (0 < first < last or (first == 0 < last and not inverse)) or (
        last == math.inf and not inverse
    ):
        raise CorruptFileError(f"{form} from {near} to {far}")
    if inverse:
        reach = last if last < math.inf else _MAX_PHONE_METERS
        z, validity = disparity_to_depth(_range_inverse(levels, first, last), reach)
    else:
        z, validity = distance_to_depth(_range_linear(levels, first, last))
    if name is None:
        known = 0 < first < last < math.inf
        z = _log_ratio(z, first, last) if known else np.clip(levels, 0, 1)
        validity = np.zeros(z.shape, np.uint8)
    return RawDepth(z, validity, name is not None, kind, near=near, far=far, unit=name)


def relative_levels_to_depth(kind: str, levels: Float, *, near_is_high: bool) -> RawDepth:
    """Make relative depth from levels that only give an order.

    Parameters
    ----------
    kind : str
        Name of the format, for `RawDepth.kind`.
    levels : ndarray
        float32 (h, w) in [0, 1].
    near_is_high : bool
        Whether higher levels are nearer.

    Returns
    -------
    RawDepth
        Relative, in [0, 1], 0 near.
    """
    z = np.asarray(1 - levels if near_is_high else levels, np.float32)
    return RawDepth(np.clip(z, 0, 1), np.zeros(z.shape, np.uint8), False, kind)


def _log_ratio(z: Float, near: float, far: float) -> Float:
    """Logarithm of distances in an unknown unit, scaled to 0 at `near` and 1 at `far`.

    Equal steps are equal ratios of distances, as in the output of the depth network. `near` is
    positive and below `far`; both are finite.
    """
    ratio = np.log(np.maximum(z, np.float32(near)) / near) / math.log(far / near)
    return np.clip(ratio, 0, 1).astype(np.float32)


def _validity(
    missing: NDArray[np.bool_], far: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    validity = np.where(missing, np.uint8(DepthStatus.MISSING), np.uint8(DepthStatus.VALID))
    if far is not None:
        validity[far] = DepthStatus.TOO_FAR
    return validity
