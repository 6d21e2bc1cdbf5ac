"""The people in a photo, each with a portrait of her own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..canvas import Box, Letterbox, to_canvas
from ..corrections.matte_edit import MatteEdit
from ..filters import fill_nearest
from ..photo import Photo
from ..subjects.people_finder import FoundPeople
from ..types import Float, Mask
from ..values import Depth, Matte

FindPeople = Callable[[Photo, Matte, Depth, Letterbox, bool], FoundPeople]
"""Photo, first opinion of the network, depth, layout, whether to look closer -> everybody."""

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
        Others have the alpha of a closer look, or of the network's first opinion.
    """
    everybody, fit = portrait.found_people, portrait.people_fit
    label, opinion = everybody.label, everybody.matte
    depth = _first_opinion(portrait)[1]
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
        added: tuple[MatteEdit, ...] = ()
        if not kept[number]:
            wanted, layout = everybody.opacity(number, fit)
            added = (MatteEdit(wanted, layout, True),)
        source = _restrict(portrait, fit, members, added)
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


def _restrict(portrait: Any, fit: Letterbox, members: Mask, added: tuple[MatteEdit, ...]) -> Any:
    """The portrait with one person alone, and with what is added to her."""
    others = MatteEdit(1 - members.astype(np.float32), fit, False)
    return replace(portrait, edits=(*portrait.edits, *added, others))


@dataclass(frozen=True, eq=False, repr=False)
class PortraitPeople:
    """What a portrait knows of people. Networks run once, when they are first needed.

    Parameters
    ----------
    find_people : callable, optional
        Photo, matte, depth, layout and whether to look closer -> FoundPeople
        (`subjects.people_finder.PeopleFinder`). Without it, people are told apart by gaps, depth
        and the shape of heads.
    everybody : FoundPeople, optional
        Everybody, where they were found already. `==` leaves both out.
    """

    find_people: FindPeople | None = field(default=None, compare=False, kw_only=True)
    everybody: FoundPeople | None = field(default=None, compare=False, kw_only=True)

    @cached_property
    def found_people(self) -> FoundPeople:
        """Everybody on the canvas of `people_fit`, whether cut out or not."""
        return self._find(closer=True)

    @cached_property
    def glimpsed_people(self) -> FoundPeople:
        """Those whom the portrait network saw at once, told apart: faster, without closer looks."""
        return self._find(closer=False)

    def _find(self, closer: bool) -> FoundPeople:
        portrait: Any = self
        if self.everybody is not None:
            return self.everybody
        opinion, depth, fit = _first_opinion(portrait)
        if self.find_people is None:
            return FoundPeople.from_matte(opinion, depth)
        return self.find_people(portrait.photo, opinion, depth, fit, closer)

    @property
    def people_fit(self) -> Letterbox:
        """The layout of the photo on the canvas of `found_people`."""
        return _first_opinion(self)[2]

    @cached_property
    def people(self) -> list[Person]:
        """Everybody found in the photo, the largest first, whether cut out or not."""
        return find_people_of(self)
