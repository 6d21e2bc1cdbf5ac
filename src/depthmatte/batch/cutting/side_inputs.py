"""Files that belong to photos by name: depth files, second views, calibrations, strokes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError, OptionError
from ...system.printable_text import label

_PHOTO_NAME = re.compile(r"(.+?)[-_. ](?:rgb|colou?r|image|img|photo|left|l|im0)", re.IGNORECASE)
_SIDE_FILE_NAME = re.compile(
    r"(.+?)[-_. ](?:(?:aligned[-_. ]?)?depth(?:[-_. ]?(?:map|mm|raw))?|disp(?:arity)?|inverse"
    r"|right|r|im1|calib(?:ration)?|camera(?:[-_. ]?info)?|intrinsics?)",
    re.IGNORECASE,
)
"""Names that programs give to a photo and to its depth: a shared stem and a word."""


@dataclass(frozen=True)
class SideInputs:
    """Files or folders that are given with the photos.

    In a folder the file with the name of the photo is taken.
    """

    depth: Path | None = None
    right: Path | None = None
    calib: Path | None = None
    strokes: Path | None = None

    def check_photo_count(self, photo_count: int) -> None:
        """Raise OptionError when one file is given for several photos."""
        for option in ("--depth", "--right", "--strokes"):
            path = getattr(self, option[2:])
            if path is not None and not path.is_dir() and photo_count > 1:
                raise OptionError(
                    f"{option} {label(path)}: one file for several photos; "
                    "give a folder with a file of each photo's name"
                )

    def for_photo(self, photo: Path) -> tuple[Path | None, Path | None, Path | None, Path | None]:
        """Return depth file, second view, calibration and strokes of one photo.

        Raises
        ------
        InputError
            When a folder holds no file, or several, for this photo.
        """
        return (
            find_side_file(self.depth, photo),
            find_side_file(self.right, photo),
            find_side_file(self.calib, photo),
            find_side_file(self.strokes, photo),
        )


def find_side_file(place: Path | None, photo: Path) -> Path | None:
    """Return a file itself, or the file in a folder that belongs to the photo.

    The first rule that finds a file counts. Case is ignored.

    1. The same name without suffix.
    2. The name of the photo and more after a dot: `a.depth.png` for `a.jpg`.
    3. The name of the photo up to a dot: `a.png` for `a.PORTRAIT.jpg`.
    4. The same stem before a word such as depth or rgb: `a_depth.png` for `a_rgb.jpg`.

    Parameters
    ----------
    place : Path, optional
        A file or folder. None gives None.
    photo : Path
        The photo.

    Raises
    ------
    InputError
        When no file is found, or several by one rule.
    """
    if place is None or not place.is_dir():
        return place
    try:
        files = [path for path in sorted(place.iterdir()) if _is_candidate(path, photo)]
    except OSError as error:
        raise InputError(f"{label(place)}: cannot be read; check the folder") from error
    wanted = photo.stem.casefold()
    for rule in _MATCH_RULES:
        found = [path for path in files if rule(wanted, path.name.casefold())]
        if len(found) > 1:
            names = ", ".join(label(path.name) for path in found[:3])
            more = ", ..." if len(found) > 3 else ""
            raise InputError(
                f"{label(photo)}: {len(found)} files of this name in {label(place)} "
                f"({names}{more}); keep one"
            )
        if found:
            return found[0]
    raise InputError(
        f"{label(photo)}: no file of this name in {label(place)}; add one or cut it alone"
    )


def _is_candidate(path: Path, photo: Path) -> bool:
    return path.is_file() and path != photo and not path.name.startswith(".")


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _shared_stem(stem: str, words: re.Pattern[str]) -> str:
    match = words.fullmatch(stem)
    return match[1] if match else stem


_MATCH_RULES: tuple[Callable[[str, str], bool], ...] = (
    lambda photo, name: _stem(name) == photo,
    lambda photo, name: name.startswith(f"{photo}."),
    lambda photo, name: photo.startswith(f"{_stem(name)}."),
    lambda photo, name: (
        _shared_stem(_stem(name), _SIDE_FILE_NAME) in (_shared_stem(photo, _PHOTO_NAME), photo)
    ),
)
