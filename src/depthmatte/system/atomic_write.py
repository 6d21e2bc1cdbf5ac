"""Write files atomically: they appear complete or not at all.

A file is first written as a draft, `.HEX.depthmatte.part`, in the folder of its target. It is
renamed once it is complete. A process that fails, or is stopped by Ctrl-C, removes its drafts. A
process that is killed cannot. So the writer holds a lock on its draft (`flock`), which ends with
the process. The first time a process writes into a folder, it removes the drafts there that are
not locked. Windows has no such locks. There a draft counts as abandoned after an hour without
changes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .printable_text import Place, describe_os_error, label

if sys.platform != "win32":
    import fcntl

_DRAFT_SUFFIX = ".depthmatte.part"
_STALE_SECONDS = 3600.0
"""Seconds without changes after which a draft counts as abandoned where there are no locks."""

_swept: set[str] = set()


def check_writable(path: Path, inputs: Iterable[Place] = ()) -> None:
    """Check before long work that a file can be written after it.

    Parameters
    ----------
    path : Path
        The file to be written.
    inputs : iterable of paths
        Files that are only read.

    Raises
    ------
    InputError
        Where the folder is missing or read-only, `path` is a folder, or it is one of `inputs`.
    """
    refuse_inputs(path, inputs)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{label(path)}: its folder does not exist; make it or write elsewhere")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{label(path)}: cannot be written; name a file in a folder of yours")


def _check_name(path: Path) -> None:
    """Raise InputError for a name that no file can have: with a NUL, or half a surrogate pair."""
    try:
        with contextlib.suppress(OSError):
            os.lstat(path)
    except ValueError as error:
        raise InputError(f"{label(path)}: is not a path; check it") from error


def refuse_inputs(path: Path, inputs: Place | Iterable[Place]) -> None:
    """Raise InputError where `path` is one of the files that are only read.

    Parameters
    ----------
    path : Path
        The file to be written.
    inputs : path or iterable of paths
        Files that are only read. Links are followed.
    """
    if not os.path.exists(path):  # also where the folder may not be entered
        return
    for source in [inputs] if isinstance(inputs, str | os.PathLike) else inputs:
        if os.path.exists(source) and os.path.samefile(path, source):
            raise InputError(
                f"{label(path)}: is an input and is not overwritten; "
                "write to another folder or name"
            )


@contextmanager
def atomic_draft(path: Path, folders: bool = False) -> Iterator[Path]:
    """Yield a draft file that becomes `path` on success and is removed on failure.

    Parameters
    ----------
    path : Path
        The final file; an older file is replaced.
    folders : bool
        Whether missing parent folders are made.

    Yields
    ------
    Path
        An empty file in the folder of `path`, to be written inside the `with` block.

    Raises
    ------
    InputError
        Where `path` cannot be written.
    """
    _check_name(path)
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        with draft_in(path.parent) as draft:
            yield draft
            os.replace(draft, path)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{label(path)}: cannot be written (its folder is a file); write elsewhere"
        ) from error
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be written ({describe_os_error(error)}); "
            "make room or write elsewhere"
        ) from error


@contextmanager
def draft_in(folder: Path) -> Iterator[Path]:
    """Yield an empty, locked file in `folder`; remove it afterwards if it still has its name.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Yields
    ------
    Path
        The draft.

    Raises
    ------
    OSError
        Where the folder cannot be written.
    """
    _sweep_once(folder)
    while True:
        draft = folder / f".{os.urandom(8).hex()}{_DRAFT_SUFFIX}"
        with draft.open("xb") as file:
            try:
                _lock(file, wait=True)
                if not draft.exists():  # another process removed it before it was locked
                    continue
                if sys.platform == "win32":
                    file.close()  # Windows cannot rename an open file
                yield draft
                return
            finally:
                # Remove it before the lock ends: another process would take it for abandoned.
                draft.unlink(missing_ok=True)


def _lock(file: BinaryIO, wait: bool) -> bool:
    """Lock an open file; False where locks fail, or another process has it and `wait` is False.

    On Windows: whether the file counts as abandoned.
    """
    if sys.platform == "win32":
        return time.time() - os.fstat(file.fileno()).st_mtime > _STALE_SECONDS
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _sweep_drafts(folder: Path) -> None:
    """Remove the drafts in a folder whose writers were killed."""
    for draft in list(folder.glob(f".*{_DRAFT_SUFFIX}")):
        with contextlib.suppress(OSError):
            with draft.open("r+b") as file:
                if not _lock(file, wait=False):
                    continue
                if sys.platform != "win32":
                    draft.unlink()  # while it is locked, so that no writer can take it
            draft.unlink(missing_ok=True)


def _sweep_once(folder: Path) -> None:
    """Sweep a folder the first time that this process writes into it."""
    where = os.path.abspath(folder)
    if where not in _swept:
        _swept.add(where)
        with contextlib.suppress(OSError):
            _sweep_drafts(folder)
