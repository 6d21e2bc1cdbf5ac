"""Files that appear whole or not at all.

A file is written as a draft, `.HEX.depthmatte.part` in the folder of its target, and renamed when
it is whole. A process that fails, or is stopped by Ctrl-C, takes its drafts away. One that is
killed cannot: so whoever writes holds a lock on the draft (`flock`), which ends with the process,
and the first time a process writes into a folder it removes the drafts there that nobody holds.
Windows has no such locks: there a draft is left over when nobody wrote to it for an hour.
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
from .text import Place, describe_os_error, label

if sys.platform != "win32":
    import fcntl

_DRAFT_SUFFIX = ".depthmatte.part"
_STALE_SECONDS = 3600.0
"""Seconds after which a draft is taken for left over where there are no locks."""

_swept: set[str] = set()


def check_writable(path: Path, inputs: Iterable[Place] = ()) -> None:
    """Raise InputError now when `path` could not be written later, after long work, or is one of
    the `inputs`.
    """
    refuse_inputs(path, inputs)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{label(path)}: its folder does not exist; make it or write elsewhere")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{label(path)}: cannot be written; name a file in a folder of yours")


def _check_name(path: Path) -> None:
    """Raise InputError where no file can have this name: a NUL in it, or half a surrogate pair."""
    try:
        with contextlib.suppress(OSError):
            os.lstat(path)
    except ValueError as error:
        raise InputError(f"{label(path)}: is not a path; check it") from error


def refuse_inputs(path: Path, inputs: Place | Iterable[Place]) -> None:
    """Raise InputError where `path` is one of the files that are only read."""
    if not os.path.exists(path):  # False also where a folder may not be entered
        return
    for one in [inputs] if isinstance(inputs, str | os.PathLike) else inputs:
        if os.path.exists(one) and os.path.samefile(path, one):
            raise InputError(
                f"{label(path)}: is an input and is not overwritten; "
                "write to another folder or name"
            )


@contextmanager
def atomic_draft(path: Path, folders: bool = False) -> Iterator[Path]:
    """A draft beside `path` that takes its place when all went well, and is gone when not.

    With `folders` the folders above are made as needed. Raises InputError for a place
    that cannot be written.
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
            f"{label(path)}: cannot be written ({describe_os_error(error)}); make room or write elsewhere"
        ) from error


@contextmanager
def draft_in(folder: Path) -> Iterator[Path]:
    """An empty file in `folder`, locked while it is written, removed afterwards if it still has
    its name. Raises OSError where the folder cannot be written.
    """
    _sweep_once(folder)
    while True:
        draft = folder / f".{os.urandom(8).hex()}{_DRAFT_SUFFIX}"
        with draft.open("xb") as held:
            try:
                _hold(held, wait=True)
                if not draft.exists():  # another process swept it away before it was held
                    continue
                if sys.platform == "win32":
                    held.close()  # an open file cannot be renamed there
                yield draft
                return
            finally:
                # Removed before it is let go: nobody else may take it for left over.
                draft.unlink(missing_ok=True)


def _hold(file: BinaryIO, wait: bool) -> bool:
    """Take the lock of an open file; False where there are none, or another process has it and we
    do not `wait`.
    """
    if sys.platform == "win32":
        return time.time() - os.fstat(file.fileno()).st_mtime > _STALE_SECONDS
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _sweep_drafts(folder: Path) -> None:
    """Remove the drafts in a folder that their writers left when they were killed."""
    for draft in list(folder.glob(f".*{_DRAFT_SUFFIX}")):
        with contextlib.suppress(OSError):
            with draft.open("r+b") as file:
                if not _hold(file, wait=False):
                    continue
                if sys.platform != "win32":
                    draft.unlink()  # still held: no writer comes between
            draft.unlink(missing_ok=True)


def _sweep_once(folder: Path) -> None:
    """`sweep` where this process has not yet been; what was left there was left before."""
    where = os.path.abspath(folder)
    if where not in _swept:
        _swept.add(where)
        with contextlib.suppress(OSError):
            _sweep_drafts(folder)
