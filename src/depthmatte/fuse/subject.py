"""Who is the subject: which of the people in a matte are kept, and at what depth.

What the choice drops leaves the matte before fusion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Mask
from ..maps import Depth, Matte
from ..options import Choice
from .instances import People, parts, people

SAME = 0.08
"""People this close in log depth stand together."""

NEARNESS = 1.5
"""How much being near counts against being large; fewest wrong subjects in training scenes."""

LEAST = 0.04
"""Share of the largest person's area below which somebody is too small to be the nearest."""

SOMEBODY = 0.25
"""Share of the subject's area from which on somebody surely is one."""


@dataclass(frozen=True)
class Subject:
    """Whom to keep: a Choice, or the person at `point`, (x, y) in canvas pixels."""

    choice: Choice = "auto"
    point: tuple[float, float] | None = None


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
