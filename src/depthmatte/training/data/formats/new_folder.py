"""Write a folder of results: it appears complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ....errors import InputError
from ....system.printable_text import describe_os_error, label


def check_new_folder(out: Path) -> None:
    """Raise InputError where `out` exists already and is no empty folder."""
    try:
        taken = os.path.lexists(out) and not (out.is_dir() and not any(out.iterdir()))
    except (OSError, ValueError) as error:
        raise InputError(f"{label(out)}: cannot be used; name a new folder") from error
    if taken:
        raise InputError(f"{label(out)}: exists already and is kept; name a new folder")


@contextmanager
def make_new_folder(out: Path) -> Iterator[Path]:
    """Yield a draft folder that becomes `out` on success and is removed on failure.

    Parameters
    ----------
    out : Path
        A folder that does not exist, or is empty. Missing parent folders are made.

    Yields
    ------
    Path
        An empty folder, to be filled inside the `with` block.

    Raises
    ------
    InputError
        Where `out` exists and is not empty, or cannot be written.
    """
    check_new_folder(out)
    draft = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".labels-", suffix=".part", dir=out.parent))
        yield draft
        draft.chmod(0o777 & ~_umask())
        if out.is_dir():
            out.rmdir()
        draft.rename(out)
    except OSError as error:
        raise InputError(
            f"{label(out)}: cannot be written ({describe_os_error(error)}); "
            "make room or write elsewhere"
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


class UniqueNames:
    """Gives files of several folders names whose stems all differ, in any case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def choose(self, name: str) -> str:
        """Return the name, with "-2", "-3" and so on after the stem where it is taken."""
        stem, suffix = os.path.splitext(name)
        chosen, number = stem, 1
        while chosen.lower() in self._taken:
            number += 1
            chosen = f"{stem}-{number}"
        self._taken.add(chosen.lower())
        return chosen + suffix
