"""The record of a batch in its output folder: `results.jsonl` and the journal for `--resume`.

`results.jsonl` has one row for each photo: status, timings, versions, error and names of results.
Rows are appended as photos finish, each in one write. At the end the file is put in the order of
the photos. An output folder in object storage has its record on this machine; copies are stored
beside the results twice a minute and at the end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.files.object_storage import fetch_file, find_file, remote_url, store_file
from ..io.files.resume_journal import JOURNAL_NAME, Journal
from ..system.atomic_write import atomic_draft
from ..system.printable_text import describe_os_error, label
from ..system.user_folders import make_private_folder, user_data_folder
from .photo_task import PhotoTask
from .storage_states import StorageStates

RESULTS_NAME = "results.jsonl"
"""Name of the table of results in the output folder."""

_STORE_SECONDS = 30.0
"""Time between two copies of the record in object storage."""

_RowKey = tuple[str, int]
"""The photo, and its line in a manifest or 0."""


class ResultsFile:
    """The table of results: appended to, and sorted at the end. Only places of rows are kept.

    Parameters
    ----------
    path : Path
        The file.
    keep : bool
        Whether rows of earlier runs are kept.

    Raises
    ------
    InputError
        When the file cannot be written.
    """

    def __init__(self, path: Path, keep: bool) -> None:
        self.path = path
        self._places: dict[_RowKey, tuple[int, int]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not keep:
                path.write_bytes(b"")
            elif path.exists():
                self._read_places()
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> InputError:
        return InputError(
            f"{label(self.path)}: cannot be written ({describe_os_error(error)}); "
            "make room or write elsewhere"
        )

    def _read_places(self) -> None:
        start = 0
        with open(self.path, "rb") as file:
            for line in file:
                key = _row_key(line)
                if key is not None and line.endswith(b"\n"):
                    self._places[key] = start, len(line)
                start += len(line)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append the row of a photo; it replaces an earlier one.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        line = json.dumps(row).encode("ascii") + b"\n"
        try:
            with open(self.path, "a+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end:
                    file.seek(end - 1)
                    if file.read(1) != b"\n":  # a line that was cut short
                        file.write(b"\n")
                        end += 1
                if file.write(line) != len(line):
                    raise OSError(28, "no space left on device")
        except OSError as error:
            raise self._error(error) from error
        self._places[str(row["file"]), int(row.get("line", 0))] = end, len(line)

    def has(self, file: str, line: int = 0) -> bool:
        """Return whether there is a row for a photo."""
        return (file, line) in self._places

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the valid rows."""
        with open(self.path, "rb") as file:
            for start, size in self._places.values():
                file.seek(start)
                yield json.loads(file.read(size))

    def sort(self, order: Iterable[_RowKey]) -> None:
        """Write the valid rows alone: those of earlier runs, then those of `order`.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        wanted = dict.fromkeys(order)
        self._places.clear()
        self._read_places()  # another run may have appended, too
        keys = [key for key in self._places if key not in wanted]
        keys += [key for key in wanted if key in self._places]
        places, at = {}, 0
        with (
            atomic_draft(self.path) as draft,
            open(self.path, "rb") as old,
            open(draft, "wb") as new,
        ):
            for key in keys:
                start, size = self._places[key]
                old.seek(start)
                new.write(old.read(size))
                places[key] = at, size
                at += size
        self._places = places


def _row_key(line: bytes) -> _RowKey | None:
    try:
        row = json.loads(line)
        return str(row["file"]), int(row.get("line", 0))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keeps_journal(journal: Journal, tasks: Sequence[PhotoTask], wanted: bool = False) -> bool:
    """Return whether a run keeps its journal.

    It does for several photos, when results are written into the folder of a photo, when the
    folder has a journal already, and when it is `wanted`.
    """
    if not tasks:
        return False
    top = os.path.realpath(journal.folder) + os.sep
    beside = any(os.path.realpath(task.path).startswith(top) for task in tasks)
    return wanted or len(tasks) > 1 or beside or journal.path.is_file()


class BatchRecord:
    """Journal and table of results of one output folder.

    Parameters
    ----------
    folder : Path
        The output folder, which may be a URL.
    resume : bool
        Whether an earlier run is continued.
    states : StorageStates
        What is known of files in object storage.

    Raises
    ------
    InputError
        When the folder of the record cannot be made, or the storage cannot be read.
    """

    def __init__(self, folder: Path, resume: bool, states: StorageStates) -> None:
        self.folder, self._states = folder, states
        self._url = remote_url(folder)
        self.place = folder
        self._stored = time.monotonic()
        if self._url is not None:
            digest = hashlib.sha256(self._url.encode("utf-8", "surrogateescape")).hexdigest()
            self.place = make_private_folder(user_data_folder() / "batches" / digest[:16])
            with contextlib.suppress(InputError):  # an output folder may be empty
                states.list_folder(self._url)
            if resume:
                self._fetch()
        self.journal = Journal(folder, self.place, states.state)

    def open_results(self, keep: bool) -> ResultsFile:
        """Return the table of results."""
        return ResultsFile(self.place / RESULTS_NAME, keep)

    def _fetch(self) -> None:
        """Add what the copies in the storage say to the files on this machine."""
        for name in (JOURNAL_NAME, RESULTS_NAME):
            url = f"{self._url}/{name}"
            if find_file(url) is None:
                continue
            local = self.place / name
            copy = local.with_name(f"{name}.fetched")
            fetch_file(url, copy)
            lines = copy.read_bytes().splitlines()
            copy.unlink()
            lines += local.read_bytes().splitlines() if local.exists() else []
            with atomic_draft(local) as draft:
                draft.write_bytes(b"".join(line + b"\n" for line in dict.fromkeys(lines)))

    def store(self, now: bool = False) -> None:
        """Store copies in the storage when the last ones are old, or `now`.

        Raises
        ------
        InputError
            When the storage cannot be written.
        """
        if self._url is None or (not now and time.monotonic() - self._stored < _STORE_SECONDS):
            return
        for name in (JOURNAL_NAME, RESULTS_NAME):
            if (self.place / name).exists():
                store_file(self.place / name, f"{self._url}/{name}")
        self._stored = time.monotonic()
