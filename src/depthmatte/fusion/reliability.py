"""Does a depth map belong to this photo at all? Its steps must follow the person's outline.

A map that is upside down, of another photo or constant does not place what lies just
outside the person farther than what lies just inside, and it steps in the middle of the
person; a fitting one does the first nearly everywhere and the second hardly anywhere.
Where depth does not step at the outline it says nothing: the matte may have lost a piece.
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
from .region_decision import source_policy

_MIN_STEP_LOG_DEPTH = 0.02
"""Difference in log depth across the outline that counts as a step."""

_OUTLINE_WINDOW_PX = 25
"""Side in pixels of the square in which both sides of the outline are averaged."""

_INTERIOR_WINDOW_PX = 13
"""Side in pixels of the square within which depth may not step inside the person."""

_MIN_MEASURED_PX = 8
"""Measured pixels on each side of a place on the outline, so that it may speak."""

_MIN_UNIT_STEP_LOG_DEPTH = 0.05
"""Least step in log depth by which people are measured: where few places speak, it may be noise."""

_MIN_STEPPING_OUTLINE_SHARE = 0.3
"""Share of the outline at which depth must step, so that it is not constant by chance."""

_MIN_OUTLINE_PX = 50
"""Places that must speak; with fewer nobody knows, and the map is believed."""

_NEARER_OUTSIDE_WEIGHT = 0.5
"""Weight of places where what lies outside is nearer: somebody may stand in front there, while
a map turned round has hardly any others."""

_MAX_TORN_AREA_SHARE = 0.4
"""Share of the person in which depth may step, at which nothing is left of the agreement."""

_MAX_BODY_DEPTH_STEPS = 1.2
"""Depth of a person, in steps at the outline, that is believed in full; twice that is not."""

_SAMPLE_STRIDE_PX = 2
"""Every so many rows and columns are enough to say how deep somebody is."""

_MIN_PIECE_AREA_SHARE = 0.02
"""Share of the matte below which a piece of it does not speak."""


def edge_consistency(matte: Matte, depth: Depth) -> float:
    """How far depth and outline agree: 1 everywhere, 0 or less turned round."""
    asked = Box.bounding(matte.alpha > 0.5, _OUTLINE_WINDOW_PX)
    if not asked.height:
        return 1.0
    near = asked.slices
    alpha, d, known = matte.alpha[near], depth.log_depth[near], depth.usable[near]
    solid = (alpha > 0.5).astype(np.uint8)
    body = np.asarray(cv2.erode(solid, _square(7)), np.uint8)
    inner = (body > 0) & known
    outer = (cv2.dilate((alpha > 0.05).astype(np.uint8), _square(7)) == 0) & known
    many, more = _window_count(inner), _window_count(outer)
    rim = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, _square(3)) > 0
    speaking = np.flatnonzero(rim & (many >= _MIN_MEASURED_PX) & (more >= _MIN_MEASURED_PX))
    if speaking.size < _MIN_OUTLINE_PX:
        return 1.0
    inside, outside = (
        _window_sum(d, over).ravel()[speaking] / count.ravel()[speaking]
        for over, count in ((inner, many), (outer, more))
    )
    steps = outside - inside
    clear = np.abs(steps) > _MIN_STEP_LOG_DEPTH
    if not clear.any():
        return 0.0
    right = (steps[clear] > 0).sum() - _NEARER_OUTSIDE_WEIGHT * (steps[clear] < 0).sum()
    back = float(right / max(clear.sum(), _MIN_STEPPING_OUTLINE_SHARE * len(steps)))
    step = max(_MIN_UNIT_STEP_LOG_DEPTH, median_value(np.abs(steps[clear])))
    core = (cv2.erode(solid, _square(_INTERIOR_WINDOW_PX)) > 0) & known
    torn = _torn_area_share(d, known, core, step / 2)
    deep = _body_depth(d, known, inner) / step
    return (
        back
        * max(0.0, 1 - torn / _MAX_TORN_AREA_SHARE)
        * min(1.0, max(0.0, 2 - deep / _MAX_BODY_DEPTH_STEPS))
    )


def depth_reliability(matte: Matte, depth: Depth) -> float:
    """How far a fusion may follow the map, 0 to 1: by how it agrees with the outline, as much as
    its source is to be doubted.
    """
    doubt = source_policy(depth).consistency_range
    return _reliability_weight(edge_consistency(matte, depth), doubt) if doubt else 1.0


def _reliability_weight(consistency: float, consistency_range: tuple[float, float]) -> float:
    """0 below the first of `doubt`, 1 above the second, a line between."""
    low, high = consistency_range
    return min(1.0, max(0.0, (consistency - low) / (high - low)))


def _torn_area_share(d: Float, known: Mask, core: Mask, step: float) -> float:
    """Share of `core` around which d steps by more than `step` within a few pixels."""
    if not core.any():
        return 0.0
    torn = (known_local_range(d, known, _INTERIOR_WINDOW_PX) > step) & core
    return float(np.count_nonzero(torn) / np.count_nonzero(core))


def _body_depth(d: Float, known: Mask, inner: Mask) -> float:
    """How far the middle half of somebody, `inner`, reaches in d, people weighted by their area.

    Others may be in the matte too, beside the first or behind a jump in d: no reason for doubt.
    """
    few = np.s_[::_SAMPLE_STRIDE_PX, ::_SAMPLE_STRIDE_PX]
    d, known = np.ascontiguousarray(d[few]), known[few]
    whole = inner[few] & (
        known_local_range(d, known, DEPTH_JUMP_WINDOW_PX // _SAMPLE_STRIDE_PX + 1) <= DEPTH_JUMP_LOG
    )
    _, label = cv2.connectedComponents(whole.astype(np.uint8), connectivity=4)
    piece, within = label[whole], d[whole]
    area = np.bincount(piece)
    large = np.flatnonzero(area >= _MIN_PIECE_AREA_SHARE * area.sum())
    spans = [np.ptp(np.percentile(within[piece == one], (25, 75))) for one in large]
    return float(np.average(spans, weights=area[large])) if spans else 0.0


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def _window_count(over: Mask) -> NDArray[np.uint16]:
    """How many pixels are marked in the square around each."""
    marked = over.astype(np.uint8)
    count = cv2.boxFilter(
        marked, cv2.CV_16U, (_OUTLINE_WINDOW_PX, _OUTLINE_WINDOW_PX), normalize=False
    )
    return np.asarray(count, np.uint16)


def _window_sum(d: Float, over: Mask) -> Float:
    """Sum of d over the marked pixels in the square around each."""
    marked = d * over
    return np.asarray(
        cv2.boxFilter(marked, -1, (_OUTLINE_WINDOW_PX, _OUTLINE_WINDOW_PX), normalize=False),
        np.float32,
    )
