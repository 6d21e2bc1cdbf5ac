"""Does a depth map belong to this photo at all? Its steps must follow the person's outline.

A map that is upside down, of another photo or constant does not place what lies just
outside the person farther than what lies just inside, nor the person at one depth; a
fitting one does nearly everywhere. Where depth does not step at all it says nothing: the
matte may have lost a piece there.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Float
from ..maps import Depth, Matte

Mask = NDArray[np.bool_]

STEP = 0.02
"""Difference in log depth across the outline that counts as a step."""

AROUND = 25
"""Side in pixels of the square in which both sides of the outline are averaged."""

ENOUGH = 8
"""Measured pixels on each side of a place on the outline, so that it may speak."""

CLEAR = 0.3
"""Share of the outline at which depth must step, so that it is not constant by chance."""

PLACES = 50
"""Places that must speak; with fewer nobody knows, and the map is believed."""


def agreement(matte: Matte, depth: Depth, at: float, reach: float) -> float:
    """How far depth and outline agree: 1 everywhere, 0 by chance, below 0 turned round.

    `at` is the subject's log depth. Of the person only what lies within `reach`
    of `at` speaks, and its share of the person is a factor.
    """
    d, known = depth.log, depth.usable
    solid = (matte.alpha > 0.5).astype(np.uint8)
    inner = (cv2.erode(solid, _square(7)) > 0) & known
    own = inner & (np.abs(d - np.float32(at)) < reach)
    outer = (cv2.dilate((matte.alpha > 0.05).astype(np.uint8), _square(7)) == 0) & known
    (inside, many), (outside, more) = _local(d, own), _local(d, outer)
    rim = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, _square(3)) > 0
    speaking = rim & (many >= ENOUGH) & (more >= ENOUGH)
    if speaking.sum() < PLACES:
        return 1.0
    steps = (outside - inside)[speaking]
    right, wrong = (steps > STEP).mean(), (steps < -STEP).mean()
    stepping = float(right - wrong) / max(float(right + wrong), CLEAR)
    return stepping * float(own.sum() / max(1, inner.sum()))


def belief(agreed: float, doubt: tuple[float, float]) -> float:
    """0 below the first of `doubt`, 1 above the second, a line between."""
    low, high = doubt
    return min(1.0, max(0.0, (agreed - low) / (high - low))) if math.isfinite(agreed) else 0.0


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def _local(d: Float, over: Mask) -> tuple[Any, Any]:
    """Mean of d over the marked pixels around each pixel, and how many there are."""
    size = (AROUND, AROUND)
    weight = over.astype(np.float32)
    count = cv2.boxFilter(weight, -1, size, normalize=False)
    total = cv2.boxFilter(d * weight, -1, size, normalize=False)
    return total / np.maximum(count, 1e-6), count
