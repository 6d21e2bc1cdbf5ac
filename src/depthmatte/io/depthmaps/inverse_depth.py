"""Convert inverse depth and disparity of unknown scale to relative depth, 0 near and 1 far.

Relative depth is the logarithm of distance between the nearest and the farthest part of the
scene. Stereo pairs without calibration use the same scale, so the same thresholds apply.
"""

from __future__ import annotations

import numpy as np

from ...types import Float, Mask

_ASSUMED_DISTANCE_RATIO = 10.0
"""Assumed ratio of the farthest to the nearest distance where the level of infinity is unknown."""

_MAX_DISTANCE_RATIO = 50.0
"""Largest ratio of distances that is distinguished."""

_END_PERCENTILES = (0.5, 99.5)
"""Percentiles of the numbers between which the scene lies."""


def inverse_to_relative_depth(numbers: Float) -> tuple[Float, Mask]:
    """Convert inverse depth with an unknown scale and shift.

    Parameters
    ----------
    numbers : ndarray
        float32 (h, w); larger is nearer. Numbers that are not finite are missing.

    Returns
    -------
    z : ndarray
        float32 (h, w) in [0, 1], 0 near.
    valid : ndarray
        bool (h, w): where there is a number. False everywhere if all numbers are equal.
    """
    valid = np.isfinite(numbers)
    low, high = _ends(numbers, valid)
    if not high > low:
        return np.zeros(numbers.shape, np.float32), np.zeros(numbers.shape, bool)
    with np.errstate(over="ignore", invalid="ignore"):
        level = np.clip((numbers - np.float32(low)) / np.float32(high - low), 0, 1)
    # Inverse distance relative to the nearest: from 1 / _ASSUMED_DISTANCE_RATIO to 1.
    part = np.asarray(
        level * np.float32(1 - 1 / _ASSUMED_DISTANCE_RATIO)
        + np.float32(1 / _ASSUMED_DISTANCE_RATIO),
        np.float32,
    )
    return _log_depth(part, _ASSUMED_DISTANCE_RATIO, valid), valid


def disparity_to_relative_depth(numbers: Float) -> tuple[Float, Mask]:
    """Convert disparity with an unknown scale, 0 at infinity.

    The ratio of distances follows from the numbers, up to 50.

    Parameters
    ----------
    numbers : ndarray
        float32 (h, w); larger is nearer. Numbers <= 0 and those not finite are missing.

    Returns
    -------
    z : ndarray
        float32 (h, w) in [0, 1], 0 near.
    valid : ndarray
        bool (h, w): where there is a number. False everywhere if all numbers are equal.
    """
    valid = np.isfinite(numbers) & (numbers > 0)
    low, high = _ends(numbers, valid)
    if not high > low:
        return np.zeros(numbers.shape, np.float32), np.zeros(numbers.shape, bool)
    span = min(high / max(low, 1e-30), _MAX_DISTANCE_RATIO)
    with np.errstate(over="ignore", invalid="ignore"):
        part = np.asarray(np.where(valid, numbers, high) / np.float32(high), np.float32)
    return _log_depth(part, max(span, 1.0 + 1e-6), valid), valid


def _ends(numbers: Float, valid: Mask) -> tuple[float, float]:
    """The smallest and the largest number of the scene, without outliers."""
    found = numbers[valid]
    if not found.size:
        return 0.0, 0.0
    low, high = np.percentile(found, _END_PERCENTILES)
    return float(low), float(high)


def _log_depth(part: Float, span: float, valid: Mask) -> Float:
    """Nearest distance / distance -> log distance in [0, 1] over the ratio `span`."""
    part = np.clip(np.where(valid, part, np.float32(1)), np.float32(1 / span), np.float32(1))
    return np.asarray(np.clip(-np.log(part) / np.float32(np.log(span)), 0, 1), np.float32)
