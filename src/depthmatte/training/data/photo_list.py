"""Lists of photos: a CSV or JSON-lines file with the columns photo, mask, set and share.

Paths are relative to the folder of the list. An empty mask means a photo without people. `set`
and `share` may be left out.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from ...errors import InputError
from ...system.printable_text import describe_os_error, label
from .folders import LabeledPhoto, SetPhotos
from .problems import Problem
from .sample_set import MAX_SHARE

_COLUMNS = ("photo", "mask", "set", "share")

_MAX_ROWS = 1_000_000
"""Rows of a list, at most."""

_MAX_LINE = 100_000
"""Characters in a line, at most."""


def read_photo_list(path: Path, group: str) -> SetPhotos:
    """Read a list.

    Parameters
    ----------
    path : Path
        A file ending in .csv, .tsv or .jsonl (.ndjson).
    group : str
        The set of photos whose row names none.

    Raises
    ------
    InputError
        For a file that cannot be read or has no column `photo`.
    """
    items: list[LabeledPhoto] = []
    shares: list[float] = []
    bad: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(_read_rows(file, path), 1):
                if number > _MAX_ROWS:
                    raise InputError(f"{label(path)}: has more than {_MAX_ROWS} rows; split it")
                found = _read_row(row, path.parent, group)
                if found is None:
                    bad.append(f"row {number}")
                else:
                    items.append(found[0])
                    shares.append(found[1])
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be read, {describe_os_error(error)}; give a list of photos"
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{label(path)}: is no UTF-8 text; save the list as UTF-8") from None
    problems = (Problem.of("bad-row", group, bad),) if bad else ()
    return SetPhotos(tuple(items), problems, tuple(shares))


def _read_rows(file: TextIO, path: Path) -> Iterator[Mapping[str, Any] | None]:
    """Yield the rows; None for one that is no JSON object."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        while line := file.readline(_MAX_LINE):
            if line.strip():
                yield _read_json(line)
        return
    reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    if "photo" not in (reader.fieldnames or ()):
        raise InputError(
            f"{label(path)}: has no column photo; write {','.join(_COLUMNS)} in the first line"
        )
    yield from reader


def _read_json(line: str) -> Mapping[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _read_row(
    row: Mapping[str, Any] | None, folder: Path, group: str
) -> tuple[LabeledPhoto, float] | None:
    """The photo of a row and its share; None for a row that cannot be used."""
    if row is None:
        return None
    photo, mask, named = (row.get(name) or "" for name in ("photo", "mask", "set"))
    texts = photo, mask, named
    if not photo or not all(isinstance(text, str) and "\0" not in text for text in texts):
        return None
    given = row.get("share")
    try:
        share = 1.0 if given is None or given == "" else float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    if not 0 <= share <= MAX_SHARE:
        return None
    return LabeledPhoto(
        folder / photo, folder / mask if mask else None, (named or group)[:100]
    ), share
