"""Find out what a folder or file of training photos is, and list its photos.

Readers of labeling tools' exports are imported when such an export is read.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ...errors import InputError
from ...system.printable_text import describe_os_error, label
from .folders import (
    PICTURE_SUFFIXES,
    LabeledPhoto,
    SetPhotos,
    label_file,
    list_pictures,
    read_whole_rgba,
)
from .photo_list import read_photo_list
from .problems import Problem
from .sample_set import PROJECT_SETS, SampleSet

_T = TypeVar("_T")

_IMAGES_NAMES = ("images", "photos", "image")
"""Names of the folder of photos, the usual one first."""

_MASKS_NAMES = ("masks", "mattes", "mask", "alpha")
"""Names of the folder of masks, the usual one first."""

_PART_NAMES = ("train", "images", "image")
"""Names of folders that say nothing about a set: it is called like the folder above."""

_LIST_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")

_EXPORT_MODULES = {"coco": "coco", "label-studio": "label_studio", "cvat": "cvat"}
"""Format -> module in `formats` whose `read(path, group)` returns `photos` and `problems`."""

_PEEKED_CHARACTERS = 65_536
"""Characters of a JSON or XML file that tell its format."""

_PEEKED_PICTURES = 8
"""Pictures of a folder that must be RGBA for the folder to be one of cut-outs."""


def find_sets(path: Path) -> tuple[SampleSet, ...]:
    """Detect the sets of a folder or file that `--data` gives.

    Parameters
    ----------
    path : Path
        A folder of the project's layout, of `images/` and `masks/`, of RGBA pictures, or with a
        list or export in it; or the list or export itself.

    Returns
    -------
    tuple of SampleSet
        One or more, each of a known format. Their names follow from the names of folders.

    Raises
    ------
    InputError
        For a path that holds nothing to train on.
    """
    if path.is_file():
        return (SampleSet(_set_name(path), path, format=_file_format(path)),)
    if not path.is_dir():
        raise InputError(f"{label(path)}: is no folder; give the data folder")
    if (path / "people").is_dir():
        return _project_sets(path)
    name = _set_name(path)
    found: list[SampleSet] = []
    if _pair_folders(path) is not None:
        found.append(SampleSet(name, path, format="pairs"))
    elif export := _find_export(path):
        found.append(SampleSet(name, export, format=_file_format(export)))
    if list_pictures(path / "cutouts"):
        cutouts = f"{name}-cutouts" if found else name
        found.append(SampleSet(cutouts, path / "cutouts", format="cutouts"))
    elif not found and _holds_cutouts(path):
        found.append(SampleSet(name, path, format="cutouts"))
    if not found:
        raise InputError(
            f"{label(path)}: holds no photos with masks; give a folder with images/ and masks/, "
            "RGBA cut-outs, a list or an export of a labeling tool"
        )
    if list_pictures(path / "backgrounds"):
        found.append(
            SampleSet("backgrounds", path / "backgrounds", 1.5, False, format="backgrounds")
        )
    return tuple(found)


def detect_format(one: SampleSet) -> SampleSet:
    """Return a set with its format, detected where it is "auto".

    Raises
    ------
    InputError
        For a path that holds nothing to train on.
    """
    if one.format != "auto":
        return one
    if one.path.is_dir() and _pair_folders(one.path) is None and _find_export(one.path) is None:
        if _holds_cutouts(one.path):
            return replace(one, format="cutouts")
        if one.labels and list_pictures(one.path):
            return replace(one, format="unlabeled")
    first = find_sets(one.path)[0]
    return replace(one, path=first.path, format=first.format)


def read_set(one: SampleSet, labels: Path | None = None) -> SetPhotos:
    """List the photos of a set of a known format.

    Parameters
    ----------
    one : SampleSet
        Its format must not be "auto".
    labels : Path, optional
        Folder of a teacher's mattes: the truth of unlabeled photos.

    Raises
    ------
    InputError
        For a folder that is missing or holds no photos of this format.
    """
    if one.format in _EXPORT_MODULES:
        return _read_export(one)
    if one.format == "list":
        return read_photo_list(one.path, one.name)
    if not one.path.is_dir():
        raise InputError(f"{label(one.path)}: is no folder; give the folder of set {one.name}")
    return _FOLDER_READERS[one.format](one, labels)


def _read_export(one: SampleSet) -> SetPhotos:
    """Photos with the masks that a labeling tool's file draws."""
    module = importlib.import_module(f"{__package__}.formats.{_EXPORT_MODULES[one.format]}")
    read = module.read(one.path, one.name)
    problems = (Problem.of("bad-label", one.name, read.problems),) if read.problems else ()
    return SetPhotos(tuple(read.photos), problems)


def _set_name(path: Path) -> str:
    """The name of a set: of its folder, or of its file without suffix."""
    whole = path.resolve()
    name = whole.stem if whole.is_file() else whole.name
    if name in _PART_NAMES and whole.parent.name:
        name = whole.parent.name
    return name[:100] or "photos"


def _project_sets(path: Path) -> tuple[SampleSet, ...]:
    """The sets of the project's layout, and those that its table does not know."""
    known = [
        replace(one, path=path / one.path) for one in PROJECT_SETS if (path / one.path).is_dir()
    ]
    names = {one.path for one in known}
    others = [
        SampleSet(folder.parent.name, folder, format="pairs")
        for folder in sorted((path / "people").glob("*/train"))
        if folder not in names and _pair_folders(folder) is not None
    ]
    if not any(one.format == "pairs" for one in (*known, *others)):
        raise InputError(
            f"{label(path / 'people')}: holds no SET/train/images with masks/; give the data folder"
        )
    return (*known, *others)


def _pair_folders(path: Path) -> tuple[Path, Path] | None:
    """The folder of photos and that of masks; None where one is missing."""
    photos = next((path / name for name in _IMAGES_NAMES if (path / name).is_dir()), None)
    masks = next((path / name for name in _MASKS_NAMES if (path / name).is_dir()), None)
    return (photos, masks) if photos and masks else None


def _holds_cutouts(path: Path) -> bool:
    """Whether a folder holds pictures of which the first are RGBA."""
    pictures = list_pictures(path)[:_PEEKED_PICTURES]
    try:
        return bool(pictures) and all(read_whole_rgba(one).size for one in pictures)
    except InputError:
        return False


def _find_export(path: Path) -> Path | None:
    """The one list or export in a folder; InputError where there are several."""
    places = (*path.glob("*"), *path.glob("annotations/*"))
    suffixes = (*_LIST_SUFFIXES, ".json", ".xml")
    found = sorted(one for one in places if one.is_file() and one.suffix.lower() in suffixes)
    if len(found) > 1:
        names = ", ".join(label(one.name) for one in found[:4])
        raise InputError(f"{label(path)}: holds several lists ({names}); name one of them")
    return found[0] if found else None


def _file_format(path: Path) -> str:
    """The format of a list or an export; InputError for another file."""
    suffix = path.suffix.lower()
    if suffix in _LIST_SUFFIXES:
        return "list"
    if suffix == ".xml":
        return "cvat"
    if suffix == ".json":
        try:
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                head = file.read(_PEEKED_CHARACTERS).lstrip()
        except OSError as error:
            reason = describe_os_error(error)
            raise InputError(f"{label(path)}: cannot be read, {reason}; give an export") from None
        if head.startswith("["):
            return "label-studio"
        if any(f'"{key}"' in head for key in ("images", "annotations", "categories")):
            return "coco"
    raise InputError(
        f"{label(path)}: is no list or export; give .csv, .jsonl, COCO JSON, or an export of "
        "Label Studio or CVAT"
    )


def _read_pairs(one: SampleSet, _: Path | None) -> SetPhotos:
    """Photos and masks matched by stem, and what has no counterpart."""
    folders = _pair_folders(one.path)
    if folders is None:
        raise InputError(f"{label(one.path)}: holds no images/ with masks/; give the data folder")
    photos, masks = (list_pictures(folder) for folder in folders)
    by_stem = {path.stem.lower(): path for path in reversed(masks)}
    first = {path.stem.lower(): path for path in reversed(photos)}
    items = [
        LabeledPhoto(path, by_stem[stem], one.name)
        for path in photos
        if (stem := path.stem.lower()) in by_stem and first[stem] == path
    ]
    lone = [path.name for path in photos if path.stem.lower() not in by_stem]
    unused = [path.name for path in masks if path.stem.lower() not in first]
    twice = [path.name for path in photos if first[path.stem.lower()] != path]
    twice += [path.name for path in masks if by_stem[path.stem.lower()] != path]
    listed = [
        ("photo-without-mask", lone),
        ("mask-without-photo", unused),
        ("same-name", twice),
        ("other-file", [name for folder in folders for name in _other_files(folder)]),
    ]
    return SetPhotos(
        tuple(items), tuple(Problem.of(kind, one.name, names) for kind, names in listed if names)
    )


def _read_cutouts(one: SampleSet, _: Path | None) -> SetPhotos:
    """RGBA pictures: each is its own mask."""
    return _read_pictures(one, lambda path: path)


def _read_backgrounds(one: SampleSet, _: Path | None) -> SetPhotos:
    """Photos without people; every n-th is held out for tests."""
    found = _read_pictures(one, lambda path: None)
    return replace(found, items=tuple(_leave_out(found.items, one.every)))


def _read_pictures(one: SampleSet, mask: Callable[[Path], Path | None]) -> SetPhotos:
    items = tuple(LabeledPhoto(path, mask(path), one.name) for path in list_pictures(one.path))
    others = list(_other_files(one.path))
    return SetPhotos(items, (Problem.of("other-file", one.name, others),) if others else ())


def _read_unlabeled(one: SampleSet, labels: Path | None) -> SetPhotos:
    """Photos that a teacher made a matte of; every n-th is held out for tests."""
    folder = one.labels or labels
    if folder is None:
        return SetPhotos(())
    photos = _leave_out(list_pictures(one.path), one.every)
    found = ((path, label_file(folder, path, ".png")) for path in photos)
    return SetPhotos(tuple(LabeledPhoto(*pair, one.name) for pair in found if pair[1].exists()))


def _leave_out(found: Sequence[_T], every: int) -> Iterator[_T]:
    """All but every n-th, the first included; all for 0."""
    return (one for index, one in enumerate(found) if not every or index % every)


def _other_files(folder: Path) -> Iterable[str]:
    return sorted(
        path.name
        for path in folder.glob("*")
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() not in PICTURE_SUFFIXES
    )


_FOLDER_READERS = {
    "pairs": _read_pairs,
    "cutouts": _read_cutouts,
    "backgrounds": _read_backgrounds,
    "unlabeled": _read_unlabeled,
}
"""Format of a folder -> what lists its photos."""


def name_apart(sets: Iterable[SampleSet]) -> tuple[SampleSet, ...]:
    """Return sets whose names all differ: a second "photos" becomes "photos-2"."""
    seen: set[str] = set()
    named = []
    for one in sets:
        name, number = one.name, 1
        while name in seen:
            number += 1
            name = f"{one.name[:90]}-{number}"
        seen.add(name)
        named.append(replace(one, name=name))
    return tuple(named)
