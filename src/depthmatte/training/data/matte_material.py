"""What the matte network trains on: photos of all sets, checked, without duplicates, split.

::

    material = gather_matte_material(SampleRequest((Path("photos"),)))
    for line in material.describe(): ...

Sets are read in order. A photo that is a near-duplicate of one in an earlier set is left out, and
so is one that a folder of `not_in` holds. Near-duplicates within a set stay on one side of the
split into training and validation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import InputError, OptionError
from ...system.printable_text import label, printable_excerpt
from ..recipe import Recipe
from .folders import LabeledPhoto, list_pictures
from .photo_facts import PhotoFacts, look_at_photos
from .photo_split import (
    UNSPLIT_FORMATS,
    PhotoCandidates,
    drop_duplicates,
    group_photos,
    hold_out,
    list_different_masks,
)
from .problems import PROBLEM_KINDS, Problem
from .sample_set import SET_FORMATS, SampleSet, parse_shares, resolve_below
from .set_formats import detect_format, find_sets, name_apart, read_set
from .splits import list_matte_photos

_ALL_SETS = "all sets"
"""What a problem of the photos together names."""

_FEW_PHOTOS = 50
"""Photos with masks below which a warning is given, unless a trained network is the start."""

_BACKGROUND_SHARE = 1.5
"""How often an epoch draws each photo of `--backgrounds`."""


@dataclass(frozen=True)
class SampleRequest:
    """Which photos a run asks for; the fields are those of `Recipe`."""

    data: tuple[Path, ...]
    sets: tuple[SampleSet, ...] = ()
    share: tuple[str, ...] = ()
    backgrounds: tuple[Path, ...] = ()
    validation: float = 0.1
    split_seed: int = 0
    not_in: tuple[Path, ...] = ()
    labels: Path | None = None
    skip_bad: bool = False
    start: str | None = None

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> SampleRequest:
        """The part of a recipe that names photos."""
        return cls(
            recipe.data, recipe.sets, recipe.share, recipe.backgrounds, recipe.validation,
            recipe.split_seed, recipe.not_in, recipe.labels, recipe.skip_bad, recipe.start,
        )  # fmt: skip


@dataclass(frozen=True)
class MatteMaterial:
    """The photos of a run.

    Attributes
    ----------
    sets : tuple of SampleSet
        All sets, of known formats and with paths as they are read.
    items : list of LabeledPhoto
        The photos to train on.
    shares : list of float
        How often an epoch draws each of them, on average.
    validation : list of LabeledPhoto
        The photos held out.
    backgrounds : list of Path
        Photos without people, to paste people into; may be empty.
    problems : tuple of Problem
        All findings, errors first.
    skip_bad : bool
        Whether photos with errors are left out rather than refused.
    """

    sets: tuple[SampleSet, ...]
    items: list[LabeledPhoto]
    shares: list[float]
    validation: list[LabeledPhoto]
    backgrounds: list[Path]
    problems: tuple[Problem, ...]
    skip_bad: bool = False

    def describe(self) -> Iterator[str]:
        """One line for each set and for each problem."""
        trained, held = (_count_sets(items) for items in (self.items, self.validation))
        by_name = {one.name: one for one in self.sets}
        for name in dict.fromkeys((*trained, *held)):
            one = by_name.get(name)
            told = f", {SET_FORMATS[one.format]} in {label(one.path)}" if one else ""
            yield (
                f"set {printable_excerpt(name, 60)}: {trained.get(name, 0)} photos to train on, "
                f"{held.get(name, 0)} held out{told}"
            )
        if not self.backgrounds:
            yield "no backgrounds given: plain, graded and noisy ones are drawn"
        yield from map(str, self.problems)

    def as_json(self) -> dict[str, object]:
        """The same as JSON values: `sets` and `problems`, one object each."""
        trained, held = (_count_sets(items) for items in (self.items, self.validation))
        by_name = {one.name: one for one in self.sets}
        return {
            "sets": [
                {
                    "name": name,
                    "format": by_name[name].format if name in by_name else None,
                    "path": str(by_name[name].path) if name in by_name else None,
                    "trained": trained.get(name, 0),
                    "held_out": held.get(name, 0),
                }
                for name in dict.fromkeys((*trained, *held))
            ],
            "problems": [one.as_json() for one in self.problems],
        }

    def refuse_errors(self) -> None:
        """Raise InputError where photos have errors that the run does not leave out."""
        bad = [one for one in self.problems if one.severity == "error"]
        fatal = [one for one in bad if one.kind == "too-few" or not self.skip_bad]
        if not fatal:
            return
        few = any(one.kind == "too-few" for one in fatal)
        groups = {one.group for one in fatal}
        if few:
            groups = {one.name for one in self.sets if one.format not in UNSPLIT_FORMATS}
        places = _name_places(self.sets, groups)
        if few:
            raise InputError(
                f"{places}: too few photos to train on and to validate with; add photos"
            )
        kinds = ", ".join(f"{one.count} {PROBLEM_KINDS[one.kind].phrase}" for one in fatal[:3])
        raise InputError(
            f"{places}: {kinds}; see depthmatte train check, mend them, or give --skip-bad to "
            "leave them out"
        )


def gather_matte_material(request: SampleRequest) -> MatteMaterial:
    """List, check and split the photos of a run.

    Every photo is decoded once for a process; unchanged files are not read again.

    Raises
    ------
    InputError
        For folders and lists that cannot be used. Problems of single photos are listed instead.
    """
    sets = list_sets(request)
    found, problems = _read_all(sets, request)
    problems += _list_photo_problems(found)
    usable = np.array([not _is_bad(fact) for fact in found.facts], bool)
    elsewhere = look_at_photos(_list_elsewhere(request))
    usable, dropped = drop_duplicates(found, usable, elsewhere)
    groups = group_photos(found, usable)
    problems += [*dropped, *list_different_masks(found, groups)]
    held = hold_out(sets, found, usable, groups, request.validation, request.split_seed)
    trained = usable & ~held
    kept = [one for one, is_in in zip(found.items, trained, strict=True) if is_in]
    validation = [one for one, is_in in zip(found.items, held, strict=True) if is_in]
    masked = [one for one in kept if one.mask is not None]
    if not masked or not validation:
        problems.append(Problem("too-few", _ALL_SETS, len(masked)))
    elif len(masked) < _FEW_PHOTOS and not request.start:
        problems.append(Problem("few", _ALL_SETS, len(masked)))
    backgrounds = {index for index, one in enumerate(sets) if one.format == "backgrounds"}
    order = ("error", "warning", "note")
    return MatteMaterial(
        (*sets, *_name_listed_sets(sets, found)),
        kept,
        [share for share, is_in in zip(found.shares, trained, strict=True) if is_in],
        validation,
        [
            item.photo
            for item, owner, is_in in zip(found.items, found.owners, trained, strict=True)
            if is_in and owner in backgrounds
        ],
        tuple(sorted(problems, key=lambda one: order.index(one.severity))),
        request.skip_bad,
    )


def list_held_out(data: Path) -> list[LabeledPhoto]:
    """The photos of a data folder of any format that a run with default options holds out."""
    if (data / "people").is_dir():
        return list_matte_photos(data)[2]
    return gather_matte_material(SampleRequest((data,))).validation


def list_sets(request: SampleRequest) -> tuple[SampleSet, ...]:
    """The sets of a request, of known formats and with different names.

    Raises
    ------
    InputError
        For a path that holds nothing to train on.
    """
    root, more = request.data[0], request.data
    found: list[SampleSet] = []
    if request.sets:
        below = root if root.is_dir() else root.parent
        more = request.data[1:]
        for one in request.sets:
            labels = resolve_below(below, one.labels) if one.labels else None
            there = replace(one, path=resolve_below(below, one.path), labels=labels)
            found.append(detect_format(there))
    for path in more:
        found += find_sets(path)
    for path in request.backgrounds:
        place = resolve_below(root, path)
        found.append(
            SampleSet("backgrounds", place, _BACKGROUND_SHARE, False, format="backgrounds")
        )
    return name_apart(found)


def _read_all(
    sets: Sequence[SampleSet], request: SampleRequest
) -> tuple[PhotoCandidates, list[Problem]]:
    """All photos of all sets with their shares, and what listing them found wrong."""
    chosen = parse_shares(request.share)
    found = PhotoCandidates([], [], [], [], [])
    problems: list[Problem] = []
    for owner, one in enumerate(sets):
        read = read_set(one, request.labels)
        problems += read.problems
        factors = read.shares or (1.0,) * len(read.items)
        for place, (item, factor) in enumerate(zip(read.items, factors, strict=True)):
            if item.photo.stem in one.leave_out:
                continue  # its place stays taken, so that the others are held out as before
            found.items.append(item)
            found.owners.append(owner)
            found.places.append(place)
            found.shares.append(chosen.get(item.group, one.share) * factor)
    names = {item.group for item in found.items} | {one.name for one in sets}
    for name in chosen:
        if name not in names:
            known = ", ".join(printable_excerpt(one, 30) for one in sorted(names)[:10])
            raise OptionError(
                f"--share {printable_excerpt(name, 60)}: is no set of the data; use {known}"
            )
    found.facts.extend(look_at_photos(found.items))
    return found, problems


def _is_bad(fact: PhotoFacts) -> bool:
    return bool(fact.problem) and PROBLEM_KINDS[fact.problem].severity == "error"


def _list_photo_problems(found: PhotoCandidates) -> list[Problem]:
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item, fact in zip(found.items, found.facts, strict=True):
        if fact.problem:
            of_mask = "mask" in fact.problem and isinstance(item.mask, Path)
            path = item.mask if of_mask and isinstance(item.mask, Path) else item.photo
            names[item.group, fact.problem].append(path.name)
    return [Problem.of(kind, group, held) for (group, kind), held in names.items()]


def _list_elsewhere(request: SampleRequest) -> list[LabeledPhoto]:
    """The photos of the folders of `not_in`."""
    found = []
    for given in request.not_in:
        folder = resolve_below(request.data[0], given)
        photos = list_pictures(folder / "images") or list_pictures(folder)
        if not photos:
            raise InputError(f"{label(folder)}: holds no pictures; give a folder for --not-in")
        found += [LabeledPhoto(path, None, "") for path in photos]
    return found


def _name_listed_sets(sets: Sequence[SampleSet], found: PhotoCandidates) -> tuple[SampleSet, ...]:
    """The sets that only rows of lists name, each with the options of its list."""
    named = {one.name for one in sets}
    pairs = dict.fromkeys(zip((item.group for item in found.items), found.owners, strict=True))
    listed = {group: sets[owner] for group, owner in reversed(pairs) if group not in named}
    return tuple(replace(one, name=group[:100]) for group, one in listed.items())


def _count_sets(items: Sequence[LabeledPhoto]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for item in items:
        counts[item.group] += 1
    return dict(counts)


def _name_places(sets: Sequence[SampleSet], groups: Collection[str]) -> str:
    """The places of some sets, for a message."""
    places = list(dict.fromkeys(label(one.path) for one in sets if one.name in groups))
    return ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")
