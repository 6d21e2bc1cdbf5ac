"""Who is the subject: which of the people in a matte are kept, and at what depth.

What the choice drops leaves the matte before fusion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..options import SubjectChoice
from ..types import Mask
from ..values import Depth, Matte
from .instances import Instances, find_instance_parts, find_instances

_SAME_DEPTH_LOG = 0.08
"""People this close in log depth stand together."""

_NEARNESS_EXPONENT = 1.5
"""How much being near counts against being large; fewest wrong subjects in training scenes."""

_MIN_NEAREST_AREA_SHARE = 0.04
"""Share of the largest person's area below which somebody is too small to be the nearest."""

_MIN_BEHIND_AREA_SHARE = 0.25
"""Share of the subject's area from which on somebody surely is one."""


@dataclass(frozen=True)
class Subject:
    """Whom to keep: a Choice, or the person at `point`, (x, y) in canvas pixels."""

    choice: SubjectChoice = "auto"
    point: tuple[float, float] | None = None


def select_instances(instances: Instances, subject: Subject) -> Mask:
    """Which people (index 0 unused) the choice keeps; all of them for `all`."""
    keep = np.zeros(len(instances.area), bool)
    if not len(instances):
        return keep
    if subject.choice == "all" and subject.point is None:
        keep[1:] = True
        return keep
    first = _main_instance(instances, subject)
    keep[first] = True
    if subject.choice != "largest" and not np.isnan(instances.depth[first]):
        keep[1:] |= np.abs(instances.depth[1:] - instances.depth[first]) <= _SAME_DEPTH_LOG
    return keep


def _main_instance(found: Instances, wanted: Subject) -> int:
    """The person the choice is about."""
    if wanted.point is not None:
        return _instance_at_point(found.label, wanted.point)
    area, far = found.area[1:], np.nan_to_num(found.depth[1:], nan=1.0)
    if wanted.choice == "nearest":
        far = np.where(area >= _MIN_NEAREST_AREA_SHARE * area.max(), far, 2.0)
        return 1 + int(np.lexsort((-area, far))[0])
    if wanted.choice == "largest":
        return 1 + int(np.argmax(area))
    # Large, surely a person, and near: who is farther must fill more of the photo to be meant.
    return 1 + int(np.argmax(found.prob_sum[1:] * (1 - far) ** _NEARNESS_EXPONENT))


def _instance_at_point(label: NDArray[np.int32], point: tuple[float, float]) -> int:
    """The person at a point of the canvas, or the nearest one to it."""
    rows, columns = np.nonzero(label)
    away = np.hypot(columns - point[0], rows - point[1])
    first = int(np.argmin(away))
    return int(label[rows[first], columns[first]])


def drop_instances_behind(
    matte: Matte, depth: Depth, min_log_depth_behind: float = math.inf
) -> tuple[Matte, float]:
    """Unless a user says otherwise: the matte without those who are farther than the subject by
    `behind` in log depth, and the log depth of those who are meant (NaN without depth).

    Who is small beside the subject stays, for a fusion to judge.
    """
    found = find_instance_parts(matte, depth)
    at = _mean_log_depth(found, select_instances(found, Subject()))
    if _is_behind_subject(found, min_log_depth_behind).any():
        found = find_instances(matte, depth)
        matte = _remove_instances(matte, found, _is_behind_subject(found, min_log_depth_behind))
    return matte, at


def _is_behind_subject(found: Instances, behind: float) -> Mask:
    """Who (index 0 unused) is so far behind the subject, and large enough to be somebody."""
    if not len(found):
        return np.zeros(1, bool)
    first = _main_instance(found, Subject())
    large = found.area >= _MIN_BEHIND_AREA_SHARE * found.area[first]
    large[0] = False
    return np.asarray(large & (found.depth - found.depth[first] > behind))


def _remove_instances(matte: Matte, found: Instances, dropped: Mask) -> Matte:
    """The matte without some of the people found in it."""
    return replace(matte, alpha=np.where(dropped[found.label], np.float32(0), matte.alpha))


def select_subject(matte: Matte, depth: Depth, subject: Subject) -> tuple[Matte, float]:
    """The matte of those who are meant, and their log depth (NaN without depth).

    `auto` leaves S_in as it is: what is far from the subject is the fusion's to judge.
    """
    found = find_instances(matte, depth)
    keep = select_instances(found, subject)
    at = _mean_log_depth(found, keep)
    if subject == Subject() or keep[1:].all():
        return matte, at
    dropped = ~keep
    dropped[0] = False
    return _remove_instances(matte, found, dropped), at


def _mean_log_depth(found: Instances, keep: Mask) -> float:
    """Area-weighted mean log depth of the people kept."""
    counted = keep & ~np.isnan(found.depth)
    if not counted.any():
        return float("nan")
    return float(np.average(found.depth[counted], weights=found.area[counted]))


def constrain_to_subject(
    fused: Matte, matte: Matte, selected: Matte, subject: Subject, is_opacity: bool = True
) -> Matte:
    """Keep a fusion to the user's choice: who was dropped stays away, with `all` everybody stays.

    `matte` is S_in before the choice, `chosen` after it. `auto` binds nothing, nor does `all`
    where what was fused is no `opacity`: such a fusion takes nobody away.
    """
    if subject == Subject():
        return fused
    if subject.choice == "all" and subject.point is None:
        return replace(fused, alpha=np.maximum(fused.alpha, matte.alpha)) if is_opacity else fused
    dropped = selected.alpha < matte.alpha
    return replace(fused, alpha=np.where(dropped, np.float32(0), fused.alpha))
