"""Trace the outlines of a mask as polygons without holes, as labeling tools take them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_AREA = 16.0
"""Pixels: smaller areas are specks that nobody wants to correct."""

# The four neighbors around a corner of pixels, with the corner's own sides as midpoints:
# 0 above, 1 right, 2 below, 3 left. Bits of a case: upper left 1, upper right 2, lower left 4,
# lower right 8. An entry leads from a side to a side with the set pixels on the right.
_STEPS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 3),), 2: ((1, 0),), 3: ((1, 3),), 4: ((3, 2),), 5: ((0, 2),),
    6: ((1, 0), (3, 2)), 7: ((1, 2),), 8: ((2, 1),), 9: ((0, 3), (2, 1)), 10: ((2, 0),),
    11: ((2, 3),), 12: ((3, 1),), 13: ((0, 1),), 14: ((3, 0),),
}  # fmt: skip
_SIDES = np.array([(0, -1), (1, 0), (0, 1), (-1, 0)])
"""(x, y) of the sides from their corner, in half pixels."""


def trace_polygons(
    mask: NDArray[np.bool_], tolerance: float, min_area: float = _MIN_AREA
) -> tuple[NDArray[np.float64], ...]:
    """Trace a mask: one closed ring per connected part, with its holes joined to it by a seam.

    The outline runs between the centers of set and unset pixels, so that drawing it gives the
    mask back. Then points are removed (Douglas and Peucker). A hole is joined by a line that is
    passed twice, in both directions: it has no area under the even-odd and the winding rule.

    Parameters
    ----------
    mask : bool (H, W)
        The mask.
    tolerance : float
        Distance in pixels by which the simplified outline may differ. 0 keeps every point.
    min_area : float
        Parts and holes of less area, in pixels, are left out. At the frame they count as larger.

    Returns
    -------
    tuple of float64 (N, 2)
        Points (x, y) in continuous pixels, the largest part first.
    """
    # At the frame, the outline is traced further out and then clipped: simplification moves no
    # outline into the photo there.
    margin = int(np.ceil(2 * tolerance)) + 1
    rings = [(_signed_area(ring), ring) for ring in _trace(np.pad(mask, margin, mode="edge"))]
    outer = sorted((one for one in rings if one[0] >= min_area), key=lambda one: -one[0])
    whole = [ring for _, ring in outer]
    parts = [_simplify(ring, tolerance) for ring in whole]
    for area, hole in rings:
        # Before simplification: a hole may lie within the tolerance of its part's outline.
        owner = _smallest_around(whole, hole[0]) if -area >= min_area else None
        simple = _simplify(hole, tolerance)
        if owner is not None and len(simple) > 2:
            parts[owner] = _join(parts[owner], simple)
    height, width = mask.shape
    return tuple(np.clip(ring - margin, 0, [width, height]) for ring in parts if len(ring) > 2)


def _trace(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Closed rings between pixels, with the set pixels on the right (as shown)."""
    bits = np.pad(mask, 1).astype(np.uint8)
    cases = bits[:-1, :-1] | bits[:-1, 1:] << 1 | bits[1:, :-1] << 2 | bits[1:, 1:] << 3
    rows, columns = np.nonzero((cases > 0) & (cases < 15))
    found = cases[rows, columns]
    starts, ends = [], []
    for case, steps in _STEPS.items():
        here = found == case
        # A corner lies at twice its index: all midpoints are whole numbers.
        corner = np.stack([columns[here], rows[here]], axis=1) * 2
        for begin, end in steps:
            starts.append(corner + _SIDES[begin])
            ends.append(corner + _SIDES[end])
    if not starts:
        return []
    width = 2 * mask.shape[1] + 4
    start_keys, end_keys = (
        (points[:, 1] + 1) * width + points[:, 0] + 1
        for points in (np.concatenate(starts), np.concatenate(ends))
    )
    following = dict(zip(start_keys.tolist(), end_keys.tolist(), strict=True))
    rings = []
    while following:
        first, at = following.popitem()
        ring = [first]
        while at != first:
            ring.append(at)
            at = following.pop(at)
        keys = np.array(ring)
        points = np.stack([keys % width - 1, keys // width - 1], axis=1)
        # Corners lie between pixel centers: a corner of index 1 is at 1 - 0.5 + 0.5 - padding.
        rings.append(points / 2.0)
    return rings


def _simplify(ring: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Douglas and Peucker for a closed ring: every point left out is near its new edge.

    The distance is that to the edge and not to its line, as in OpenCV: a thin spike along the line
    would be lost.
    """
    if tolerance <= 0:
        return ring
    far = int(np.square(ring - ring[0]).sum(axis=1).argmax())
    points = np.concatenate([ring, ring[:1]])
    kept = np.zeros(len(points), np.bool_)
    kept[[0, far, len(ring)]] = True
    waiting = [(0, far), (far, len(ring))]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        edge = points[last] - points[first]
        offset = points[first + 1 : last] - points[first]
        length = float(edge @ edge)
        along = np.clip(offset @ edge / length, 0, 1) if length else np.zeros(len(offset))
        apart = np.square(offset - along[:, None] * edge).sum(axis=1)
        worst = int(apart.argmax())
        if apart[worst] > tolerance * tolerance:
            middle = first + 1 + worst
            kept[middle] = True
            waiting += [(first, middle), (middle, last)]
    return points[:-1][kept[:-1]]


def _signed_area(ring: NDArray[np.float64]) -> float:
    """Area in pixels: positive for rings that run clockwise as shown (y down)."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _smallest_around(parts: list[NDArray[np.float64]], point: NDArray[np.float64]) -> int | None:
    """The last, and so the smallest, part that a point of a hole lies in."""
    x, y = (float(value) for value in point)
    for index in range(len(parts) - 1, -1, -1):
        if cv2.pointPolygonTest(parts[index].astype(np.float32)[:, None], (x, y), False) >= 0:
            return index
    return None


def _join(ring: NDArray[np.float64], hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """One ring out of two, joined at the points that lie nearest to each other."""
    nearest = [float(np.square(ring - point).sum(axis=1).min()) for point in hole]
    start = int(np.argmin(nearest))
    at = int(np.square(ring - hole[start]).sum(axis=1).argmin())
    loop = np.concatenate([hole[start:], hole[: start + 1]])
    return np.concatenate([ring[: at + 1], loop, ring[at:]])
