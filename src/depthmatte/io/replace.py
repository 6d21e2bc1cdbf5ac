"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .label import Place, label, reason


def check_place(path: Path, inputs: Iterable[Place] = ()) -> None:
    """Raise InputError now when `path` could not be written later, after long work, or is one of
    the `inputs`.
    """
    refuse_inputs(path, inputs)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{label(path)}: its folder does not exist; make it or write elsewhere")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{label(path)}: cannot be written; name a file in a folder of yours")


def refuse_inputs(path: Path, inputs: Iterable[Place]) -> None:
    """Raise InputError where `path` is one of the files that are only read."""
    if not os.path.exists(path):  # False also where a folder may not be entered
        return
    for one in inputs:
        if os.path.exists(one) and os.path.samefile(path, one):
            raise InputError(
                f"{label(path)}: is an input and is not overwritten; "
                "write to another folder or name"
            )


@contextmanager
def replacing(path: Path, folders: bool = False) -> Iterator[Path]:
    """A draft beside `path` that takes its place when all went well, and is gone when not.

    With `folders` the folders above are made as needed. Raises InputError for a place
    that cannot be written.
    """
    draft = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{label(path)}: cannot be written (its folder is a file); write elsewhere"
        ) from error
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be written ({reason(error)}); make room or write elsewhere"
        ) from error
