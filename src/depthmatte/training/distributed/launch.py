"""What the launcher of several workers tells each of them. Imports no torch."""

from __future__ import annotations

import os

from ...errors import InputError


def launched_rank() -> int:
    """The number of this worker, from 0; 0 where nothing launched several."""
    return _read_variable("RANK", 0, 0) if launched_count() > 1 else 0


def launched_count() -> int:
    """How many workers were launched; 1 where nothing launched several."""
    return _read_variable("WORLD_SIZE", 1, 1)


def launched_local_rank() -> int:
    """The number of this worker among those of its machine, from 0."""
    return _read_variable("LOCAL_RANK", 0, 0)


def refuse_many_workers(what: str) -> None:
    """Raise InputError where several workers were launched for work that one does."""
    if launched_count() > 1:
        raise InputError(f"{what}: trains in one process; start it without torchrun")


def _read_variable(name: str, default: int, least: int) -> int:
    """A whole number out of the environment; InputError for something else."""
    text = os.environ.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise InputError(
            f"{name}: is no whole number of {least} or more; start with torchrun, or unset it"
        )
    return int(text)
