"""Read a manifest: a CSV or JSON-lines file with one photo per row.

The columns are `photo`, `depth`, `calib`, `right` and `options`; only `photo` must be there.
Relative paths start at the manifest's folder. Options are a JSON object, or `NAME=VALUE` pairs
separated by `;` or `,`. They replace those of the command line for one photo. Everything is
checked before any photo is cut, and each problem is named with its line.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, OptionError
from ..io.files.find import FoundPhoto
from ..io.files.object_storage import remote_url
from ..option_fields import list_options, merge_options, parse_option_value
from ..options import CutOptions
from ..system.printable_text import describe_os_error, label, printable_excerpt
from .cutting.job import CutJob
from .photo_task import ManifestRow

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson")
"""Suffixes of manifests. JSON lines have the last two."""

MANIFEST_COLUMNS = ("photo", "depth", "calib", "right", "options")
"""Columns of a manifest, or keys of its JSON objects."""

_MAX_ROWS = 1_000_000
_MAX_LINE_CHARACTERS = 1 << 17
_MAX_PROBLEMS = 20
"""Bounds on rows, the length of a line, and the problems that are named."""

_KNOWN = {one.name: one for one in list_options(CutOptions)}

_PAIRS = re.compile(rf";|,(?=\s*(?:{'|'.join(_KNOWN).replace('_', '[-_]')})\s*=)")
"""What separates pairs: `;`, and a comma before the name of an option."""


@dataclass
class Manifest:
    """The rows of a manifest, and one line for each of its problems."""

    rows: list[ManifestRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def is_manifest(path: str) -> bool:
    """Return whether a path has the suffix of a manifest."""
    return path.lower().endswith(MANIFEST_SUFFIXES)


def read_manifest(path: Path, job: CutJob, base: str | None = None) -> Manifest:
    r"""Read and check a manifest.

    Parameters
    ----------
    path : Path
        The file.
    job : CutJob
        Options and inputs of the command line, which hold where a row says nothing.
    base : str, optional
        Folder or URL that relative paths start from. By default the manifest's folder.

    Returns
    -------
    Manifest
        Rows and problems. Rows with a problem are left out.

    Raises
    ------
    InputError
        When the file cannot be read, has no column `photo`, or has too many rows.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("list.csv").write_text("photo,options\na.jpg,subject=nearest\n")
    >>> read_manifest(Path("list.csv"), CutJob()).rows[0].cut.subject
    'nearest'
    """
    found = Manifest()
    left_out = 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            entries = _read_csv(file, path) if path.suffix.lower() == ".csv" else _read_json(file)
            for line, entry in entries:
                if len(found.rows) >= _MAX_ROWS:
                    raise InputError(f"{label(path)}: has more than {_MAX_ROWS} rows; split it")
                try:
                    found.rows.append(_make_row(line, entry, job, base or str(path.parent)))
                except InputError as error:
                    if len(found.problems) < _MAX_PROBLEMS:
                        found.problems.append(f"{label(path)}, line {line}: {error}")
                    else:
                        left_out += 1
    except (OSError, csv.Error, UnicodeError) as error:
        raise InputError(f"{label(path)}: {_describe(error)}") from error
    if left_out:
        found.problems.append(f"{label(path)}: {left_out} more lines have problems; mend these too")
    if not found.rows and not found.problems:
        raise InputError(f"{label(path)}: names no photos; add a row for each photo")
    return found


def _describe(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is not UTF-8 text; save it as UTF-8"
    if isinstance(error, OSError):
        return f"cannot be read ({describe_os_error(error)}); check the path"
    return f"is not CSV ({printable_excerpt(error)}); check its quotes"


def _read_csv(file: Any, path: Path) -> Iterator[tuple[int, Mapping[str, Any] | InputError]]:
    head = _bounded(file)
    first = next(head, "")
    delimiter = max(",;\t", key=first.count)  # spreadsheets of many countries write ";"
    columns = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
    for name in columns:
        if name not in MANIFEST_COLUMNS or columns.count(name) > 1:
            problem = "is there twice" if name in MANIFEST_COLUMNS else "is unknown"
            raise InputError(
                f"{label(path)}, line 1: the column {printable_excerpt(name, 40)!r} {problem}; "
                f"use {', '.join(MANIFEST_COLUMNS)}"
            )
    if "photo" not in columns:
        raise InputError(f"{label(path)}, line 1: there is no column photo; add it")
    reader = csv.reader(head, delimiter=delimiter, strict=True)
    line = 2
    for cells in reader:
        if any(cell.strip() for cell in cells):
            if len(cells) > len(columns):
                yield line, InputError("has more cells than the first line; put quotes around text")
            else:
                yield line, {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
        line = reader.line_num + 2


def _read_json(file: Any) -> Iterator[tuple[int, Mapping[str, Any] | InputError]]:
    for line, text in enumerate(_bounded(file), 1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            yield line, InputError("is no JSON; write one object per line")
            continue
        if isinstance(entry, dict):
            yield line, entry
        else:
            yield line, InputError("is no JSON object; write one object per line")


def _bounded(file: Any) -> Iterator[str]:
    """Yield lines; InputError for one that no manifest has."""
    while text := file.readline(_MAX_LINE_CHARACTERS + 1):
        if len(text) > _MAX_LINE_CHARACTERS:
            raise csv.Error(f"a line has more than {_MAX_LINE_CHARACTERS} characters")
        yield text


def _make_row(
    line: int, entry: Mapping[str, Any] | InputError, job: CutJob, base: str
) -> ManifestRow:
    """Make a row of its cells.

    Raises
    ------
    InputError
        When a cell is unknown or has a wrong value, or options contradict each other.
    """
    if isinstance(entry, InputError):
        raise entry
    for name in entry:
        if name not in MANIFEST_COLUMNS:
            raise InputError(
                f"{printable_excerpt(name, 40)!r} is unknown; use {', '.join(MANIFEST_COLUMNS)}"
            )
    text = entry.get("photo")
    photo = _place("photo", text, base)
    if photo is None:
        raise InputError("photo is empty; name a file")
    row = ManifestRow(
        line,
        FoundPhoto(photo, _folder_below(str(text))),
        merge_options(CutOptions, job.cut, _parse_row_options(entry.get("options"))),
        *(_place(name, entry.get(name), base) for name in ("depth", "right", "calib")),
    )
    job.for_row(row)  # checks inputs and options together
    return row


def _place(name: str, text: Any, base: str) -> Path | None:
    if text is None or text == "":
        return None
    if not isinstance(text, str) or "\0" in text or not text.strip():
        raise InputError(f"{name} is {printable_excerpt(repr(text), 60)}; give a path as text")
    if remote_url(text) is not None:
        return Path(text)
    return Path(f"{base.rstrip('/')}/{text}") if remote_url(base) else Path(base, text)


def _folder_below(text: str) -> Path:
    """Return the subfolder of results: that of a relative path without ".."."""
    path = Path(text)
    inside = not path.is_absolute() and ".." not in path.parts and remote_url(text) is None
    return path.parent if inside else Path()


def _parse_row_options(given: Any) -> dict[str, Any]:
    """Return option -> value of a row.

    Raises
    ------
    OptionError
        When an option is unknown or has a wrong value.
    """
    if given is None or given == "":
        return {}
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise OptionError("options: is no JSON; check quotes and braces") from None
    if isinstance(given, Mapping):
        for name in given:
            _check_known(name)
        return {str(name).replace("-", "_"): value for name, value in given.items()}
    if not isinstance(given, str):
        raise OptionError(
            f"options is {printable_excerpt(repr(given), 60)}; give an object or NAME=VALUE pairs"
        )
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, _PAIRS.split(given))):
        name, equals, value = part.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise OptionError(f"options: {printable_excerpt(part, 60)} has no value; NAME=VALUE")
        _check_known(name)
        if name in found:
            raise OptionError(f"options: {name} is given twice; give it once")
        found[name] = parse_option_value(_KNOWN[name], value.strip())
    return found


def _check_known(name: str) -> None:
    if name.replace("-", "_") not in _KNOWN:
        raise OptionError(
            f"options: no option {printable_excerpt(name, 40)!r}; use {', '.join(_KNOWN)}"
        )
