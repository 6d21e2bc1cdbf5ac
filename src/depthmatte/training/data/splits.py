"""The splits that keep evaluation honest, and the photos each network trains on.

Every `HOLD_OUT_EVERY`-th background, cut-out and object in sorted order is never trained on:
test scenes and the empty-room check draw from those. `eval` folders are never opened here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...errors import InputError
from ...system.printable_text import label
from .folders import LabeledPhoto, list_files, list_labeled
from .sample_set import PROJECT_SETS

Split = Literal["train", "test"]

HOLD_OUT_EVERY = 5
"""Of backgrounds, cut-outs and objects every n-th is for tests."""

VALIDATION_EVERY = 20
"""Of the labeled photos every n-th is for validation and tests."""


def is_in_split(index: int, split: Split, every: int) -> bool:
    """Whether a file belongs to a split, of which every `every`-th is the test half."""
    return (index % every == 0) == (split == "test")


def split_files(paths: list[Path], split: Split) -> list[Path]:
    """The training or the test part of sorted paths, by position."""
    return [p for i, p in enumerate(sorted(paths)) if is_in_split(i, split, HOLD_OUT_EVERY)]


def list_unlabeled(root: Path) -> list[tuple[Path, str]]:
    """Photos without masks and their group: a teacher's matte is the only truth they have.

    Street photos, and those of the portraits that test scenes do not show.
    """
    street = sorted((root / "people" / "ccp" / "unlabelled").glob("*.jpg"))
    portraits = split_files(list((root / "people" / "npm_photos").glob("*.jpg")), "train")
    return [(path, "unlabelled") for path in street] + [(path, "portraits") for path in portraits]


def _list_split(folder: Path, split: Split) -> list[Path]:
    """The pictures of one split; InputError where the folder holds too few for it."""
    found = split_files(list_files(folder), split)
    if not found:
        raise InputError(f"{label(folder)}: holds too few pictures to part; put two or more there")
    return found


def list_backgrounds(root: Path, split: Split) -> list[Path]:
    """People-free photos."""
    return _list_split(root / "backgrounds", split)


def list_cutouts(root: Path, split: Split) -> list[Path]:
    """RGBA people."""
    return _list_split(root / "cutouts", split)


def list_objects(root: Path, split: Split) -> list[Path]:
    """RGBA things that may stand in front of people."""
    return _list_split(root / "objects", split)


def list_matte_photos(
    root: Path,
) -> tuple[list[LabeledPhoto], list[float], list[LabeledPhoto]]:
    """Labeled photos and backgrounds of the project's folder: items, shares, validation items.

    The other networks and the calibration draw from these. `matte_material` gathers what the
    matte network trains on.
    """
    items: list[LabeledPhoto] = []
    shares: list[float] = []
    validation: list[LabeledPhoto] = []
    for one in PROJECT_SETS:
        if one.format != "pairs":
            continue
        for index, item in enumerate(list_labeled(root, one.name)):
            if one.every and index % one.every == 0:
                validation.append(item)
            else:
                items.append(item)
                shares.append(one.share)
    for path in list_backgrounds(root, "train"):
        items.append(LabeledPhoto(path, None, "backgrounds"))
        shares.append(next(one.share for one in PROJECT_SETS if one.name == "backgrounds"))
    return items, shares, validation
