"""Depth metrics: order across outlines and among people, absolute relative error, calibration.

Order metrics take `depth` as float (H, W) in which smaller is nearer (negate a disparity first)
and bool masks of the same size. They do not depend on the scale of the depth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box
from ..errors import InputError
from ..types import Mask, Values

_Points = NDArray[np.intp]

_PAIR_REACH_DIAGONAL_SHARE = 0.025
"""Distance of the two pixels of a pair from the outline, divided by the photo's diagonal."""

_FEET_HEIGHT_SHARE = 0.10
"""Lowest share of a person's height that is left out, because the ground is as near there."""

MAX_POSTER_STEP = 0.05
"""Largest difference of median depth in [0, 1] at which a poster counts as lying on its wall."""

_MAX_ALIGNED_M = 80.0
"""Largest distance of an aligned disparity, in meters."""


@dataclass(frozen=True)
class OutlinePairs:
    """Pairs of pixels across an outline: `inside` and `outside` are (N, 2) of (row, column)."""

    inside: _Points
    outside: _Points

    def is_inside_nearer(self, depth: Values) -> NDArray[np.bool_]:
        """Return for each pair whether its inner pixel is nearer in `depth` (H, W), bool (N,)."""
        inner, outer = depth[tuple(self.inside.T)], depth[tuple(self.outside.T)]
        return np.asarray(inner < outer)


def outline_pairs(
    mask: Mask,
    reach: float = _PAIR_REACH_DIAGONAL_SHARE,
    feet: float = _FEET_HEIGHT_SHARE,
    clear_outside: bool = False,
) -> OutlinePairs:
    """Find pairs of pixels inside and outside the outline of a person, along its normal.

    Every outline pixel of the mask starts a pair. The normal is the gradient of the signed
    distance to the outline, smoothed by a Gaussian as wide as the reach. A pair is dropped when
    one pixel leaves the photo or the inner pixel is not in the mask.

    Parameters
    ----------
    mask : ndarray
        The person, bool (H, W).
    reach : float
        Distance from the outline, divided by the photo's diagonal.
    feet : float
        Lowest share of the mask's rows that is left out.
    clear_outside : bool
        Whether to drop pairs whose outer pixel is in the mask, as between arm and body.

    Returns
    -------
    OutlinePairs
        No pairs for an empty or a full mask.

    Raises
    ------
    InputError
        When the mask is not bool (H, W).
    """
    if mask.ndim != 2 or mask.dtype != bool:
        raise InputError(f"mask must be boolean (H, W), got {mask.dtype} {mask.shape}")
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size or mask.all():
        return OutlinePairs(np.empty((0, 2), np.intp), np.empty((0, 2), np.intp))
    step = reach * math.hypot(*mask.shape)
    # The Gaussian is four sigmas wide, so that farther pixels do not matter.
    near = Box.bounding(mask, math.ceil(4 * max(step, 1.0)) + 2)
    signed = _signed_distance(mask[near.slices])
    smooth = cv2.GaussianBlur(signed, (0, 0), max(step, 1.0))
    height = rows[-1] + 1 - rows[0]
    start = np.argwhere((signed < 0) & (signed >= -1))
    start = start[start[:, 0] < rows[-1] + 1 - near.top - feet * height]
    normal = np.stack([slope[tuple(start.T)] for slope in np.gradient(smooth)], axis=-1)
    start += np.array(near[:2])
    length = np.linalg.norm(normal, axis=1)
    start, normal = start[length > 0], normal[length > 0] / length[length > 0, None]
    inside = np.rint(start - step * normal).astype(np.intp)
    outside = np.rint(start + step * normal).astype(np.intp)
    kept = _within(inside, mask) & _within(outside, mask)
    inside, outside = inside[kept], outside[kept]
    across = mask[tuple(inside.T)]
    if clear_outside:
        across &= ~mask[tuple(outside.T)]
    return OutlinePairs(inside[across], outside[across])


def _signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Return the distance to the outline in pixels: negative inside, positive outside."""
    inside, outside = (
        cv2.distanceTransform(side.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for side in (mask, ~mask)
    )
    return np.asarray(outside - inside, np.float32)


def _within(points: _Points, mask: Mask) -> NDArray[np.bool_]:
    return np.asarray(((points >= 0) & (points < mask.shape)).all(axis=1))


def person_order(
    depth: Values, people: Sequence[Mask], meters: Sequence[float], min_ratio: float = 1.0
) -> tuple[int, int]:
    """Count pairs of people whose median depths have the correct order.

    Parameters
    ----------
    depth : ndarray
        float (H, W), smaller is nearer.
    people : sequence of ndarray
        The visible pixels of each person, bool (H, W). Empty masks are left out.
    meters : sequence of float
        True distance of each person.
    min_ratio : float
        Pairs whose distances do not differ by more than this factor are left out.

    Returns
    -------
    correct, pairs : int
        Number of pairs in correct order, and of all pairs.
    """
    visible = [
        (float(np.median(depth[mask])), distance)
        for mask, distance in zip(people, meters, strict=True)
        if mask.any()
    ]
    correct = pairs = 0
    for (depth_a, meters_a), (depth_b, meters_b) in combinations(visible, 2):
        if max(meters_a, meters_b) <= min_ratio * min(meters_a, meters_b):
            continue
        pairs += 1
        correct += (depth_a - depth_b) * (meters_a - meters_b) > 0
    return correct, pairs


def poster_depth_step(depth: Values, poster: Mask, wall: Mask, reach: float = 0.02) -> float:
    """Return the difference between the median depths of a poster and of the wall around it.

    Parameters
    ----------
    depth : ndarray
        float (H, W).
    poster : ndarray
        The poster, bool (H, W).
    wall : ndarray
        Where the wall is visible, bool (H, W).
    reach : float
        The wall is measured between `reach` and 2 * `reach` from the poster, in units of the
        photo's diagonal.

    Returns
    -------
    float
        NaN when one of the two regions is empty.
    """
    near = max(1.0, reach * math.hypot(*poster.shape))
    distance = cv2.distanceTransform((~poster).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ring = wall & (distance > near) & (distance <= 2 * near)
    if not poster.any() or not ring.any():
        return math.nan
    return abs(float(np.median(depth[poster])) - float(np.median(depth[ring])))


_Alignment = Literal["log", "disparity"]


def abs_rel(values: Values, meters: Values, valid: Mask, alignment: _Alignment) -> float:
    """Return the mean of |z - meters| / meters after a least-squares affine alignment.

    Parameters
    ----------
    values : ndarray
        Relative depth or disparity, float (H, W).
    meters : ndarray
        True depth, float (H, W).
    valid : ndarray
        Pixels to measure, bool (H, W).
    alignment : {"log", "disparity"}
        Fit a * values + b to log(meters), or to 1 / meters as in Ranftl et al., TPAMI 2020.

    Raises
    ------
    InputError
        When fewer than two valid pixels have a positive distance.
    """
    valid = valid & (meters > 0)
    if np.count_nonzero(valid) < 2:
        raise InputError("AbsRel needs at least two pixels of known distance")
    truth = meters[valid].astype(np.float64)
    target = np.log(truth) if alignment == "log" else 1 / truth
    given = values[valid].astype(np.float64)
    centered = given - given.mean()
    energy = centered @ centered
    slope = centered @ target / energy if energy > 0 else 0.0
    fitted = target.mean() + slope * centered
    aligned = np.exp(fitted) if alignment == "log" else 1 / np.maximum(fitted, 1 / _MAX_ALIGNED_M)
    return float(np.mean(np.abs(aligned - truth) / truth))


class ReliabilityBin(NamedTuple):
    """One bin of a reliability table: mean probability, share of correct pixels, pixel count."""

    confidence: float
    accuracy: float
    pixels: int


def reliability_table(prob: Values, correct: Mask, bins: int = 10) -> list[ReliabilityBin]:
    """Compare a probability with the share of correct pixels, in equal bins over [0, 1].

    Parameters
    ----------
    prob : ndarray
        Predicted probability in [0, 1].
    correct : ndarray
        Whether the prediction is correct, bool of the same shape.
    bins : int
        Number of bins.

    Returns
    -------
    list of ReliabilityBin
        An empty bin is (NaN, NaN, 0).
    """
    index = np.minimum((prob.ravel() * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins).tolist()
    prob_sums = np.bincount(index, prob.ravel(), bins).tolist()
    correct_sums = np.bincount(index, correct.ravel(), bins).tolist()
    return [
        ReliabilityBin(total / n, right / n, int(n)) if n else ReliabilityBin(math.nan, math.nan, 0)
        for total, right, n in zip(prob_sums, correct_sums, counts, strict=True)
    ]


def expected_calibration_error(table: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error (Guo et al., ICML 2017); NaN without pixels."""
    total = sum(row.pixels for row in table)
    if not total:
        return math.nan
    return (
        sum(row.pixels * abs(row.confidence - row.accuracy) for row in table if row.pixels) / total
    )
