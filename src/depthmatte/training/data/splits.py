"""The splits that keep evaluation honest, and the photos each network trains on.

Every `HOLD_OUT_EVERY`-th background, cut-out and object in sorted order is never trained on:
test scenes and the empty-room check draw from those. `eval` folders are never opened here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...errors import InputError
from ...system.printable_text import label
from .folders import LabeledPhoto, label_file, list_files, list_labeled

Split = Literal["train", "test"]

HOLD_OUT_EVERY = 5
"""Of backgrounds, cut-outs and objects every n-th is for tests."""

VALIDATION_EVERY = 20
"""Of the labeled photos every n-th is for validation and tests."""

_SET_SHARES = {"picsart": 1.0, "ccp": 1.3, "vikram": 0.4, "pennfudan": 0.3, "idphoto": 0.15}
"""How often an epoch draws from each set: rough, tiny or partly wrong masks count less."""

_TAUGHT_SHARES = {"unlabelled": 0.7, "portraits": 1.5}
"""How often an epoch draws a photo whose only truth is a teacher's matte: street, portraits."""

_BACKGROUND_SHARE = 1.5
"""How often an epoch draws each people-free background."""


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


def list_taught(root: Path, labels: Path) -> list[LabeledPhoto]:
    """Unlabeled photos with the matte a teacher made of them."""
    found = [
        LabeledPhoto(path, label_file(labels, path, ".png"), group)
        for path, group in list_unlabeled(root)
    ]
    return [item for item in found if item.mask is not None and item.mask.exists()]


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
    root: Path, labels: Path | None = None
) -> tuple[list[LabeledPhoto], list[float], list[LabeledPhoto]]:
    """What the portrait network trains on: items, how often each, and validation items.

    `labels` is a folder of a teacher's mattes: photos without a mask are added with theirs.
    """
    items: list[LabeledPhoto] = []
    shares: list[float] = []
    validation: list[LabeledPhoto] = []
    for group, share in _SET_SHARES.items():
        for index, item in enumerate(list_labeled(root, group)):
            if group in ("picsart", "ccp") and index % VALIDATION_EVERY == 0:
                validation.append(item)
            else:
                items.append(item)
                shares.append(share)
    for item in list_taught(root, labels) if labels else ():
        items.append(item)
        shares.append(_TAUGHT_SHARES[item.group])
    for path in list_backgrounds(root, "train"):
        items.append(LabeledPhoto(path, None, "backgrounds"))
        shares.append(_BACKGROUND_SHARE)
    return items, shares, validation
