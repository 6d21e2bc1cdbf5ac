"""The journal of an output folder: which photos are done, with which options and results.

Each line is one JSON object and is appended in one write. Lines that are cut short, and lines of
other programs, are ignored. Paths are relative to the folder, so that photos and results can be
moved together. The last line that names a result is the valid one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...system.printable_text import describe_os_error, label
from .object_storage import remote_url

JOURNAL_NAME = ".depthmatte-done.jsonl"
"""Name of the journal in the output folder."""

_FileState = tuple[int, int]
"""Size in bytes and modification time in nanoseconds."""


def hash_options(options: Mapping[str, object]) -> str:
    """Hash options, so that two runs can be compared.

    Parameters
    ----------
    options : mapping
        Values by name; each is represented by its `repr`.

    Returns
    -------
    str
        16 hexadecimal digits, equal for equal options in any order.
    """
    text = repr(sorted((name, repr(value)) for name, value in options.items()))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True)
class JournalEntry:
    """One photo that is done.

    Attributes
    ----------
    source : str
        Path of the photo from the journal's folder.
    state : tuple of int
        Size and modification time of the photo.
    options : str
        As from `hash_options`.
    results : dict
        Size in bytes by path from the journal's folder.
    reads : dict
        Size and modification time of every other file that was read, by path.
    absent : tuple of str
        Paths that were planned and not written, such as files of a person who is not there.
    """

    source: str
    state: _FileState
    options: str
    results: Mapping[str, int]
    reads: Mapping[str, _FileState] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the entry as one line of JSON, ASCII only."""
        row = {
            "source": self.source,
            "state": list(self.state),
            "options": self.options,
            "results": dict(self.results),
            "reads": {name: list(state) for name, state in self.reads.items()},
            **({"absent": list(self.absent)} if self.absent else {}),
        }
        return json.dumps(row) + "\n"


def read_file_state(path: str | os.PathLike[str]) -> _FileState | None:
    """Return size and modification time (ns) of a file; None where it does not exist."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


StateReader = Callable[[Path], _FileState | None]
"""Path -> size and version of a file; None when it does not exist."""


def make_journal_entry(
    folder: Path,
    source: Path,
    options: str,
    results: Iterable[Path],
    inputs: Iterable[Path] = (),
    file_state: StateReader = read_file_state,
    absent: Iterable[Path] = (),
) -> JournalEntry | None:
    """Make the entry of a photo whose results were just written.

    Parameters
    ----------
    folder : Path
        The journal's folder.
    source : Path
        The photo.
    options : str
        As from `hash_options`.
    results : iterable of Path
        Files that were written.
    inputs : iterable of Path
        Other files that were read.
    file_state : callable
        Path -> size and version of a file, for files in object storage.
    absent : iterable of Path
        Files that were planned and not written.

    Returns
    -------
    JournalEntry or None
        None where one of the files does not exist any more.
    """
    state, sizes = file_state(source), {}
    for path in results:
        found = file_state(path)
        if found is None:
            return None
        sizes[_relative(folder, path)] = found[0]
    reads = {_relative(folder, path): file_state(path) for path in inputs}
    existing = {name: found for name, found in reads.items() if found is not None}
    if state is None or len(existing) < len(reads):
        return None
    missing = tuple(_relative(folder, path) for path in absent)
    return JournalEntry(_relative(folder, source), state, options, sizes, existing, missing)


def _relative(folder: Path, path: Path) -> str:
    """A path relative to the journal's folder; absolute elsewhere: another drive or storage."""
    folder_url, url = remote_url(folder), remote_url(path)
    if (folder_url is None) != (url is None):
        return url or os.path.abspath(path)
    try:
        return os.path.relpath(path, folder)
    except ValueError:
        return os.path.abspath(path)


class Journal:
    """The journal of one folder: read once, then appended to.

    Parameters
    ----------
    folder : Path
        The output folder. A missing journal counts as empty.
    kept_in : Path, optional
        The folder that holds the journal. By default `folder`; an output folder in object
        storage has one on this machine.
    file_state : callable
        Path -> size and version of a file, for files in object storage.
    """

    def __init__(
        self, folder: Path, kept_in: Path | None = None, file_state: StateReader = read_file_state
    ) -> None:
        self.folder, self._file_state = folder, file_state
        self.path = (kept_in or folder) / JOURNAL_NAME
        self._last: dict[str, JournalEntry] = {}
        for entry in _read_entries(self.path):
            self._remember(entry)

    def _remember(self, entry: JournalEntry) -> None:
        self._last |= dict.fromkeys((*entry.results, *entry.absent), entry)

    def note(
        self,
        source: Path,
        options: str,
        results: Iterable[Path],
        inputs: Iterable[Path] = (),
        absent: Iterable[Path] = (),
    ) -> None:
        """Append that a photo is done; see `make_journal_entry` and `add`."""
        entry = make_journal_entry(
            self.folder, source, options, results, inputs, self._file_state, absent
        )
        if entry is not None:
            self.add(entry)

    def add(self, entry: JournalEntry) -> None:
        """Append an entry as one complete line.

        Parameters
        ----------
        entry : JournalEntry
            A photo that is done.

        Raises
        ------
        InputError
            Where the journal cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.path, entry.line().encode("ascii"))
        except OSError as error:
            raise InputError(
                f"{label(self.path)}: cannot be written ({describe_os_error(error)}); "
                "make room or write elsewhere"
            ) from error
        self._remember(entry)

    def done(
        self, source: Path, options: str, results: Iterable[Path], inputs: Iterable[Path] = ()
    ) -> bool:
        """Return whether a photo was cut with these options, and nothing has changed since.

        Parameters
        ----------
        source : Path
            The photo.
        options : str
            As from `hash_options`.
        results : iterable of Path
            Files that would be written. Others that were written with one of them are checked, too.
        inputs : iterable of Path
            Other files that would be read.

        Returns
        -------
        bool
            True where photo and inputs are unchanged and the results are complete.
        """
        now = self._file_state(source)
        wanted = (_relative(self.folder, source), now, options)
        reads = {_relative(self.folder, path): self._file_state(path) for path in inputs}
        for path in results:
            name = _relative(self.folder, path)
            entry = self._last.get(name)
            if entry is None or (entry.source, entry.state, entry.options) != wanted:
                return False
            if reads != dict(entry.reads) or not self._has_all(entry):
                return False
        return now is not None

    def _has_all(self, entry: JournalEntry) -> bool:
        """Whether all results of an entry are there, and none was written by a later one."""
        return all(
            self._last.get(name) is entry and self._is_complete(entry, name)
            for name in entry.results
        )

    def result_paths(self) -> list[Path]:
        """Return all results that the journal names, whether or not they still exist."""
        return [self.folder / name for name in self._last]

    def results(self) -> dict[str, str]:
        """Return the results that still have the size with which they were written.

        Returns
        -------
        dict
            Real path of the photo by real path of the result.
        """
        return {
            os.path.realpath(self.folder / name): os.path.realpath(self.folder / entry.source)
            for name, entry in self._last.items()
            if self._is_complete(entry, name)
        }

    def _is_complete(self, entry: JournalEntry, name: str) -> bool:
        state = self._file_state(self.folder / name)
        return state is not None and state[0] == entry.results.get(name)


def _append(path: Path, line: bytes) -> None:
    """Append a line in one write; a line that was cut short before is ended first."""
    with open(path, "a+b", buffering=0) as file:
        if end := file.seek(0, os.SEEK_END):
            file.seek(end - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        if file.write(line) != len(line):
            raise OSError(28, "no space left on device")


def _read_entries(path: Path) -> Iterable[JournalEntry]:
    try:
        if not path.is_file():
            return
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        if (entry := _parse_entry(line)) is not None:
            yield entry


def _parse_entry(line: str) -> JournalEntry | None:
    """One line of the journal; None for a line that is damaged or of another program."""
    try:
        row: Any = json.loads(line)
        results = {str(name): int(size) for name, size in row["results"].items()}
        absent = tuple(map(str, row.get("absent", ())))
        if any(os.path.isabs(name) or ".." in Path(name).parts for name in (*results, *absent)):
            return None
        reads = {str(name): _state(state) for name, state in row["reads"].items()}
        return JournalEntry(
            str(row["source"]), _state(row["state"]), str(row["options"]), results, reads, absent
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _state(value: Any) -> _FileState:
    size, time = value
    return int(size), int(time)
