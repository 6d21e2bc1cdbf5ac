"""Lock a folder, so that one process at a time changes what is in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .printable_text import describe_os_error, label

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def folder_lock(folder: Path, name: str = ".lock", busy: str | None = None) -> Iterator[None]:
    """Hold the lock of a folder inside the `with` block. It ends with the process at the latest.

    Parameters
    ----------
    folder : Path
        An existing folder.
    name : str
        Name of the lock's file in it. Different names are different locks.
    busy : str, optional
        What is going on while the lock is held, as a message. Without it the caller waits.

    Raises
    ------
    InputError
        Where another process holds the lock and `busy` is given, or the file cannot be made.
    """
    path = folder / name
    try:
        file = path.open("a+b")
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be written ({describe_os_error(error)}); "
            "check the permissions of its folder"
        ) from error
    with file:
        if not _take(file, wait=busy is None):
            raise InputError(f"{label(folder)}: {busy}; wait until it ends")
        try:
            yield
        finally:
            _release(file)


def _take(file: BinaryIO, wait: bool) -> bool:
    """Take the lock; False where another process has it and `wait` is False."""
    if sys.platform == "win32":
        file.seek(0)
        while True:  # LK_LOCK gives up after ten tries of a second each
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if wait:
                    continue
                return False
            return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _release(file: BinaryIO) -> None:
    if sys.platform == "win32":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
