"""Find the people in a matte: separated by gaps and by jumps in depth."""

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
"""Alpha from which a pixel belongs to a person."""

_SOFT_EDGE_ALPHA = 0.05
"""Alpha above which a pixel belongs to a person's soft edge."""

DEPTH_JUMP_LOG = 0.06
"""Step in log depth, within DEPTH_JUMP_WINDOW_PX, above which two people are separated."""

DEPTH_JUMP_WINDOW_PX = 5
"""Side, in canvas pixels, of the square within which a depth step is measured."""

_MIN_PERSON_PART_SHARE = 0.15
"""Area, as a share of the largest part in the same region, below which a part is no person but an
arm in front of the chest or a dark shoe."""

_SAME_PERSON_LOG_DEPTH = 0.15
"""Distance in log depth up to which parts of one region are one person."""

_SAMPLED_ROWS = np.s_[::3]
"""Every third row is enough to measure area, probability and depth of a person."""


@dataclass(frozen=True)
class Instances:
    """The people in a matte. Index 0 of the arrays per person is the background.

    Area, probability and depth are measured in every third row.
    """

    label: NDArray[np.int32]
    """Person of each pixel, int32 (h, w), 0 where there is none."""
    area: NDArray[np.float64]
    """Area per person, in pixels of the measured rows."""
    prob_sum: NDArray[np.float64]
    """Sum of the probability over the same pixels, per person."""
    depth: NDArray[np.float64]
    """Median log depth per person, in [0, 1]; NaN where depth was not measured."""

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Instances:
        """No people on a canvas of `shape` (h, w)."""
        return cls(np.zeros(shape, np.int32), np.zeros(1), np.zeros(1), np.full(1, np.nan))

    def __len__(self) -> int:
        """Number of people."""
        return len(self.area) - 1


@dataclass(frozen=True)
class _CroppedMaps:
    """Maps (h, w) of the part of the canvas that holds people, and its place `window`."""

    window: tuple[slice, slice]
    alpha: Float
    prob: Float
    log_depth: Float
    known: Mask

    @classmethod
    def from_maps(cls, matte: Matte, depth: Depth) -> _CroppedMaps | None:
        """Crop the maps; None where there are no people."""
        box = Box.bounding(matte.alpha > _SOFT_EDGE_ALPHA, DEPTH_JUMP_WINDOW_PX)
        if not box.height:
            return None
        window = box.slices
        return cls(
            window,
            matte.alpha[window],
            matte.prob[window],
            depth.log_depth[window],
            depth.usable[window],
        )

    @cached_property
    def solid(self) -> Mask:
        """Where a pixel belongs to a person."""
        return np.asarray(self.alpha >= _MIN_PERSON_ALPHA)

    @cached_property
    def known_log_depth(self) -> Float:
        """Log depth, NaN where depth was not measured."""
        return np.where(self.known, self.log_depth, np.float32(np.nan))

    @cached_property
    def smooth(self) -> Mask:
        """Where depth does not jump."""
        return np.asarray(
            known_local_range(self.log_depth, self.known, DEPTH_JUMP_WINDOW_PX) <= DEPTH_JUMP_LOG
        )

    def measure(self, people: NDArray[np.int32], over: Mask, shape: tuple[int, ...]) -> Instances:
        """Measure `people` (labels from 1) over the pixels `over`, on a canvas of `shape`."""
        label = np.zeros(shape, np.int32)
        label[self.window] = people
        over = over[_SAMPLED_ROWS]
        values = (plane[_SAMPLED_ROWS][over] for plane in (self.prob, self.known_log_depth))
        prob, depth = _split_by_label(people[_SAMPLED_ROWS][over], int(people.max()) + 1, *values)
        area = np.array([each.size for each in prob], np.float64)
        prob_sum = np.array([each.sum(dtype=np.float64) for each in prob])
        return Instances(label, area, prob_sum, np.array([_median(each) for each in depth]))


def find_instances(matte: Matte, depth: Depth) -> Instances:
    """Separate a matte into people by gaps and by jumps in depth.

    Small parts that a jump cuts off, pixels on the jump and soft edges belong to the nearest
    person.

    Parameters
    ----------
    matte : Matte
        Alpha and probability (h, w).
    depth : Depth
        On the same canvas.

    Returns
    -------
    Instances
        The people, labeled on the canvas.
    """
    view = _CroppedMaps.from_maps(matte, depth)
    if view is None:
        return Instances.empty(matte.alpha.shape)
    region = _connected_components(view.solid)
    core = _linking_area(view, region) & view.smooth
    people = _grow_labels(
        _merge_parts(_connected_components(core), region, view.known_log_depth),
        view.alpha > _SOFT_EDGE_ALPHA,
    )
    return view.measure(people, view.solid, matte.alpha.shape)


def find_instance_parts(matte: Matte, depth: Depth) -> Instances:
    """Separate a matte at gaps and depth jumps, without merging the parts of one person.

    This is faster than `find_instances`, and enough to measure depth. Pixels without measured
    depth count for area and probability only.

    Parameters
    ----------
    matte : Matte
        Alpha and probability (h, w).
    depth : Depth
        On the same canvas.

    Returns
    -------
    Instances
        The parts, labeled on the canvas. Pixels on jumps and soft edges have label 0.
    """
    view = _CroppedMaps.from_maps(matte, depth)
    if view is None:
        return Instances.empty(matte.alpha.shape)
    hidden = view.solid & ~view.known
    if not hidden.any():
        core = view.solid & view.smooth
        return view.measure(_connected_components(core), core, matte.alpha.shape)
    region = _connected_components(view.solid)
    core = _linking_area(view, region) & view.smooth
    part = _connected_components(core)
    found = view.measure(part, core, matte.alpha.shape)
    factors = _area_factors(
        part[_SAMPLED_ROWS],
        core[_SAMPLED_ROWS],
        hidden[_SAMPLED_ROWS],
        region[_SAMPLED_ROWS],
        len(found) + 1,
    )
    return replace(found, area=found.area * factors, prob_sum=found.prob_sum * factors)


def _connected_components(mask: Mask) -> NDArray[np.int32]:
    """Connected components (h, w), labeled from 1."""
    return np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1], np.int32)


def _linking_area(view: _CroppedMaps, region: NDArray[np.int32]) -> Mask:
    """Pixels that may connect parts of one person: those with measured depth.

    Sensors often measure nothing along outlines, so unmeasured pixels would connect different
    people. In a `region` without any measured depth all pixels connect.
    """
    measured = view.solid & view.known
    unmeasured = np.ones(int(region.max()) + 1, bool)
    unmeasured[region[_SAMPLED_ROWS][measured[_SAMPLED_ROWS]]] = False
    unmeasured[0] = False
    return np.asarray(measured | unmeasured[region]) if unmeasured.any() else measured


def _area_factors(
    part: NDArray[np.int32],
    core: Mask,
    hidden: Mask,
    region: NDArray[np.int32],
    count: int,
) -> NDArray[np.float64]:
    """Factor by which each of `count` parts is larger than its `core`.

    The `hidden` pixels of a region, whose depth was not measured, are divided among its parts
    in proportion to their cores.
    """
    region_of_part = np.zeros(count, np.int32)
    region_of_part[part[core]] = region[core]
    region_count = int(region.max()) + 1
    core_area, hidden_area = (
        np.bincount(region[mask], minlength=region_count) for mask in (core, hidden & ~core)
    )
    return np.asarray(1 + hidden_area[region_of_part] / np.maximum(core_area[region_of_part], 1))


def _merge_parts(
    part: NDArray[np.int32], region: NDArray[np.int32], log_depth: Float
) -> NDArray[np.int32]:
    """Merge parts (h, w), labeled from 1, into people.

    Parts of one region with about the log depth of its largest part are one person. Small parts
    get label 0 and are assigned later.
    """
    inside, count = part > 0, int(part.max()) + 1
    part_label = part[inside]
    area = np.bincount(part_label, minlength=count)
    part_depths = _split_by_label(part_label, count, log_depth[inside])[0]
    depth = np.array([_median(each) for each in part_depths])
    region_of_part = np.zeros(count, np.int32)
    region_of_part[part_label] = region[inside]
    person = np.arange(count, dtype=np.int32)
    for index in np.unique(region_of_part[1:]):
        parts = np.flatnonzero(region_of_part == index)
        largest = parts[area[parts].argmax()]
        close = ~(np.abs(depth[parts] - depth[largest]) > _SAME_PERSON_LOG_DEPTH)
        person[parts[close]] = largest
        person[parts[area[parts] < _MIN_PERSON_PART_SHARE * area[largest]]] = 0
        person[largest] = largest
    renumbered = np.unique(person, return_inverse=True)[1]
    return np.asarray(renumbered[part], np.int32)


def _split_by_label(label: NDArray[np.int32], count: int, *values: Float) -> list[list[Float]]:
    """Split flat arrays into one array for each of `count` labels."""
    # NumPy sorts small integer types much faster (radix sort).
    order = np.argsort(label.astype(np.min_scalar_type(count)), kind="stable")
    ends = np.searchsorted(label[order], np.arange(1, count))
    return [np.split(each[order], ends) for each in values]


def _median(values: Float) -> float:
    """Median of the values that are not NaN; NaN where there are none."""
    known = values[~np.isnan(values)]
    return median_value(known) if known.size else float("nan")


def _grow_labels(label: NDArray[np.int32], over: Mask) -> NDArray[np.int32]:
    """Give every pixel of `over` the nearest label."""
    if label.max() <= 1:  # at most one person
        return np.asarray(over & label.any(), np.int32)
    return np.where(over, fill_nearest(label, label > 0), np.int32(0))
