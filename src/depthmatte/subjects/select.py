"""Select the subject: the people to keep, and their depth.

People who are not selected are removed from the matte before fusion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..options import SubjectChoice
from ..types import Float, Mask
from ..values import Depth, Matte
from .instances import Instances, find_instance_parts, find_instances

_SAME_DEPTH_LOG = 0.08
"""Distance in log depth up to which people belong together."""

_NEARNESS_EXPONENT = 1.5
"""Exponent of nearness, relative to size, in the choice of the subject. Chosen on training scenes:
this value selects the fewest wrong subjects."""

_MIN_NEAREST_AREA_SHARE = 0.04
"""Area, as a share of the largest person's, from which a person can be the nearest."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Whom to keep.

    Parameters
    ----------
    choice : str
        `auto` keeps the main person (large, probable and near) and people at the same depth,
        `nearest` the nearest person and people at the same depth, `largest` the largest person
        alone, `all` all people.
    point : tuple of float, optional
        (x, y) in canvas pixels. The person at this point is the main person.
    members : ndarray, optional
        bool (h, w): the pixels of the one person to keep, on the canvas. It replaces the others.
    shown : ndarray, optional
        float32 (h, w): opacity of everybody, also of people whom the matte does not show. Of it
        only that of the members counts.
    """

    choice: SubjectChoice = "auto"
    point: tuple[float, float] | None = None
    members: Mask | None = None
    shown: Float | None = None

    @property
    def is_default(self) -> bool:
        """Whether nothing is chosen."""
        return self.choice == "auto" and self.point is None and self.members is None


def select_instances(instances: Instances, subject: Subject) -> Mask:
    """The people whom a choice keeps.

    Parameters
    ----------
    instances : Instances
        The people in the matte.
    subject : Subject
        The choice. Without `largest`, people at the main person's depth are kept too.

    Returns
    -------
    ndarray
        Boolean, one per person; index 0, the background, is False.
    """
    keep = np.zeros(len(instances.area), bool)
    if not len(instances):
        return keep
    if subject.choice == "all" and subject.point is None:
        keep[1:] = True
        return keep
    main = _main_instance(instances, subject)
    keep[main] = True
    if subject.choice != "largest" and not np.isnan(instances.depth[main]):
        keep[1:] |= np.abs(instances.depth[1:] - instances.depth[main]) <= _SAME_DEPTH_LOG
    return keep


def _main_instance(found: Instances, subject: Subject) -> int:
    """Index of the main person of a choice."""
    if subject.point is not None:
        return _instance_at_point(found.label, subject.point)
    area, depth = found.area[1:], np.nan_to_num(found.depth[1:], nan=1.0)
    if subject.choice == "nearest":
        depth = np.where(area >= _MIN_NEAREST_AREA_SHARE * area.max(), depth, 2.0)
        return 1 + int(np.lexsort((-area, depth))[0])
    if subject.choice == "largest":
        return 1 + int(np.argmax(area))
    # Large, probable and near. A person farther away must fill more of the photo to be chosen.
    return 1 + int(np.argmax(found.prob_sum[1:] * (1 - depth) ** _NEARNESS_EXPONENT))


def _instance_at_point(label: NDArray[np.int32], point: tuple[float, float]) -> int:
    """Index of the person at a point of the canvas, or of the person nearest to it."""
    rows, columns = np.nonzero(label)
    distance = np.hypot(columns - point[0], rows - point[1])
    nearest = int(np.argmin(distance))
    return int(label[rows[nearest], columns[nearest]])


def subject_log_depth(matte: Matte, depth: Depth) -> float:
    """How far away the people are whom `auto` selects.

    Parameters
    ----------
    matte : Matte
        Alpha and probability (h, w).
    depth : Depth
        On the same canvas.

    Returns
    -------
    float
        Their mean log depth, weighted by area; NaN without depth.
    """
    found = find_instance_parts(matte, depth)
    return _mean_log_depth(found, select_instances(found, Subject()))


def _remove_instances(matte: Matte, found: Instances, dropped: Mask) -> Matte:
    """The matte without the people marked in `dropped`."""
    return replace(matte, alpha=np.where(dropped[found.label], np.float32(0), matte.alpha))


def select_subject(matte: Matte, depth: Depth, subject: Subject) -> tuple[Matte, float]:
    """Remove the people whom a choice does not keep.

    `auto` leaves alpha as it is, because fusion decides what is far from the subject.

    Parameters
    ----------
    matte : Matte
        Alpha and probability (h, w).
    depth : Depth
        On the same canvas.
    subject : Subject
        The choice, its point in canvas pixels.

    Returns
    -------
    matte : Matte
        Without the other people. The same object where no person is removed.
    subject_depth : float
        Mean log depth of the people kept; NaN without depth.
    """
    if subject.members is not None:
        alpha = matte.alpha if subject.shown is None else np.maximum(matte.alpha, subject.shown)
        alpha = np.where(subject.members, alpha, np.float32(0))
        here = depth.usable & (alpha > 0)
        middle = float(np.mean(depth.log_depth[here])) if here.any() else math.nan
        return replace(matte, alpha=alpha), middle
    found = find_instances(matte, depth)
    keep = select_instances(found, subject)
    subject_depth = _mean_log_depth(found, keep)
    if subject.is_default or keep[1:].all():
        return matte, subject_depth
    dropped = ~keep
    dropped[0] = False
    return _remove_instances(matte, found, dropped), subject_depth


def _mean_log_depth(found: Instances, keep: Mask) -> float:
    """Area-weighted mean log depth of the people kept."""
    counted = keep & ~np.isnan(found.depth)
    if not counted.any():
        return float("nan")
    return float(np.average(found.depth[counted], weights=found.area[counted]))


def constrain_to_subject(
    fused: Matte, matte: Matte, selected: Matte, subject: Subject, is_opacity: bool = True
) -> Matte:
    """Make a fusion obey the user's choice.

    Fusion must not bring back people whom the choice removed. With `all` it must not remove
    people. `auto` does not constrain anything.

    Parameters
    ----------
    fused : Matte
        Result of the fusion.
    matte : Matte
        The matte before the choice.
    selected : Matte
        The matte after the choice (`select_subject`).
    subject : Subject
        The choice.
    is_opacity : bool
        Whether the fused alpha is an opacity (`Fusion.opacity`). If not, `all` does not
        constrain it, because such a fusion removes no people.

    Returns
    -------
    Matte
        The fused matte within the choice.
    """
    if subject.is_default:
        return fused
    if subject.choice == "all" and subject.point is None:
        return replace(fused, alpha=np.maximum(fused.alpha, matte.alpha)) if is_opacity else fused
    dropped = selected.alpha < matte.alpha
    return replace(fused, alpha=np.where(dropped, np.float32(0), fused.alpha))
