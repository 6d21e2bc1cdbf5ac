"""Leave out near-duplicates, and split photos into training and validation."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .duplicates import Fingerprints, group_near_duplicates, has_near_duplicate
from .folders import LabeledPhoto
from .photo_facts import PhotoFacts, masks_differ
from .problems import Problem
from .sample_set import SampleSet

UNSPLIT_FORMATS = ("unlabeled", "backgrounds")
"""Formats that validation never draws from: they have no truth, or nobody in them."""


@dataclass(frozen=True)
class PhotoCandidates:
    """The photos of all sets, in parallel lists.

    Attributes
    ----------
    items : list of LabeledPhoto
        The photos, set after set.
    owners : list of int
        The index of each photo's set.
    places : list of int
        Its place in its set.
    shares : list of float
        How often an epoch draws it.
    facts : list of PhotoFacts
        What it looks like.
    """

    items: list[LabeledPhoto]
    owners: list[int]
    places: list[int]
    shares: list[float]
    facts: list[PhotoFacts]

    def list_owned(self, owner: int, among: NDArray[np.bool_]) -> list[int]:
        """The indices of a set's photos among those that are true."""
        mine = among & (np.array(self.owners, int) == owner)
        return [int(at) for at in np.flatnonzero(mine)]


def drop_duplicates(
    found: PhotoCandidates, usable: NDArray[np.bool_], elsewhere: Sequence[PhotoFacts]
) -> tuple[NDArray[np.bool_], list[Problem]]:
    """Leave out photos that are near-duplicates of others.

    Parameters
    ----------
    found : PhotoCandidates
        All photos.
    usable : ndarray
        bool (n,), the photos without errors.
    elsewhere : sequence of PhotoFacts
        Photos that must not be trained on. They count before all sets.

    Returns
    -------
    tuple
        The photos still usable, bool (n,), and notes about the others. Of a photo that two sets
        have, the first set keeps its own.
    """
    usable = usable.copy()
    problems: list[Problem] = []
    forbidden = _stack(elsewhere)
    earlier = _stack([])
    for owner in dict.fromkeys(found.owners):
        seen = [at for at in found.list_owned(owner, usable) if found.facts[at].bits is not None]
        masked = [at for at in seen if found.items[at].mask is not None]
        for kind, others, judged in (
            ("held-out-elsewhere", forbidden, seen),
            ("duplicate", earlier, masked),
        ):
            near = has_near_duplicate(_stack([found.facts[at] for at in judged]), others)
            left = [at for at, is_near in zip(judged, near, strict=True) if is_near and usable[at]]
            usable[left] = False
            if left:
                group = found.items[left[0]].group
                problems.append(
                    Problem.of(kind, group, (found.items[at].photo.name for at in left))
                )
        kept = [found.facts[at] for at in masked if usable[at]]
        earlier = np.concatenate([earlier, _stack(kept)])
    return usable, problems


def group_photos(found: PhotoCandidates, usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The group of near-duplicates of each photo; a photo of none is its own group."""
    groups = np.arange(len(found.items))
    seen = [
        int(at)
        for at in np.flatnonzero(usable)
        if found.facts[at].bits is not None and found.items[at].mask is not None
    ]
    near = group_near_duplicates(_stack([found.facts[at] for at in seen]))
    groups[seen] = np.array(seen, int)[near]
    return groups


def list_different_masks(found: PhotoCandidates, groups: NDArray[np.int64]) -> list[Problem]:
    """Warn of near-duplicates in one group whose masks differ."""
    names: dict[str, list[str]] = defaultdict(list)
    for at, first in enumerate(groups):
        if at != first and masks_differ(found.facts[at], found.facts[first]):
            pair = f"{found.items[first].photo.name} and {found.items[at].photo.name}"
            names[found.items[at].group].append(pair)
    return [Problem.of("different-masks", group, held) for group, held in names.items()]


def hold_out(
    sets: Sequence[SampleSet],
    found: PhotoCandidates,
    usable: NDArray[np.bool_],
    groups: NDArray[np.int64],
    validation: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Choose the photos for validation: whole groups of near-duplicates.

    Parameters
    ----------
    sets : sequence of SampleSet
        The sets. Their `every` and `validation` come before the run's share.
    found : PhotoCandidates
        All photos.
    usable : ndarray
        bool (n,), those that may be used.
    groups : ndarray
        int (n,), the group of each (`group_photos`).
    validation : float
        Share of each set to hold out, at least one group where there are two.
    seed : int
        Another seed holds out other photos. The order of files does not matter.

    Returns
    -------
    ndarray
        bool (n,).
    """
    can_be = usable & np.array([item.mask is not None for item in found.items], bool)
    owners = np.array(found.owners, int)
    chosen: set[int] = set()
    for owner, one in enumerate(sets):
        if one.format in UNSPLIT_FORMATS:
            can_be &= owners != owner
            continue
        mine = found.list_owned(owner, can_be)
        if one.every:
            chosen |= {int(groups[at]) for at in mine if found.places[at] % one.every == 0}
            continue
        share = validation if one.validation is None else one.validation
        members: dict[int, list[int]] = defaultdict(list)
        for at in mine:
            members[int(groups[at])].append(at)
        wanted = max(1, round(share * len(mine))) if share and len(members) > 1 else 0
        stems = {
            group: f"{seed}:{one.name}:{found.items[held[0]].photo.stem}"
            for group, held in members.items()
        }
        for group in sorted(members, key=lambda group: _order(stems[group])):
            if wanted <= 0:
                break
            chosen.add(group)
            wanted -= len(members[group])
    return np.asarray(can_be & np.isin(groups, list(chosen)), bool)


def _stack(facts: Sequence[PhotoFacts]) -> Fingerprints:
    """The fingerprints of photos, uint8 (n, 32)."""
    bits = [fact.bits for fact in facts if fact.bits is not None]
    return np.stack(bits) if bits else np.zeros((0, 32), np.uint8)


def _order(text: str) -> bytes:
    """A place in a random order that depends on the text alone."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
