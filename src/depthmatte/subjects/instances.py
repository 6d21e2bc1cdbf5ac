"""Which people are in a matte: it falls apart where it has gaps and where depth jumps inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box
from ..filters import fill_nearest, known_local_range, median_value
from ..types import Float, Mask
from ..values import Depth, Matte

_MIN_PERSON_ALPHA = 0.5
"""Alpha from which a pixel belongs to somebody."""

_SOFT_EDGE_ALPHA = 0.05
"""Alpha of the softest edge that goes with its person."""

DEPTH_JUMP_LOG = 0.06
"""Step in log depth within WINDOW canvas pixels that parts two people."""

DEPTH_JUMP_WINDOW_PX = 5
"""Side in pixels of the square within which depth jumps."""

_MIN_PERSON_PART_SHARE = 0.15
"""Share of the largest part of one piece of the matte below which a part is not somebody: an arm
before the chest, a dark shoe."""

_SAME_PERSON_LOG_DEPTH = 0.15
"""Parts of one piece this close in log depth are one person."""

_SAMPLED_ROWS = np.s_[::3]
"""Every so many rows are enough to say how large, likely and far somebody is."""


@dataclass(frozen=True)
class Instances:
    """Everybody in a matte: `label` int32 (h, w), 0 nobody, and per person (index 0 unused)
    the area in pixels, the sum of I1 over it, and the median log depth, NaN where unmeasured;
    all three of SOME rows.
    """

    label: NDArray[np.int32]
    area: NDArray[np.float64]
    prob_sum: NDArray[np.float64]
    depth: NDArray[np.float64]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Instances:
        """No people on a canvas of `shape`."""
        return cls(np.zeros(shape, np.int32), np.zeros(1), np.zeros(1), np.full(1, np.nan))

    def __len__(self) -> int:
        """How many people there are."""
        return len(self.area) - 1


@dataclass(frozen=True)
class _CroppedMaps:
    """The part of the canvas where anybody is, `shown`: maps (h, w) of that box."""

    window: tuple[slice, slice]
    alpha: Float
    prob: Float
    d: Float
    known: Mask

    @classmethod
    def from_maps(cls, matte: Matte, depth: Depth) -> _CroppedMaps | None:
        """None where nobody is."""
        box = Box.bounding(matte.alpha > _SOFT_EDGE_ALPHA, DEPTH_JUMP_WINDOW_PX)
        if not box.height:
            return None
        at = box.slices
        return cls(at, matte.alpha[at], matte.prob[at], depth.log_depth[at], depth.usable[at])

    @cached_property
    def solid(self) -> Mask:
        """Where alpha is somebody's."""
        return np.asarray(self.alpha >= _MIN_PERSON_ALPHA)

    @cached_property
    def far(self) -> Float:
        """Log depth, NaN where nobody measured."""
        return np.where(self.known, self.d, np.float32(np.nan))

    @cached_property
    def smooth(self) -> Mask:
        """Where depth does not jump."""
        return np.asarray(
            known_local_range(self.d, self.known, DEPTH_JUMP_WINDOW_PX) <= DEPTH_JUMP_LOG
        )

    def counted(self, found: NDArray[np.int32], over: Mask, shape: tuple[int, ...]) -> Instances:
        """People `found`, numbered from 1, by what is `over` of them, on a canvas of `shape`."""
        label = np.zeros(shape, np.int32)
        label[self.window] = found
        counted = over[_SAMPLED_ROWS]
        values = (plane[_SAMPLED_ROWS][counted] for plane in (self.prob, self.far))
        prob, logs = _split_by_label(found[_SAMPLED_ROWS][counted], int(found.max()) + 1, *values)
        area = np.array([each.size for each in prob], np.float64)
        likely = np.array([each.sum(dtype=np.float64) for each in prob])
        return Instances(label, area, likely, np.array([_median(each) for each in logs]))


def find_instances(matte: Matte, depth: Depth) -> Instances:
    """Part a matte into people by gaps and by jumps in depth.

    What a jump cuts off one of them, pixels on the jump and soft edges go with the person next to
    them.
    """
    view = _CroppedMaps.from_maps(matte, depth)
    if view is None:
        return Instances.empty(matte.alpha.shape)
    piece = _connected_components(view.solid)
    core = _linking_area(view, piece) & view.smooth
    found = _grow_labels(
        _merge_parts(_connected_components(core), piece, view.far), view.alpha > _SOFT_EDGE_ALPHA
    )
    return view.counted(found, view.solid, matte.alpha.shape)


def find_instance_parts(matte: Matte, depth: Depth) -> Instances:
    """The parts that people fall into where depth jumps inside them: faster, and enough to say
    how far they are. What was not measured of somebody counts for the areas alone.
    """
    view = _CroppedMaps.from_maps(matte, depth)
    if view is None:
        return Instances.empty(matte.alpha.shape)
    hidden = view.solid & ~view.known
    if not hidden.any():
        core = view.solid & view.smooth
        return view.counted(_connected_components(core), core, matte.alpha.shape)
    piece = _connected_components(view.solid)
    core = _linking_area(view, piece) & view.smooth
    part = _connected_components(core)
    found = view.counted(part, core, matte.alpha.shape)
    more = _area_factors(
        part[_SAMPLED_ROWS],
        core[_SAMPLED_ROWS],
        hidden[_SAMPLED_ROWS],
        piece[_SAMPLED_ROWS],
        len(found) + 1,
    )
    return replace(found, area=found.area * more, prob_sum=found.prob_sum * more)


def _connected_components(there: Mask) -> NDArray[np.int32]:
    """What hangs together (h, w), numbered from 1."""
    return np.asarray(cv2.connectedComponents(there.astype(np.uint8), connectivity=4)[1], np.int32)


def _linking_area(view: _CroppedMaps, piece: NDArray[np.int32]) -> Mask:
    """What of the matte may tie people: where depth was measured, for sensors see nothing along
    the outlines that part them. Of a `piece` without any depth all of it.
    """
    measured = view.solid & view.known
    blind = np.ones(int(piece.max()) + 1, bool)
    blind[piece[_SAMPLED_ROWS][measured[_SAMPLED_ROWS]]] = False
    blind[0] = False
    return np.asarray(measured | blind[piece]) if blind.any() else measured


def _area_factors(
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


def _merge_parts(
    part: NDArray[np.int32], piece: NDArray[np.int32], far: Float
) -> NDArray[np.int32]:
    """Parts (h, w), numbered from 1, as people: of one `piece` of the matte those
    about as `far` as its largest are one, and parts that are too small are nobody's yet.
    """
    inside, count = part > 0, int(part.max()) + 1
    number = part[inside]
    area = np.bincount(number, minlength=count)
    depth = np.array([_median(each) for each in _split_by_label(number, count, far[inside])[0]])
    home = np.zeros(count, np.int32)
    home[number] = piece[inside]
    person = np.arange(count, dtype=np.int32)
    for one in np.unique(home[1:]):
        parts = np.flatnonzero(home == one)
        first = parts[area[parts].argmax()]
        close = ~(np.abs(depth[parts] - depth[first]) > _SAME_PERSON_LOG_DEPTH)
        person[parts[close]] = first
        person[parts[area[parts] < _MIN_PERSON_PART_SHARE * area[first]]] = 0
        person[first] = first
    renumbered = np.unique(person, return_inverse=True)[1]
    return np.asarray(renumbered[part], np.int32)


def _split_by_label(whose: NDArray[np.int32], count: int, *values: Float) -> list[list[Float]]:
    """Flat values as one array for each of `count` numbers in `whose`."""
    # Small integers sort much faster, by their digits.
    order = np.argsort(whose.astype(np.min_scalar_type(count)), kind="stable")
    ends = np.searchsorted(whose[order], np.arange(1, count))
    return [np.split(each[order], ends) for each in values]


def _median(values: Float) -> float:
    """Of the values that are not NaN, NaN where there are none."""
    seen = values[~np.isnan(values)]
    return median_value(seen) if seen.size else float("nan")


def _grow_labels(label: NDArray[np.int32], over: Mask) -> NDArray[np.int32]:
    """Labels grown to their nearest pixels of `over`."""
    if label.max() <= 1:  # one person, or nobody
        return np.asarray(over & label.any(), np.int32)
    return np.where(over, fill_nearest(label, label > 0), np.int32(0))
