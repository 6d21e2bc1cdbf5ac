"""Find the heads in the outline of people who touch: wide tops that rise out of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Float, Mask

_MIN_RELATIVE_RADIUS = 0.5
"""Radius of a head over that of the largest one beside it, at least. A fist, an elbow or a foot
is smaller."""

_MIN_RISE = 1.1
"""Height of a head over the row where the outline joins it to others, in its radii, at least. A
bun or the brim of a hat rises less."""

_MIN_RADIUS_PX = 2.5
"""Radius, in pixels, below which outlines are too coarse to tell heads apart."""

_WIDTH_LIMITED = 1.25
"""Distance below a top, in radii of the circle that fits, from which its sides limit the circle."""


@dataclass(frozen=True)
class HeadTop:
    """A head in an outline.

    Parameters
    ----------
    x, y : float
        Center of the circle that fits into the head, in pixels.
    radius : float
        Radius of that circle, in pixels.
    rise : float
        Height of the top over the row where the outline joins it to a higher one, in pixels.
    """

    x: float
    y: float
    radius: float
    rise: float


def find_head_tops(outline: Mask) -> list[HeadTop]:
    """Find the heads in one outline.

    Rows are followed from the top down. Where two branches of the outline join, the one with the
    lower top ends there; it is a head when a large enough circle fits into it and it rises high
    enough above the place.

    Parameters
    ----------
    outline : ndarray
        bool (h, w): people who touch, at about one distance.

    Returns
    -------
    list of HeadTop
        From left to right. Empty for an empty outline, one at least for any other.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.subjects.head_tops import find_head_tops
    >>> outline = np.zeros((60, 80), bool)
    >>> outline[10:60, 10:30] = outline[10:60, 50:70] = outline[40:60, 10:70] = True
    >>> [(head.x, head.rise) for head in find_head_tops(outline)]
    [(20.0, 50.0), (60.0, 30.0)]
    """
    owner, rises = _follow_rows(outline)
    inside = np.asarray(
        cv2.distanceTransform(np.pad(outline, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1],
        np.float32,
    )
    tops = [_fit_head(owner == number, inside, rise) for number, rise in rises.items()]
    return sorted(_keep_heads(tops), key=lambda head: head.x)


def _follow_rows(outline: Mask) -> tuple[NDArray[np.int32], dict[int, float]]:
    """The branch of each pixel, int32 (h, w) from 1, and the rise of each branch."""
    owner = np.zeros(outline.shape, np.int32)
    first_row: dict[int, int] = {}
    rises: dict[int, float] = {}
    above: list[tuple[int, int, int]] = []
    follows: dict[int, int] = {}

    def current(branch: int) -> int:
        while branch in follows:
            branch = follows[branch]
        return branch

    for row in range(outline.shape[0]):
        edges = np.flatnonzero(np.diff(np.pad(outline[row].astype(np.int8), 1))).tolist()
        below = []
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            joined = {current(b) for left, right, b in above if start < right and stop > left}
            if not joined:
                branch = len(first_row) + 1
                first_row[branch] = row
            else:
                branch = min(joined, key=lambda one: (first_row[one], one))
                for ended in joined - {branch}:
                    follows[ended] = branch
                    rises[ended] = float(row - first_row[ended])
            owner[row, start:stop] = branch
            below.append((start, stop, branch))
        above = below
    last = int(np.flatnonzero(outline.any(axis=1)).max(initial=-1))
    for branch, first in first_row.items():
        rises.setdefault(branch, float(last + 1 - first))
    return owner, rises


def _fit_head(branch: Mask, inside: Float, rise: float) -> HeadTop:
    """The largest circle at the top of a branch, before its sides limit it."""
    rows = np.flatnonzero(branch.any(axis=1))
    radius, at = 0.0, (int(rows[0]), 0)
    for row in rows.tolist():
        widest = np.where(branch[row], inside[row], np.float32(0))
        column = int(widest.argmax())
        if widest[column] > radius:
            flat = np.flatnonzero(widest >= widest[column] - 0.5)
            radius, at = float(widest[column]), (row, int(flat[len(flat) // 2]))
        if row - rows[0] > _WIDTH_LIMITED * radius:
            break
    return HeadTop(float(at[1]), float(at[0]), radius, rise)


def _keep_heads(tops: list[HeadTop]) -> list[HeadTop]:
    if len(tops) < 2:
        return tops
    highest = max(tops, key=lambda top: top.rise)
    risen = [
        top for top in tops if top.rise >= _MIN_RISE * top.radius and top.radius >= _MIN_RADIUS_PX
    ]
    if not risen:
        return [highest]
    largest = max(top.radius for top in risen)
    return [top for top in risen if top.radius >= _MIN_RELATIVE_RADIUS * largest]
