"""Check whether a depth map belongs to the photo: its steps must follow the person's outline.

A fitting map places the background just outside the outline farther than the person just inside,
nearly everywhere, and hardly steps within the person. An inverted, constant or foreign map does
not. Where depth does not step at the outline nothing follows: the matte may have lost a part.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box
from ..filters import known_local_range, median_value
from ..subjects.instances import DEPTH_JUMP_LOG, DEPTH_JUMP_WINDOW_PX
from ..types import Float, Mask
from ..values import Depth, Matte
from .source_policy import source_policy

# The constants were chosen on held-out training photos with right and wrong maps.

_MIN_STEP_LOG_DEPTH = 0.02
"""Difference in log depth across the outline that counts as a step."""

_OUTLINE_WINDOW_PX = 25
"""Side, in canvas pixels, of the square in which both sides of the outline are averaged."""

_INTERIOR_WINDOW_PX = 13
"""Side, in canvas pixels, of the square within which depth should not step inside the person."""

_MIN_MEASURED_PX = 8
"""Measured pixels needed on each side of an outline pixel."""

_MIN_UNIT_STEP_LOG_DEPTH = 0.05
"""Smallest unit, in log depth, for the depth of people. A step at few pixels may be noise."""

_MIN_STEPPING_OUTLINE_SHARE = 0.3
"""Share of the outline at which depth must step; a nearly constant map steps at less by chance."""

_MIN_OUTLINE_PX = 50
"""Outline pixels needed for a decision. With fewer the map counts as consistent."""

_NEARER_OUTSIDE_WEIGHT = 0.5
"""Weight of outline pixels whose outside is nearer. An object may stand in front there, while an
inverted map has hardly any other pixels. Set after single test scenes had failed."""

_MAX_TORN_AREA_SHARE = 0.4
"""Share of the person in which depth steps, from which the consistency is 0."""

_MAX_BODY_DEPTH_STEPS = 1.2
"""Depth of a person, in steps at the outline, up to which the consistency is not reduced. At twice
this depth it is 0."""

_SAMPLE_STRIDE_PX = 2
"""Distance, in canvas pixels, of the samples that measure the depth of people."""

_MIN_PIECE_AREA_SHARE = 0.02
"""Share of the person's area below which a part is ignored."""


def edge_consistency(matte: Matte, depth: Depth) -> float:
    """How well the depth map's steps agree with the person's outline.

    Parameters
    ----------
    matte : Matte
        Alpha (h, w) in [0, 1].
    depth : Depth
        On the same canvas.

    Returns
    -------
    float
        At most 1. 1 when depth steps back all along the outline and nowhere inside, or when too
        little of the outline has depth to decide. 0 or less for a constant or inverted map.
    """
    box = Box.bounding(matte.alpha > 0.5, _OUTLINE_WINDOW_PX)
    if not box.height:
        return 1.0
    window = box.slices
    alpha, log_depth, known = matte.alpha[window], depth.log_depth[window], depth.usable[window]
    solid = (alpha > 0.5).astype(np.uint8)
    body = np.asarray(cv2.erode(solid, _square(7)), np.uint8)
    inner = (body > 0) & known
    outer = (cv2.dilate((alpha > 0.05).astype(np.uint8), _square(7)) == 0) & known
    inner_count, outer_count = _window_count(inner), _window_count(outer)
    outline = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, _square(3)) > 0
    measured = np.flatnonzero(
        outline & (inner_count >= _MIN_MEASURED_PX) & (outer_count >= _MIN_MEASURED_PX)
    )
    if measured.size < _MIN_OUTLINE_PX:
        return 1.0
    inside, outside = (
        _window_sum(log_depth, over).ravel()[measured] / count.ravel()[measured]
        for over, count in ((inner, inner_count), (outer, outer_count))
    )
    steps = outside - inside
    clear = np.abs(steps) > _MIN_STEP_LOG_DEPTH
    if not clear.any():
        return 0.0
    right = (steps[clear] > 0).sum() - _NEARER_OUTSIDE_WEIGHT * (steps[clear] < 0).sum()
    steps_back = float(right / max(clear.sum(), _MIN_STEPPING_OUTLINE_SHARE * len(steps)))
    unit = max(_MIN_UNIT_STEP_LOG_DEPTH, median_value(np.abs(steps[clear])))
    core = (cv2.erode(solid, _square(_INTERIOR_WINDOW_PX)) > 0) & known
    torn = _torn_area_share(log_depth, known, core, unit / 2)
    body_depth = _body_depth(log_depth, known, inner) / unit
    return (
        steps_back
        * max(0.0, 1 - torn / _MAX_TORN_AREA_SHARE)
        * min(1.0, max(0.0, 2 - body_depth / _MAX_BODY_DEPTH_STEPS))
    )


def depth_reliability(matte: Matte, depth: Depth) -> float:
    """How far a fusion may follow the depth map.

    Parameters
    ----------
    matte : Matte
        Alpha (h, w) in [0, 1].
    depth : Depth
        On the same canvas. Its source says whether the map may belong to another photo.

    Returns
    -------
    float
        From 0, ignore the map, to 1, follow it in full. Always 1 where the source's policy has
        no `consistency_range`.
    """
    consistency_range = source_policy(depth).consistency_range
    if not consistency_range:
        return 1.0
    return _reliability_weight(edge_consistency(matte, depth), consistency_range)


def _reliability_weight(consistency: float, consistency_range: tuple[float, float]) -> float:
    """0 below the range, 1 above it, linear within."""
    low, high = consistency_range
    return min(1.0, max(0.0, (consistency - low) / (high - low)))


def _torn_area_share(log_depth: Float, known: Mask, core: Mask, step: float) -> float:
    """Share of `core` around which log depth varies by more than `step` within a few pixels."""
    if not core.any():
        return 0.0
    torn = (known_local_range(log_depth, known, _INTERIOR_WINDOW_PX) > step) & core
    return float(np.count_nonzero(torn) / np.count_nonzero(core))


def _body_depth(log_depth: Float, known: Mask, inner: Mask) -> float:
    """Interquartile range of log depth within a person, averaged over people by area.

    The matte may hold other people, beside the subject or behind a jump in depth. They must not
    make the map look wrong, so every person is measured alone.
    """
    sampled = np.s_[::_SAMPLE_STRIDE_PX, ::_SAMPLE_STRIDE_PX]
    log_depth, known = np.ascontiguousarray(log_depth[sampled]), known[sampled]
    whole = inner[sampled] & (
        known_local_range(log_depth, known, DEPTH_JUMP_WINDOW_PX // _SAMPLE_STRIDE_PX + 1)
        <= DEPTH_JUMP_LOG
    )
    _, label = cv2.connectedComponents(whole.astype(np.uint8), connectivity=4)
    person, values = label[whole], log_depth[whole]
    area = np.bincount(person)
    large = np.flatnonzero(area >= _MIN_PIECE_AREA_SHARE * area.sum())
    ranges = [np.ptp(np.percentile(values[person == index], (25, 75))) for index in large]
    return float(np.average(ranges, weights=area[large])) if ranges else 0.0


def _square(side: int) -> NDArray[np.uint8]:
    """A structuring element of `side` x `side` pixels."""
    return np.ones((side, side), np.uint8)


def _window_count(over: Mask) -> NDArray[np.uint16]:
    """Number of marked pixels in the square around each pixel."""
    marked = over.astype(np.uint8)
    count = cv2.boxFilter(
        marked, cv2.CV_16U, (_OUTLINE_WINDOW_PX, _OUTLINE_WINDOW_PX), normalize=False
    )
    return np.asarray(count, np.uint16)


def _window_sum(values: Float, over: Mask) -> Float:
    """Sum of the values of marked pixels in the square around each pixel."""
    marked = values * over
    return np.asarray(
        cv2.boxFilter(marked, -1, (_OUTLINE_WINDOW_PX, _OUTLINE_WINDOW_PX), normalize=False),
        np.float32,
    )
