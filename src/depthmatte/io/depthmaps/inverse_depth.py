"""Numbers that are larger where the scene is nearer -> relative depth, 0 near and 1 far.

Relative depth is log distance between the scene's nearest and farthest part, as a pair without
calibration has it (`depth.distance`), so that one set of thresholds serves all.
"""

from __future__ import annotations

import numpy as np

from ...types import Float, Mask

_ASSUMED_DISTANCE_RATIO = 10.0
"""Times as far as the nearest part the farthest is taken to be where nobody knows infinity."""

_MAX_DISTANCE_RATIO = 50.0
"""Largest ratio of distances that is told apart."""

_ENDS = (0.5, 99.5)
"""Per cent of the numbers between which the scene lies."""


def inverse_to_relative_depth(numbers: Float) -> tuple[Float, Mask]:
    """Inverse depth up to an unknown scale and shift.

    Parameters
    ----------
    numbers : float32 (h, w)
        Larger is nearer; any finite number counts.

    Returns
    -------
    z : float32 (h, w)
        In [0, 1], 0 near.
    seen : bool (h, w)
        Where there is a number; nowhere if all are equal, which tells nothing.
    """
    seen = np.isfinite(numbers)
    low, high = _ends(numbers, seen)
    if not high > low:
        return np.zeros(numbers.shape, np.float32), np.zeros(numbers.shape, bool)
    with np.errstate(over="ignore", invalid="ignore"):
        level = np.clip((numbers - np.float32(low)) / np.float32(high - low), 0, 1)
    # In place of the scene's own infinity: from 1 / FAR to 1 of the nearest's.
    part = np.asarray(
        level * np.float32(1 - 1 / _ASSUMED_DISTANCE_RATIO)
        + np.float32(1 / _ASSUMED_DISTANCE_RATIO),
        np.float32,
    )
    return _ratio(part, _ASSUMED_DISTANCE_RATIO, seen), seen


def disparity_to_relative_depth(numbers: Float) -> tuple[Float, Mask]:
    """Disparity of an unknown scale, 0 at infinity -> as `inverted` gives it; from 0 down missing.

    The scene spans as many times its nearest distance as the numbers say, `MOST` at most.
    """
    seen = np.isfinite(numbers) & (numbers > 0)
    low, high = _ends(numbers, seen)
    if not high > low:
        return np.zeros(numbers.shape, np.float32), np.zeros(numbers.shape, bool)
    span = min(high / max(low, 1e-30), _MAX_DISTANCE_RATIO)
    with np.errstate(over="ignore", invalid="ignore"):
        part = np.asarray(np.where(seen, numbers, high) / np.float32(high), np.float32)
    return _ratio(part, max(span, 1.0 + 1e-6), seen), seen


def _ends(numbers: Float, seen: Mask) -> tuple[float, float]:
    found = numbers[seen]
    if not found.size:
        return 0.0, 0.0
    low, high = np.percentile(found, _ENDS)
    return float(low), float(high)


def _ratio(part: Float, span: float, seen: Mask) -> Float:
    """1 / distance as a part of the nearest's -> log distance in [0, 1]; 0 where not seen."""
    part = np.clip(np.where(seen, part, np.float32(1)), np.float32(1 / span), np.float32(1))
    return np.asarray(np.clip(-np.log(part) / np.float32(np.log(span)), 0, 1), np.float32)
