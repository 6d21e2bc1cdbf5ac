"""Photos named by the user: files as they are, folders searched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .label import label, reason

_NAMES = (
    "jpg jpeg jpe jfif mpo png apng webp gif bmp dib "
    "heic heif hif avif tif tiff jp2 j2k jpx ppm pgm pbm pnm"
)
SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""What counts as a photo inside a folder; a file named by the user is tried whatever its suffix."""


class Found(NamedTuple):
    """One photo: its path, and the folder below the one searched (`.` at its top)."""

    path: Path
    folder: Path


def find(
    paths: Iterable[str | os.PathLike[str]],
    skip: str | os.PathLike[str] | None = None,
    refused: list[InputError] | None = None,
) -> list[Found]:
    """All photos that `paths` (files and folders) name, each once, in a fixed order.

    Paths keep the order given; inside a folder the photos come sorted by name, sub-folders
    after the files beside them. Hidden files and folders are passed over and links to
    folders are not followed. `skip` names a folder never searched, so that results written
    beside the photos are not taken for photos in the next run.

    Raises InputError for a path that does not exist, a folder that cannot be opened, and a
    folder without any photo. With a list `refused`, folders that cannot be opened are
    added to it instead and the rest is still found.
    """
    skipped = None if skip is None else os.path.realpath(skip)
    photos: dict[str, Found] = {}
    for path in map(Path, paths):
        inside = _below(path, skipped, refused) if _is_folder(path) else [Found(path, Path())]
        for found in inside:
            photos.setdefault(os.path.abspath(found.path), found)
    return list(photos.values())


def _is_folder(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "not a path"
        raise InputError(f"{label(path)}: cannot be found ({why}); check the path") from error
    return path.is_dir()


def _below(top: Path, skipped: str | None, refused: list[InputError] | None) -> list[Found]:
    closed: list[InputError] = []
    photos = [Found(path, path.parent.relative_to(top)) for path in _walk(top, skipped, closed)]
    if closed and refused is None:
        raise closed[0]
    if closed and refused is not None:
        refused += closed
    elif not photos:
        raise InputError(
            f"{label(top)}: the folder holds no photos; give one that has .jpg, .png, .heic, "
            ".webp or .tif files, or name the files themselves"
        )
    return photos


def _walk(top: Path, skipped: str | None, closed: list[InputError]) -> Iterator[Path]:
    for root, folders, files in os.walk(top, onerror=lambda error: closed.append(_refusal(error))):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(root, name)) != skipped
        )
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(root, name)


def _refusal(error: OSError) -> InputError:
    return InputError(
        f"{label(error.filename)}: the folder cannot be opened ({reason(error)}); "
        "check its permissions"
    )
