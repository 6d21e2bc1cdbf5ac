"""What a training on feedback learns from: feedback, replay, and the photos kept for the check.

Feedback is parted so that near-duplicates stay together. One group in four is held out where
there are four or more. Which ones depends on the photos alone, so that it is the same next week.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...canvas import from_canvas, prepare_canvas, to_canvas
from ...errors import InputError
from ...feedback.sample_list import FeedbackSample
from ...io.photo.photo_writer import encode_picture, to_8bit, write_file_bytes
from ...networks.network import Network
from ...photo import Photo
from ...system.printable_text import label
from ..data.duplicates import fingerprint, group_near_duplicates
from ..data.folders import LabeledPhoto, list_pictures, read_gray, read_rgb
from ..data.matte_material import SampleRequest, gather_matte_material
from ..data.sample_set import SampleSet
from ..tasks.matte import MatteSamples
from .options import FeedbackRecipe

FEEDBACK_GROUP = "feedback"
"""Name of the set of feedback samples."""

_HOLD_OUT_EVERY = 4
"""One group of near-duplicates in so many is held out, and least number of groups for that."""

_KEEP_EVERY = 5
"""One photo in so many of a folder of one's own is kept for the check."""

_MAX_KEPT = 400
"""Photos that are kept for the check, at most: each is cut twice."""

_MAX_REPLAY_PHOTOS = 20_000


@dataclass
class ReplayMaterial:
    """Old data: what is trained on, how often each, what is kept, and backgrounds."""

    items: list[LabeledPhoto] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    kept: list[LabeledPhoto] = field(default_factory=list)
    sets: list[SampleSet] = field(default_factory=list)
    backgrounds: list[Path] = field(default_factory=list)


def list_feedback(samples: Sequence[FeedbackSample]) -> list[LabeledPhoto]:
    """The samples as training photos; InputError for one whose file is missing."""
    for one in samples:
        if not one.is_complete:
            raise InputError(
                f"{label(one.store)}: a file of sample {one.id} is missing; "
                f"add it again, or depthmatte feedback remove {one.id}"
            )
    return [LabeledPhoto(one.photo_path, one.mask_path, FEEDBACK_GROUP) for one in samples]


def split_feedback(
    items: Sequence[LabeledPhoto],
) -> tuple[list[LabeledPhoto], list[LabeledPhoto]]:
    """Part feedback into what is trained on and what is held out; near-duplicates stay together.

    Nothing is held out where there are fewer than four different photos.
    """
    groups: dict[str, list[LabeledPhoto]] = {}
    for key, item in zip(_group_keys(items), items, strict=True):
        groups.setdefault(key, []).append(item)
    if len(groups) < _HOLD_OUT_EVERY:
        return list(items), []
    ordered = sorted(groups, key=_hash)
    held = [key for key in ordered if int(_hash(key), 16) % _HOLD_OUT_EVERY == 0] or ordered[:1]
    held = held[: len(ordered) // 2]
    trained = [item for key in groups if key not in held for item in groups[key]]
    return trained, [item for key in held for item in groups[key]]


def read_replay(data: Sequence[str]) -> ReplayMaterial:
    """List old data of any form that `train matte --data` takes, with its held-out photos.

    Raises InputError for folders that cannot be used and photos with errors.
    """
    found = ReplayMaterial()
    if not data:
        return found
    material = gather_matte_material(SampleRequest(tuple(map(Path, data))))
    material.refuse_errors()
    found.items += material.items
    found.shares += material.shares
    found.backgrounds += material.backgrounds
    found.sets += material.sets
    found.kept += sorted(material.validation, key=_item_hash)[:_MAX_KEPT]
    return found


def split_by_hash(items: Sequence[LabeledPhoto]) -> tuple[list[LabeledPhoto], list[LabeledPhoto]]:
    """(trained, kept): one photo in `_KEEP_EVERY` is kept, decided by its name; one at least."""
    kept = [one for one in items if int(_item_hash(one), 16) % _KEEP_EVERY == 0]
    kept = kept or [min(items, key=_item_hash)]
    return [one for one in items if one not in kept], kept


def label_replay_photos(folder: Path, network: Network, out: Path) -> list[LabeledPhoto]:
    """Cut the photos of a folder with the current network; its mattes become their truth.

    Parameters
    ----------
    folder : Path
        Photos of any kind, without masks.
    network : Network
        The current matte network.
    out : Path
        Where the mattes are written, one PNG a photo.

    Returns
    -------
    list of LabeledPhoto
        The photos with their mattes.

    Raises
    ------
    InputError
        For a folder with fewer than two photos.
    """
    photos = list_pictures(folder)[:_MAX_REPLAY_PHOTOS] if folder.is_dir() else []
    if len(photos) < 2:
        raise InputError(f"{label(folder)}: holds no photos; give a folder as --replay-photos")
    items = []
    for number, photo in enumerate(photos):
        canvas = prepare_canvas(Photo(read_rgb(photo)), network.contract.preset)
        alpha = from_canvas(network.predict_canvas(canvas)["alpha"], canvas.fit)
        path = out / f"{number:05}.png"
        write_file_bytes(encode_picture(to_8bit(alpha), "png"), path)
        items.append(LabeledPhoto(photo, path, "replay"))
    return items


def mix_samples(
    feedback: Sequence[LabeledPhoto], replay: ReplayMaterial, options: FeedbackRecipe, count: int
) -> MatteSamples:
    """Samples of one epoch: about `count`, of which `options.replay` are replay where there is any.

    A few more are drawn, so that chance never leaves an epoch short.
    """
    count = count + 4 * options.batch_size + count // 4
    share = options.replay if replay.items else 0.0
    total = sum(replay.shares)
    shares = [(1 - share) * count / len(feedback)] * len(feedback)
    shares += [share * count * one / total for one in replay.shares]
    return MatteSamples(
        [*feedback, *replay.items],
        shares,
        replay.backgrounds,
        options.preset,
        strength=options.strength,
        sets=tuple(replay.sets),
    )


def measure_ious(network: Network, items: Sequence[LabeledPhoto]) -> tuple[float, ...]:
    """IoU of a network's masks with the truth of each photo, on its own canvas; 1 if both empty."""
    scores = []
    for item in items:
        rgb, mask = item.read()
        canvas = prepare_canvas(Photo(rgb), network.contract.preset)
        inside = canvas.fit.content_slices
        guess = network.predict_canvas(canvas)["alpha"][inside] > 0.5
        truth = to_canvas(mask, canvas.fit)[inside] > 127
        union = int((guess | truth).sum())
        scores.append(int((guess & truth).sum()) / union if union else 1.0)
    return tuple(scores)


def hash_feedback(samples: Sequence[FeedbackSample]) -> str:
    """One checksum of all photos and masks: it changes when anything is added or corrected."""
    lines = sorted(f"{one.original_sha256} {one.mask_sha256}" for one in samples)
    return _hash("\n".join(lines))


def _group_keys(items: Sequence[LabeledPhoto]) -> list[str]:
    """A name for the group of near-duplicates of each photo: the least stem in it."""
    stems = [item.photo.stem for item in items]
    prints = [fingerprint(read_gray(item.photo)) for item in items]
    known = [index for index, one in enumerate(prints) if one is not None]
    keys = list(stems)
    if known:
        stack: NDArray[np.uint8] = np.stack([one for one in prints if one is not None])
        numbers = group_near_duplicates(stack)
        members: dict[int, list[str]] = {}
        for number, index in zip(numbers.tolist(), known, strict=True):
            members.setdefault(number, []).append(stems[index])
        for number, index in zip(numbers.tolist(), known, strict=True):
            keys[index] = min(members[number])
    return keys


def _item_hash(item: LabeledPhoto) -> str:
    return _hash(item.photo.name)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
