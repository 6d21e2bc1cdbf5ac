"""The people in a photo, each with a portrait of her own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Letterbox, to_canvas
from ..corrections.matte_edit import MatteEdit
from ..filters import fill_nearest
from ..subjects.separate import separate_people
from ..types import Float, Mask
from ..values import Depth, Matte

_MIN_KEPT_SHARE = 0.5
"""Share of a person that a portrait must show to count as cut out."""


@dataclass(frozen=True, eq=False, repr=False)
class Person:
    """One person in a photo. Maps are computed anew each time, so that many people fit in memory.

    Parameters
    ----------
    id : int
        Number, from 1 for the largest. The option `subject` takes it as "person:1".
    box : tuple of int
        (x0, y0, x1, y1) in pixels of the upright photo; x1 and y1 lie just outside.
    area : int
        Pixels of the photo that she covers.
    depth : float or None
        Median depth: meters where `metric`, else relative in [0, 1] with 0 nearest. None where
        no depth is known.
    metric : bool
        Whether `depth` is in meters.
    score : float
        Mean probability in [0, 1] that her pixels show a person.
    kept : bool
        Whether the portrait shows her. Others were found but not cut out.
    source : Portrait
        A portrait of her alone.
    """

    id: int
    box: tuple[int, int, int, int]
    area: int
    depth: float | None
    metric: bool
    score: float
    kept: bool
    source: Any

    def __repr__(self) -> str:
        return f"Person({self.id}, box {self.box}, score {self.score:.2f})"

    @property
    def portrait(self) -> Any:
        """A portrait of her alone, with maps and effects."""
        return replace(self.source)

    @property
    def alpha(self) -> Float:
        """Her opacity, float32 (H, W) in [0, 1]."""
        return np.asarray(self.portrait.alpha, np.float32)

    @property
    def mask(self) -> Mask:
        """Where she is, bool (H, W)."""
        return np.asarray(self.portrait.mask, bool)

    def to_json(self) -> dict[str, Any]:
        """Return the person as JSON values: id, box, area, depth, metric, score, kept."""
        return {
            "id": self.id,
            "box": list(self.box),
            "area": self.area,
            "depth": None if self.depth is None else round(self.depth, 4),
            "metric": self.metric,
            "score": round(self.score, 4),
            "kept": self.kept,
        }


def label_people(portrait: Any) -> tuple[NDArray[np.int32], Letterbox]:
    """Label the people in the photo of a portrait on a canvas, as `Portrait.people` numbers them.

    Parameters
    ----------
    portrait : Portrait
        Its network's first opinion counts where it has one; else its matte.

    Returns
    -------
    tuple of ndarray and Letterbox
        int32 on the canvas, 0 where there is nobody, and the layout of the photo on it.
    """
    opinion, depth, fit = _first_opinion(portrait)
    return separate_people(opinion, depth), fit


def _first_opinion(portrait: Any) -> tuple[Matte, Depth, Letterbox]:
    """The matte that shows everybody, the depth on its canvas, and the layout."""
    if portrait.first_matte is not None:
        return portrait.first_matte, portrait.measured, portrait.depth_fit
    if portrait.fit == portrait.depth_fit:
        return portrait.matte, portrait.measured, portrait.fit
    return portrait.matte, Depth.none(portrait.fit.canvas), portrait.fit


def find_people_of(portrait: Any) -> list[Person]:
    """Find everybody in the photo of a portrait, whether cut out or not.

    Parameters
    ----------
    portrait : Portrait
        Its network's first opinion counts where it has one; else its matte.

    Returns
    -------
    list of Person
        The largest first. The alphas of those who are cut out add up to that of the portrait.
    """
    opinion, depth, fit = _first_opinion(portrait)
    label = separate_people(opinion, depth)
    count = int(label.max())
    if not count:
        return []
    unedged = portrait if portrait.edge is None else replace(portrait, edge=None)
    current = to_canvas(unedged.alpha, fit)
    numbers = range(1, count + 1)
    solid = opinion.alpha >= portrait.threshold
    kept = np.zeros(count + 1, bool)
    for number in numbers:
        here = (label == number) & solid
        kept[number] = here.any() and (current[here] >= portrait.threshold).mean() >= (
            _MIN_KEPT_SHARE
        )
    shared = np.where(kept[label], label, 0)
    nearest = fill_nearest(shared, shared > 0) if shared.any() else shared
    found = []
    for number in numbers:
        members = (nearest if kept[number] else label) == number
        source = _restrict(portrait, opinion, fit, members, bool(kept[number]))
        mask, here = replace(source).mask, (label == number) & solid
        box, known = Box.bounding(mask, 0), here & depth.usable
        if not box.height:
            continue
        found.append(
            Person(
                number,
                (box.left, box.top, box.left + box.width, box.top + box.height),
                int(np.count_nonzero(mask)),
                float(np.median(depth.z[known])) if known.any() else None,
                depth.metric,
                float(opinion.prob[here].mean()) if here.any() else 0.0,
                bool(kept[number]),
                source,
            )
        )
    return found


def _restrict(portrait: Any, opinion: Matte, fit: Letterbox, members: Mask, kept: bool) -> Any:
    """The portrait with one person alone."""
    edits = portrait.edits
    if not kept:
        wanted = np.where(members, opinion.alpha, np.float32(0))
        edits = (*edits, MatteEdit(wanted, fit, True))
    others = 1 - members.astype(np.float32)
    return replace(portrait, edits=(*edits, MatteEdit(others, fit, False)))
