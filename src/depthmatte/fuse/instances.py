"""Which people are in a matte: it falls apart where it has gaps and where depth jumps inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Float, Mask
from ..canvas import Box
from ..filters import median, nearest, relief
from ..maps import Depth, Matte

SOLID = 0.5
"""Alpha from which a pixel belongs to somebody."""

SOFT = 0.05
"""Alpha of the softest edge that goes with its person."""

JUMP = 0.06
"""Step in log depth within WINDOW canvas pixels that parts two people."""

WINDOW = 5
"""Side in pixels of the square within which depth jumps."""

PART = 0.15
"""Share of the largest part of one piece of the matte below which a part is not somebody: an arm
before the chest, a dark shoe."""

TIED = 0.15
"""Parts of one piece this close in log depth are one person."""

SOME = np.s_[::3]
"""Every so many rows are enough to say how large, likely and far somebody is."""


@dataclass(frozen=True)
class People:
    """Everybody in a matte: `label` int32 (h, w), 0 nobody, and per person (index 0 unused)
    the area in pixels, the sum of I1 over it, and the median log depth, NaN where unmeasured;
    all three of SOME rows.
    """

    label: NDArray[np.int32]
    area: NDArray[np.float64]
    likely: NDArray[np.float64]
    depth: NDArray[np.float64]

    @classmethod
    def nobody(cls, shape: tuple[int, ...]) -> People:
        """No people on a canvas of `shape`."""
        return cls(np.zeros(shape, np.int32), np.zeros(1), np.zeros(1), np.full(1, np.nan))

    def __len__(self) -> int:
        """How many people there are."""
        return len(self.area) - 1


@dataclass(frozen=True)
class _View:
    """The part of the canvas where anybody is, `shown`: maps (h, w) of that box."""

    shown: tuple[slice, slice]
    alpha: Float
    prob: Float
    d: Float
    known: Mask

    @classmethod
    def of(cls, matte: Matte, depth: Depth) -> _View | None:
        """None where nobody is."""
        box = Box.around(matte.alpha > SOFT, WINDOW)
        if not box.height:
            return None
        at = box.slices
        return cls(at, matte.alpha[at], matte.prob[at], depth.log[at], depth.usable[at])

    @cached_property
    def solid(self) -> Mask:
        """Where alpha is somebody's."""
        return np.asarray(self.alpha >= SOLID)

    @cached_property
    def far(self) -> Float:
        """Log depth, NaN where nobody measured."""
        return np.where(self.known, self.d, np.float32(np.nan))

    @cached_property
    def smooth(self) -> Mask:
        """Where depth does not jump."""
        return np.asarray(relief(self.d, self.known, WINDOW) <= JUMP)

    def counted(self, found: NDArray[np.int32], over: Mask, shape: tuple[int, ...]) -> People:
        """People `found`, numbered from 1, by what is `over` of them, on a canvas of `shape`."""
        label = np.zeros(shape, np.int32)
        label[self.shown] = found
        counted = over[SOME]
        values = (plane[SOME][counted] for plane in (self.prob, self.far))
        prob, logs = _apart(found[SOME][counted], int(found.max()) + 1, *values)
        area = np.array([each.size for each in prob], np.float64)
        likely = np.array([each.sum(dtype=np.float64) for each in prob])
        return People(label, area, likely, np.array([_median(each) for each in logs]))


def people(matte: Matte, depth: Depth) -> People:
    """Part a matte into people by gaps and by jumps in depth.

    What a jump cuts off one of them, pixels on the jump and soft edges go with the person next to
    them.
    """
    view = _View.of(matte, depth)
    if view is None:
        return People.nobody(matte.alpha.shape)
    piece = _pieces(view.solid)
    core = _seen(view, piece) & view.smooth
    found = _spread(_tied(_pieces(core), piece, view.far), view.alpha > SOFT)
    return view.counted(found, view.solid, matte.alpha.shape)


def parts(matte: Matte, depth: Depth) -> People:
    """The parts that people fall into where depth jumps inside them: faster, and enough to say
    how far they are. What was not measured of somebody counts for the areas alone.
    """
    view = _View.of(matte, depth)
    if view is None:
        return People.nobody(matte.alpha.shape)
    hidden = view.solid & ~view.known
    if not hidden.any():
        core = view.solid & view.smooth
        return view.counted(_pieces(core), core, matte.alpha.shape)
    piece = _pieces(view.solid)
    core = _seen(view, piece) & view.smooth
    part = _pieces(core)
    found = view.counted(part, core, matte.alpha.shape)
    more = _unseen(part[SOME], core[SOME], hidden[SOME], piece[SOME], len(found) + 1)
    return replace(found, area=found.area * more, likely=found.likely * more)


def _pieces(there: Mask) -> NDArray[np.int32]:
    """What hangs together (h, w), numbered from 1."""
    return np.asarray(cv2.connectedComponents(there.astype(np.uint8), connectivity=4)[1], np.int32)


def _seen(view: _View, piece: NDArray[np.int32]) -> Mask:
    """What of the matte may tie people: where depth was measured, for sensors see nothing along
    the outlines that part them. Of a `piece` without any depth all of it.
    """
    measured = view.solid & view.known
    blind = np.ones(int(piece.max()) + 1, bool)
    blind[piece[SOME][measured[SOME]]] = False
    blind[0] = False
    return np.asarray(measured | blind[piece]) if blind.any() else measured


def _unseen(
    part: NDArray[np.int32],
    core: Mask,
    hidden: Mask,
    piece: NDArray[np.int32],
    count: int,
) -> NDArray[np.float64]:
    """By how much each of `count` parts is larger than its `core`: what is `hidden` in a piece of
    the matte is divided among its parts as their cores are.
    """
    home = np.zeros(count, np.int32)
    home[part[core]] = piece[core]
    many = int(piece.max()) + 1
    shown, lost = (np.bincount(piece[at], minlength=many) for at in (core, hidden & ~core))
    return np.asarray(1 + lost[home] / np.maximum(shown[home], 1))


def _tied(part: NDArray[np.int32], piece: NDArray[np.int32], far: Float) -> NDArray[np.int32]:
    """Parts (h, w), numbered from 1, as people: of one `piece` of the matte those
    about as `far` as its largest are one, and parts that are too small are nobody's yet.
    """
    inside, count = part > 0, int(part.max()) + 1
    number = part[inside]
    area = np.bincount(number, minlength=count)
    depth = np.array([_median(each) for each in _apart(number, count, far[inside])[0]])
    home = np.zeros(count, np.int32)
    home[number] = piece[inside]
    person = np.arange(count, dtype=np.int32)
    for one in np.unique(home[1:]):
        parts = np.flatnonzero(home == one)
        first = parts[area[parts].argmax()]
        close = ~(np.abs(depth[parts] - depth[first]) > TIED)
        person[parts[close]] = first
        person[parts[area[parts] < PART * area[first]]] = 0
        person[first] = first
    renumbered = np.unique(person, return_inverse=True)[1]
    return np.asarray(renumbered[part], np.int32)


def _apart(whose: NDArray[np.int32], count: int, *values: Float) -> list[list[Float]]:
    """Flat values as one array for each of `count` numbers in `whose`."""
    # Small integers sort much faster, by their digits.
    order = np.argsort(whose.astype(np.min_scalar_type(count)), kind="stable")
    ends = np.searchsorted(whose[order], np.arange(1, count))
    return [np.split(each[order], ends) for each in values]


def _median(values: Float) -> float:
    """Of the values that are not NaN, NaN where there are none."""
    seen = values[~np.isnan(values)]
    return median(seen) if seen.size else float("nan")


def _spread(label: NDArray[np.int32], over: Mask) -> NDArray[np.int32]:
    """Labels grown to their nearest pixels of `over`."""
    if label.max() <= 1:  # one person, or nobody
        return np.asarray(over & label.any(), np.int32)
    return np.where(over, nearest(label, label > 0), np.int32(0))
