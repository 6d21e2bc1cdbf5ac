"""Flying pixels: depth that hangs in the air between two surfaces."""

from __future__ import annotations

import numpy as np

from ...types import Float, Mask
from .resize import surface_tolerance

_MIN_DIFFERING_NEIGHBORS = 4
"""Valid neighbours that must differ from a lonely pixel: half of all there can be."""


def find_flying_pixels(z: Float, valid: Mask, metric: bool = True) -> Mask:
    """Boolean (h, w): valid pixels that a sensor mixed out of a near and a far surface.

    Such a pixel lies between its left and right (or upper and lower) neighbours and far from
    both, while those go on evenly: a steep surface goes on as steeply and is kept. So is a
    thin strand. A speck that none of its valid neighbours agrees with counts too.
    """
    return valid & (
        _between_surfaces(z, valid, metric)
        | _between_surfaces(z.T, valid.T, metric).T
        | _isolated_pixels(z, valid, metric)
    )


def _between_surfaces(z: Float, valid: Mask, metric: bool) -> Mask:
    """Pixels amid a two-step jump along their row."""
    if z.shape[1] < 3:
        return np.zeros(z.shape, bool)
    step = np.zeros((z.shape[0], z.shape[1] + 1), np.float32)  # step[x]: from x - 1 to x
    step[:, 1:-1] = np.where(valid[:, 1:] & valid[:, :-1], np.diff(z, axis=1), 0)
    size = np.abs(step)
    before, after = size[:, 1:-2], size[:, 2:-1]
    inner = np.minimum(before, after)
    outer = np.maximum(size[:, :-3], size[:, 3:])
    amid = np.zeros(z.shape, bool)
    amid[:, 1:-1] = (
        (step[:, 1:-2] * step[:, 2:-1] > 0)
        & (inner > surface_tolerance(z[:, 1:-1], metric))
        & (outer < inner * np.float32(0.5))
    )
    return amid


def _isolated_pixels(z: Float, valid: Mask, metric: bool) -> Mask:
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
        for place in (here, there):
            agree[place] += same
            differ[place] += other
    return np.asarray((agree == 0) & (differ >= _MIN_DIFFERING_NEIGHBORS))
