"""Turn a corrected label file into a folder of photos and masks to train on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ....io.photo.photo_reader import read_photo_header
from ....io.photo.photo_writer import write as write_picture
from ....system.printable_text import label, short
from . import coco, cvat, label_studio
from .label_file import ReadLabels
from .new_folder import UniqueNames, make_new_folder
from .options import LabelImport

_TRAINED_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""Suffixes of photos that training reads."""

_READERS: dict[str, Callable[..., ReadLabels]] = {
    "coco": coco.read,
    "cvat": cvat.read,
    "label-studio": label_studio.read,
}


@dataclass(frozen=True)
class LabelImportReport:
    """What `import_labels` did.

    Parameters
    ----------
    done : int
        Photos with masks in the folder.
    empty : int
        How many of them have no people.
    problems : list of str
        One line per photo that is left out, or per label that cannot be used.
    notes : list of str
        Lines about what was done with the labels.
    """

    done: int
    empty: int
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_labels(
    path: Path,
    format: str = "auto",
    images: Path | None = None,
    category: str = "person",
    group: str | None = None,
) -> ReadLabels:
    """Read a label file of any known format.

    Parameters
    ----------
    path : Path
        The file.
    format : {"auto", "coco", "label-studio", "cvat"}
        Its format. "auto" looks at the file.
    images : Path, optional
        The folder of the photos. By default they are looked for beside the file.
    category : str
        The category of people.
    group : str, optional
        The name of the set; by default that of the file.

    Returns
    -------
    ReadLabels

    Raises
    ------
    InputError
        For a file that cannot be read or has another format, and for an unknown category.
    """
    chosen = _detect(path) if format == "auto" else format
    return _READERS[chosen](path, group, images, category)


def _detect(path: Path) -> str:
    """The format of a label file by its first character: XML, an array or an object."""
    try:
        with path.open("rb") as file:
            start = file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    except (OSError, ValueError):
        return "coco"  # its reader says what is wrong
    return {b"<": "cvat", b"[": "label-studio"}.get(start, "coco")


def import_labels(path: Path, options: LabelImport) -> LabelImportReport:
    """Write the photos and masks of a label file into a folder for `train matte --data`.

    Parameters
    ----------
    path : Path
        The label file.
    options : LabelImport
        The new folder, and where the photos are.

    Returns
    -------
    LabelImportReport

    Raises
    ------
    InputError
        Where the file cannot be read, the folder exists or cannot be written, or no photo can
        be used.
    """
    names = UniqueNames()
    done = empty = 0
    with make_new_folder(options.out) as draft:
        found = read_labels(path, options.format, options.images, options.category)
        problems = list(found.problems)
        for item in found.photos:
            if item.photo.suffix.lower() not in _TRAINED_SUFFIXES:
                problems.append(f"{label(item.photo)}: cannot be trained on; convert it to PNG")
                continue
            if item.mask is None and not options.empty:
                continue
            mask: Any = item.mask
            shape = read_photo_header(item.photo, stereo="none").shape
            drawn = np.zeros(shape, np.uint8) if mask is None else mask.draw(shape)
            name = names.choose(item.photo.name)
            (draft / "images").mkdir(exist_ok=True)
            shutil.copyfile(item.photo, draft / "images" / name)
            write_picture(drawn, draft / "masks" / f"{Path(name).stem}.png")
            done, empty = done + 1, empty + (mask is None)
        if not done:
            reasons = [*problems, *found.notes, "it is empty"]
            raise InputError(
                f"{label(path)}: holds no photo that can be used ({short(reasons[0], 200)})"
            )
    return LabelImportReport(done, empty, problems, found.notes)
