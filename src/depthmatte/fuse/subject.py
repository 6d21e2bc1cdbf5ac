"""Who is the subject: which of the people in a matte, and at what depth (SPEC row B8).

A matte falls apart into people where it has gaps and where depth jumps inside it. The
choice keeps some of them; what it drops leaves S_in before fusion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Float
from ..filters import Mask, median, nearest, relief
from ..maps import Depth, Matte
from ..options import Choice

SOLID = 0.5
"""Alpha from which a pixel belongs to somebody."""

SOFT = 0.05
"""Alpha of the softest edge that goes with its person."""

JUMP = 0.06
"""Step in log depth within WINDOW canvas pixels that parts two people."""

WINDOW = 5
"""Side in pixels of the square within which depth jumps."""

SAME = 0.08
"""People this close in log depth stand together."""

NEARNESS = 1.5
"""How much being near counts against being large; fewest wrong subjects in training scenes."""

LEAST = 0.04
"""Share of the largest person's area below which somebody is too small to be the nearest."""

PART = 0.15
"""Share of the largest part of one piece of the matte below which a part is not somebody: an arm
before the chest, a dark shoe."""

TIED = 0.15
"""Parts of one piece this close in log depth are one person."""

SOMEBODY = 0.25
"""Share of the subject's area from which on somebody surely is one."""

SOME = np.s_[::3]
"""Every so many rows are enough to say how large, likely and far somebody is."""


@dataclass(frozen=True)
class Subject:
    """Whom to keep: a Choice, or the person at `point`, (x, y) in canvas pixels."""

    choice: Choice = "auto"
    point: tuple[float, float] | None = None


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


def kept(found: People, wanted: Subject) -> Mask:
    """Which people (index 0 unused) the choice keeps; all of them for `all`."""
    keep = np.zeros(len(found.area), bool)
    if not len(found):
        return keep
    if wanted.choice == "all" and wanted.point is None:
        keep[1:] = True
        return keep
    first = _first(found, wanted)
    keep[first] = True
    if wanted.choice != "largest" and not np.isnan(found.depth[first]):
        keep[1:] |= np.abs(found.depth[1:] - found.depth[first]) <= SAME
    return keep


def _first(found: People, wanted: Subject) -> int:
    """The person the choice is about."""
    if wanted.point is not None:
        return _at(found.label, wanted.point)
    area, far = found.area[1:], np.nan_to_num(found.depth[1:], nan=1.0)
    if wanted.choice == "nearest":
        far = np.where(area >= LEAST * area.max(), far, 2.0)
        return 1 + int(np.lexsort((-area, far))[0])
    if wanted.choice == "largest":
        return 1 + int(np.argmax(area))
    # Large, surely a person, and near: who is farther must fill more of the photo to be meant.
    return 1 + int(np.argmax(found.likely[1:] * (1 - far) ** NEARNESS))


def _at(label: NDArray[np.int32], point: tuple[float, float]) -> int:
    """The person at a point of the canvas, or the nearest one to it."""
    rows, columns = np.nonzero(label)
    away = np.hypot(columns - point[0], rows - point[1])
    first = int(np.argmin(away))
    return int(label[rows[first], columns[first]])


def meant(matte: Matte, depth: Depth, behind: float = math.inf) -> tuple[Matte, float]:
    """Unless a user says otherwise: the matte without those who are farther than the subject by
    `behind` in log depth, and the log depth of those who are meant (NaN without depth).

    Who is small beside the subject stays, for a fusion to judge.
    """
    found = parts(matte, depth)
    at = _depth_of(found, kept(found, Subject()))
    if _behind(found, behind).any():
        found = people(matte, depth)
        matte = _without(matte, found, _behind(found, behind))
    return matte, at


def _behind(found: People, behind: float) -> Mask:
    """Who (index 0 unused) is so far behind the subject, and large enough to be somebody."""
    if not len(found):
        return np.zeros(1, bool)
    first = _first(found, Subject())
    large = found.area >= SOMEBODY * found.area[first]
    large[0] = False
    return np.asarray(large & (found.depth - found.depth[first] > behind))


def _without(matte: Matte, found: People, dropped: Mask) -> Matte:
    """The matte without some of the people found in it."""
    return replace(matte, alpha=np.where(dropped[found.label], np.float32(0), matte.alpha))


def choose(matte: Matte, depth: Depth, wanted: Subject) -> tuple[Matte, float]:
    """The matte of those who are meant, and their log depth (NaN without depth).

    `auto` leaves S_in as it is: what is far from the subject is the fusion's to judge.
    """
    found = people(matte, depth)
    keep = kept(found, wanted)
    at = _depth_of(found, keep)
    if wanted == Subject() or keep[1:].all():
        return matte, at
    dropped = ~keep
    dropped[0] = False
    return _without(matte, found, dropped), at


def _depth_of(found: People, keep: Mask) -> float:
    """Area-weighted mean log depth of the people kept."""
    counted = keep & ~np.isnan(found.depth)
    if not counted.any():
        return float("nan")
    return float(np.average(found.depth[counted], weights=found.area[counted]))


def bound(
    fused: Matte, matte: Matte, chosen: Matte, wanted: Subject, opacity: bool = True
) -> Matte:
    """Keep a fusion to the user's choice: who was dropped stays away, with `all` everybody stays.

    `matte` is S_in before the choice, `chosen` after it. `auto` binds nothing, nor does `all`
    where what was fused is no `opacity`: such a fusion takes nobody away.
    """
    if wanted == Subject():
        return fused
    if wanted.choice == "all" and wanted.point is None:
        return replace(fused, alpha=np.maximum(fused.alpha, matte.alpha)) if opacity else fused
    dropped = chosen.alpha < matte.alpha
    return replace(fused, alpha=np.where(dropped, np.float32(0), fused.alpha))
