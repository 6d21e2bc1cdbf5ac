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

from ..arrays import Float, Mask
from ..canvas import Box
from ..filters import median, relief
from ..maps import Depth, Matte
from .decision import trust
from .instances import JUMP, WINDOW

STEP = 0.02
"""Difference in log depth across the outline that counts as a step."""

AROUND = 25
"""Side in pixels of the square in which both sides of the outline are averaged."""

INSIDE = 13
"""Side in pixels of the square within which depth may not step inside the person."""

ENOUGH = 8
"""Measured pixels on each side of a place on the outline, so that it may speak."""

LEAST = 0.05
"""Least step in log depth by which people are measured: where few places speak, it may be noise."""

CLEAR = 0.3
"""Share of the outline at which depth must step, so that it is not constant by chance."""

PLACES = 50
"""Places that must speak; with fewer nobody knows, and the map is believed."""

BEFORE = 0.5
"""Weight of places where what lies outside is nearer: somebody may stand in front there, while
a map turned round has hardly any others."""

TORN = 0.4
"""Share of the person in which depth may step, at which nothing is left of the agreement."""

DEEP = 1.2
"""Depth of a person, in steps at the outline, that is believed in full; twice that is not."""

SPARSE = 2
"""Every so many rows and columns are enough to say how deep somebody is."""

SMALL = 0.02
"""Share of the matte below which a piece of it does not speak."""


def agreement(matte: Matte, depth: Depth) -> float:
    """How far depth and outline agree: 1 everywhere, 0 or less turned round."""
    asked = Box.around(matte.alpha > 0.5, AROUND)
    if not asked.height:
        return 1.0
    near = asked.slices
    alpha, d, known = matte.alpha[near], depth.log[near], depth.usable[near]
    solid = (alpha > 0.5).astype(np.uint8)
    body = np.asarray(cv2.erode(solid, _square(7)), np.uint8)
    inner = (body > 0) & known
    outer = (cv2.dilate((alpha > 0.05).astype(np.uint8), _square(7)) == 0) & known
    many, more = _count(inner), _count(outer)
    rim = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, _square(3)) > 0
    speaking = np.flatnonzero(rim & (many >= ENOUGH) & (more >= ENOUGH))
    if speaking.size < PLACES:
        return 1.0
    inside, outside = (
        _total(d, over).ravel()[speaking] / count.ravel()[speaking]
        for over, count in ((inner, many), (outer, more))
    )
    steps = outside - inside
    clear = np.abs(steps) > STEP
    if not clear.any():
        return 0.0
    right = (steps[clear] > 0).sum() - BEFORE * (steps[clear] < 0).sum()
    back = float(right / max(clear.sum(), CLEAR * len(steps)))
    step = max(LEAST, median(np.abs(steps[clear])))
    core = (cv2.erode(solid, _square(INSIDE)) > 0) & known
    torn = _torn(d, known, core, step / 2)
    deep = _deep(d, known, inner) / step
    return back * max(0.0, 1 - torn / TORN) * min(1.0, max(0.0, 2 - deep / DEEP))


def believed(matte: Matte, depth: Depth) -> float:
    """How far a fusion may follow the map, 0 to 1: by how it agrees with the outline, as much as
    its source is to be doubted.
    """
    doubt = trust(depth).doubt
    return belief(agreement(matte, depth), doubt) if doubt else 1.0


def belief(agreed: float, doubt: tuple[float, float]) -> float:
    """0 below the first of `doubt`, 1 above the second, a line between."""
    low, high = doubt
    return min(1.0, max(0.0, (agreed - low) / (high - low)))


def _torn(d: Float, known: Mask, core: Mask, step: float) -> float:
    """Share of `core` around which d steps by more than `step` within a few pixels."""
    if not core.any():
        return 0.0
    torn = (relief(d, known, INSIDE) > step) & core
    return float(np.count_nonzero(torn) / np.count_nonzero(core))


def _deep(d: Float, known: Mask, inner: Mask) -> float:
    """How far the middle half of somebody, `inner`, reaches in d, people weighted by their area.

    Others may be in the matte too, beside the first or behind a jump in d: no reason for doubt.
    """
    few = np.s_[::SPARSE, ::SPARSE]
    d, known = np.ascontiguousarray(d[few]), known[few]
    whole = inner[few] & (relief(d, known, WINDOW // SPARSE + 1) <= JUMP)
    _, label = cv2.connectedComponents(whole.astype(np.uint8), connectivity=4)
    piece, within = label[whole], d[whole]
    area = np.bincount(piece)
    large = np.flatnonzero(area >= SMALL * area.sum())
    spans = [np.ptp(np.percentile(within[piece == one], (25, 75))) for one in large]
    return float(np.average(spans, weights=area[large])) if spans else 0.0


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def _count(over: Mask) -> NDArray[np.uint16]:
    """How many pixels are marked in the square around each."""
    marked = over.astype(np.uint8)
    count = cv2.boxFilter(marked, cv2.CV_16U, (AROUND, AROUND), normalize=False)
    return np.asarray(count, np.uint16)


def _total(d: Float, over: Mask) -> Float:
    """Sum of d over the marked pixels in the square around each."""
    marked = d * over
    return np.asarray(cv2.boxFilter(marked, -1, (AROUND, AROUND), normalize=False), np.float32)
