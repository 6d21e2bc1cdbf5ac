"""Write predictions for photos as labels that people correct in a labeling tool."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....errors import InputError
from ....io.photo.photo_reader import read as read_photo
from ....io.photo.photo_writer import write as write_picture
from ....photo import Photo
from ....system.printable_text import label
from ....types import Float
from . import coco, cvat, label_studio
from .new_folder import UniqueNames, make_new_folder
from .options import LOCAL_FILES_URL, LabelExport
from .predictions import Prediction

_SHOWN_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""Suffixes of photos that browsers show; others are copied as PNG."""

_IMAGES = "images"


@dataclass(frozen=True)
class LabelExportReport:
    """What `export_labels` did.

    Parameters
    ----------
    file : Path
        The file of labels.
    done : int
        Photos with a prediction.
    problems : list of str
        One line per photo that is left out.
    """

    file: Path
    done: int
    problems: list[str] = field(default_factory=list)


def export_labels(
    photos: Sequence[Path],
    options: LabelExport,
    predict: Callable[[Photo], Float],
    advance: Callable[[], None] = lambda: None,
) -> LabelExportReport:
    """Predict the people of photos and write the predictions for a labeling tool.

    Parameters
    ----------
    photos : sequence of Path
        The photos.
    options : LabelExport
        Format, folder and kind of labels.
    predict : callable
        Photo -> alpha, float32 (H, W) from 0 to 1.
    advance : callable
        Is called after each photo.

    Returns
    -------
    LabelExportReport

    Raises
    ------
    InputError
        Where the folder exists or cannot be written, or no photo can be used.
    """
    problems: list[str] = []
    copies = options.photos == "copy"
    root = _shared_folder(photos)
    names = UniqueNames()
    done = 0

    def predictions(draft: Path) -> Iterator[Prediction]:
        nonlocal done
        for path in photos:
            try:
                photo = read_photo(path, stereo="none")
                name = None if copies else _reference_name(path, root)
                mask = predict(photo) >= options.threshold
                if name is None:
                    name = names.choose(_copy_name(path))
                    _copy(path, photo, draft / _IMAGES / name)
            except InputError as error:
                problems.append(str(error))
            else:
                as_polygons = options.shape == "polygon"
                yield Prediction.of_mask(name, mask, as_polygons, options.tolerance)
                done += 1
            advance()

    with make_new_folder(options.out) as draft:
        file = _WRITERS[options.format](predictions(draft), draft, options)
        if not done:
            found = problems[0] if problems else "there are no photos"
            raise InputError(f"{label(options.out)}: no photo can be used ({found})")
        place = options.out / file.relative_to(draft)
    return LabelExportReport(place, done, problems)


def _write_tasks(predictions: Iterator[Prediction], draft: Path, options: LabelExport) -> Path:
    prefix = options.url_prefix
    if prefix is None:
        prefix = LOCAL_FILES_URL + (f"{_IMAGES}/" if options.photos == "copy" else "")
    return label_studio.write(predictions, draft, options.category, prefix)


_WRITERS: dict[str, Callable[[Iterator[Prediction], Path, LabelExport], Path]] = {
    "coco": lambda found, draft, options: coco.write(found, draft, options.category),
    "cvat": lambda found, draft, options: cvat.write(found, draft, options.category),
    "label-studio": _write_tasks,
}


def _shared_folder(photos: Sequence[Path]) -> Path:
    """The deepest folder that holds all photos; `/` where they share none."""
    folders = [os.path.abspath(path.parent) for path in photos]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # none, or several drives
        return Path("/")


def _reference_name(path: Path, root: Path) -> str:
    if path.suffix.lower() not in _SHOWN_SUFFIXES:
        raise InputError(
            f"{label(path)}: cannot be shown by labeling tools; convert it, or use --photos copy"
        )
    return Path(os.path.abspath(path)).relative_to(root).as_posix()


def _copy_name(path: Path) -> str:
    shown = path.suffix.lower() in _SHOWN_SUFFIXES
    return path.name if shown else f"{path.stem}.png"


def _copy(path: Path, photo: Photo, target: Path) -> None:
    """Copy a photo as it is where browsers show it, else as PNG."""
    if path.suffix.lower() in _SHOWN_SUFFIXES:
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
        return
    rgb: Any = photo.rgb
    write_picture(rgb, target, photo.meta)
