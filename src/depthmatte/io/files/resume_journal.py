"""The journal of a results' folder: which photos are done, by which options, into which files.

One JSON object a line, appended whole. A line that a crash or a full disk cut short is
passed over, and so is every line that another program wrote. Paths are relative to the
folder, so that photos and results can be moved together. The last line that names a result
says how it was made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...system.text import describe_os_error, label

JOURNAL_NAME = ".depthmatte-done.jsonl"
"""The journal's name in the folder of results."""

_FileState = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def hash_options(options: Mapping[str, object]) -> str:
    """A text that is equal for equal options: values that show themselves by `repr`."""
    text = repr(sorted((name, repr(value)) for name, value in options.items()))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True)
class JournalEntry:
    """One photo that was done.

    `source` is its path from the journal's folder, `state` its size and time, `reads` the same
    of every other file that was read for it, `options` a text that is equal for equal options,
    and `results` maps each file, below the journal's folder, to its size in bytes.
    """

    source: str
    state: _FileState
    options: str
    results: Mapping[str, int]
    reads: Mapping[str, _FileState] = field(default_factory=dict)

    def line(self) -> str:
        """The entry as one line of JSON, ASCII only."""
        row = {
            "source": self.source,
            "state": list(self.state),
            "options": self.options,
            "results": dict(self.results),
            "reads": {name: list(state) for name, state in self.reads.items()},
        }
        return json.dumps(row) + "\n"


def read_file_state(path: str | os.PathLike[str]) -> _FileState | None:
    """Size and time of a file; None where there is none."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return None
    return about.st_size, about.st_mtime_ns


def make_journal_entry(
    folder: Path,
    source: Path,
    options: str,
    results: Iterable[Path],
    inputs: Iterable[Path] = (),
) -> JournalEntry | None:
    """The entry of a photo whose results were just written; None where a file is gone already."""
    state, sizes = read_file_state(source), {}
    for path in results:
        found = read_file_state(path)
        if found is None:
            return None
        sizes[_from(folder, path)] = found[0]
    beside = {_from(folder, path): read_file_state(path) for path in inputs}
    known = {name: found for name, found in beside.items() if found is not None}
    if state is None or len(known) < len(beside):
        return None
    return JournalEntry(_from(folder, source), state, options, sizes, known)


def _from(folder: Path, path: Path) -> str:
    """A path relative to the journal's folder, absolute only on another drive."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:
        return os.path.abspath(path)


class Journal:
    """The journal of one folder: read once, then appended to.

    Parameters
    ----------
    folder
        Where the results go. A journal that is not there counts as empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL_NAME
        self._last: dict[str, JournalEntry] = {}
        for one in _entries(self.path):
            self._learn(one)

    def _learn(self, one: JournalEntry) -> None:
        self._last |= dict.fromkeys(one.results, one)

    def note(
        self, source: Path, options: str, results: Iterable[Path], inputs: Iterable[Path] = ()
    ) -> None:
        """Write down that a photo was just done; see `entry` and `add`."""
        one = make_journal_entry(self.folder, source, options, results, inputs)
        if one is not None:
            self.add(one)

    def add(self, one: JournalEntry) -> None:
        """Append an entry as one whole line.

        Raises
        ------
        InputError
            Where the journal cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _append(self.path, one.line().encode("ascii"))
        except OSError as error:
            raise InputError(
                f"{label(self.path)}: cannot be written ({describe_os_error(error)}); make room or write "
                "elsewhere"
            ) from error
        self._learn(one)

    def done(
        self, source: Path, options: str, results: Iterable[Path], inputs: Iterable[Path] = ()
    ) -> bool:
        """Was this very file cut by these options into these results, and are they whole?"""
        now = read_file_state(source)
        asked = (_from(self.folder, source), now, options)
        beside = {_from(self.folder, path): read_file_state(path) for path in inputs}
        for path in results:
            name = _from(self.folder, path)
            one = self._last.get(name)
            if one is None or (one.source, one.state, one.options) != asked:
                return False
            if beside != dict(one.reads) or not self._whole(one, name):
                return False
        return now is not None

    def results(self) -> dict[str, str]:
        """Results that are still as they were written: real path -> that of the photo."""
        return {
            os.path.realpath(self.folder / name): os.path.realpath(self.folder / one.source)
            for name, one in self._last.items()
            if self._whole(one, name)
        }

    def _whole(self, one: JournalEntry, name: str) -> bool:
        state = read_file_state(self.folder / name)
        return state is not None and state[0] == one.results[name]


def _append(path: Path, line: bytes) -> None:
    """One write of a whole line; a line that was cut before is closed first."""
    with open(path, "a+b", buffering=0) as file:
        if end := file.seek(0, os.SEEK_END):
            file.seek(end - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        if file.write(line) != len(line):
            raise OSError(28, "no space left on device")


def _entries(path: Path) -> Iterable[JournalEntry]:
    try:
        if not path.is_file():
            return
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        if (one := _parsed(line)) is not None:
            yield one


def _parsed(line: str) -> JournalEntry | None:
    try:
        row: Any = json.loads(line)
        results = {str(name): int(size) for name, size in row["results"].items()}
        if any(os.path.isabs(name) or ".." in Path(name).parts for name in results):
            return None
        reads = {str(name): _state(state) for name, state in row["reads"].items()}
        return JournalEntry(
            str(row["source"]), _state(row["state"]), str(row["options"]), results, reads
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _state(value: Any) -> _FileState:
    size, time = value
    return int(size), int(time)
