"""Find flying pixels: false depth between two surfaces."""

from __future__ import annotations

import numpy as np

from ...types import Float, Mask
from .resize import surface_tolerance

_MIN_DIFFERING_NEIGHBORS = 4
"""Valid neighbors, of 8, that an isolated pixel must differ from."""


def find_flying_pixels(z: Float, valid: Mask, metric: bool = True) -> Mask:
    """Find valid pixels that mix a near and a far surface.

    The depth of such a pixel lies between that of its left and right (or upper and lower)
    neighbors, far from both, while the surfaces beyond continue evenly. A steep surface continues
    steeply and is kept, and so is a thin strand. Isolated pixels that differ from all valid
    neighbors are found too.

    Parameters
    ----------
    z : ndarray
        Depth, float32 (h, w): meters, or relative in [0, 1].
    valid : ndarray
        Where depth is valid, boolean (h, w).
    metric : bool
        Whether `z` is in meters.

    Returns
    -------
    ndarray
        Boolean (h, w).
    """
    return valid & (
        _between_surfaces(z, valid, metric)
        | _between_surfaces(z.T, valid.T, metric).T
        | _isolated_pixels(z, valid, metric)
    )


def _between_surfaces(z: Float, valid: Mask, metric: bool) -> Mask:
    """Pixels in the middle of a two-step jump along their row."""
    if z.shape[1] < 3:
        return np.zeros(z.shape, bool)
    step = np.zeros((z.shape[0], z.shape[1] + 1), np.float32)  # step[x]: from x - 1 to x
    step[:, 1:-1] = np.where(valid[:, 1:] & valid[:, :-1], np.diff(z, axis=1), 0)
    size = np.abs(step)
    before, after = size[:, 1:-2], size[:, 2:-1]
    inner = np.minimum(before, after)
    outer = np.maximum(size[:, :-3], size[:, 3:])
    between = np.zeros(z.shape, bool)
    between[:, 1:-1] = (
        (step[:, 1:-2] * step[:, 2:-1] > 0)
        & (inner > surface_tolerance(z[:, 1:-1], metric))
        & (outer < inner * np.float32(0.5))
    )
    return between


def _isolated_pixels(z: Float, valid: Mask, metric: bool) -> Mask:
    """Pixels that no valid neighbor agrees with, and that at least 4 differ from."""
    agree = np.zeros(z.shape, np.uint8)
    differ = np.zeros(z.shape, np.uint8)
    limit = surface_tolerance(z, metric)
    rows, columns = z.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, rows - down), slice(max(-right, 0), columns - max(right, 0)))
        there = (slice(down, rows), slice(max(right, 0), columns - max(-right, 0)))
        both = valid[here] & valid[there]
        same = np.abs(z[here] - z[there]) <= limit[here]
        same &= both
        other = both & ~same
        for side in (here, there):
            agree[side] += same
            differ[side] += other
    return np.asarray((agree == 0) & (differ >= _MIN_DIFFERING_NEIGHBORS))
