"""Is near told from far, how far off is it, and can its probability be believed?

Order: outlines, people and posters take `depth` as float (H, W) where smaller is nearer
(negate a disparity first), and boolean masks of the same size. Outlines and people ask only
for order, so any monotonic scale will do. Scale: AbsRel against metres, after the alignment
that relative maps need. Trust: reliability of I2.
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
from ..types import Mask, _Values

_Points = NDArray[np.intp]

_PAIR_REACH_DIAGONAL_SHARE = 0.025
"""How far inside and outside the outline the pairs lie, relative to the photo's diagonal."""

_FEET_HEIGHT_SHARE = 0.10
"""Lowest share of a person's height that is left out: there the ground is as near as they are."""

MAX_POSTER_STEP = 0.05
"""A poster lies at its wall's depth when their medians of d in [0, 1] differ by no more."""

_MAX_ALIGNED_M = 80.0
"""Metres: an aligned disparity at or below 1 / 80 counts as this far, never as infinite."""


@dataclass(frozen=True)
class OutlinePairs:
    """Pairs of pixels across an outline: `inside` and `outside`, (N, 2) as (row, column)."""

    inside: _Points
    outside: _Points

    def is_inside_nearer(self, depth: _Values) -> NDArray[np.bool_]:
        """For each pair: is the inside strictly nearer in `depth` (H, W)?"""
        inner, outer = depth[tuple(self.inside.T)], depth[tuple(self.outside.T)]
        return np.asarray(inner < outer)


def outline_pairs(
    mask: Mask,
    reach: float = _PAIR_REACH_DIAGONAL_SHARE,
    feet: float = _FEET_HEIGHT_SHARE,
    clear_outside: bool = False,
) -> OutlinePairs:
    """Pairs `reach` x the diagonal inside and outside a person's outline, along its normal.

    Every pixel of the mask on its outline starts a pair; the normal is the gradient of the
    signed distance to the outline, smoothed by a Gaussian as wide as the reach. A pair is
    dropped when an end leaves the photo, when its inner end is not in the mask (a limb
    thinner than the reach), and when it starts in the lowest `feet` share of the mask's
    rows. With `clear` it is also dropped when its outer end lies in the mask again, as
    between an arm and the body. An empty or a full mask has no pairs.
    """
    if mask.ndim != 2 or mask.dtype != bool:
        raise InputError(f"mask must be boolean (H, W), got {mask.dtype} {mask.shape}")
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size or mask.all():
        return OutlinePairs(np.empty((0, 2), np.intp), np.empty((0, 2), np.intp))
    step = reach * math.hypot(*mask.shape)
    # All that the Gaussian (four sigmas wide) mixes into the outline's pixels.
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
    """Distance in pixels to the other side: negative inside the mask, positive outside."""
    inside, outside = (
        cv2.distanceTransform(side.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for side in (mask, ~mask)
    )
    return np.asarray(outside - inside, np.float32)


def _within(points: _Points, mask: Mask) -> NDArray[np.bool_]:
    return np.asarray(((points >= 0) & (points < mask.shape)).all(axis=1))


def person_order(
    depth: _Values, people: Sequence[Mask], meters: Sequence[float], min_ratio: float = 1.0
) -> tuple[int, int]:
    """(pairs in the right order, pairs) among people whose true distances are known.

    A pair is right when the nearer of the two by `metres` has the smaller median depth.
    Pairs whose distances do not differ by more than the factor `apart`, and people without
    a visible pixel, are left out.
    """
    seen = [
        (float(np.median(depth[mask])), distance)
        for mask, distance in zip(people, meters, strict=True)
        if mask.any()
    ]
    right = pairs = 0
    for (depth_a, metres_a), (depth_b, metres_b) in combinations(seen, 2):
        if max(metres_a, metres_b) <= min_ratio * min(metres_a, metres_b):
            continue
        pairs += 1
        right += (depth_a - depth_b) * (metres_a - metres_b) > 0
    return right, pairs


def poster_depth_step(depth: _Values, poster: Mask, wall: Mask, reach: float = 0.02) -> float:
    """|median depth of the poster - median depth of a ring of wall around it|.

    The ring lies up to 2 x `reach` x the diagonal outside the poster, its inner half left
    out (an edge is never sharp), and only where `wall` is True: mask out people in front.
    NaN when poster or ring has no pixel.
    """
    near = max(1.0, reach * math.hypot(*poster.shape))
    away = cv2.distanceTransform((~poster).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ring = wall & (away > near) & (away <= 2 * near)
    if not poster.any() or not ring.any():
        return math.nan
    return abs(float(np.median(depth[poster])) - float(np.median(depth[ring])))


_Alignment = Literal["log", "disparity"]


def abs_rel(values: _Values, meters: _Values, valid: Mask, alignment: _Alignment) -> float:
    """Mean of |z - metres| / metres over `valid`, after a least-squares affine alignment.

    `values` (H, W) is relative, in any scale. With `log`, a * values + b is fitted to
    log(metres); with `disparity` to 1 / metres, the usual way for networks that predict
    disparity (Ranftl et al., TPAMI 2020). Raises InputError without at least two valid
    pixels of positive distance.
    """
    valid = valid & (meters > 0)
    if np.count_nonzero(valid) < 2:
        raise InputError("AbsRel needs at least two pixels of known distance")
    truth = meters[valid].astype(np.float64)
    wanted = np.log(truth) if alignment == "log" else 1 / truth
    given = values[valid].astype(np.float64)
    centred = given - given.mean()
    energy = centred @ centred
    slope = centred @ wanted / energy if energy > 0 else 0.0
    fitted = wanted.mean() + slope * centred
    aligned = np.exp(fitted) if alignment == "log" else 1 / np.maximum(fitted, 1 / _MAX_ALIGNED_M)
    return float(np.mean(np.abs(aligned - truth) / truth))


class ReliabilityBin(NamedTuple):
    """One bin of a reliability table: mean probability said, share right, pixels."""

    confidence: float
    accuracy: float
    pixels: int


def reliability_table(prob: _Values, correct: Mask, bins: int = 10) -> list[ReliabilityBin]:
    """What a probability promises against what it keeps, in `bins` equal bins over [0, 1].

    `prob` is I2 and `right` says where |d - true d| is within the tolerance that I2 speaks
    of; both of one shape. Empty bins stand as (NaN, NaN, 0).
    """
    number = np.minimum((prob.ravel() * bins).astype(int), bins - 1)
    counts = np.bincount(number, minlength=bins)
    said = np.bincount(number, prob.ravel(), bins)
    kept = np.bincount(number, correct.ravel(), bins)
    return [
        ReliabilityBin(s / n, k / n, int(n)) if n else ReliabilityBin(math.nan, math.nan, 0)
        for s, k, n in zip(said.tolist(), kept.tolist(), counts.tolist(), strict=True)
    ]


def expected_calibration_error(table: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error (Guo et al., ICML 2017): mean |said - right| over pixels."""
    total = sum(row.pixels for row in table)
    if not total:
        return math.nan
    return (
        sum(row.pixels * abs(row.confidence - row.accuracy) for row in table if row.pixels) / total
    )
