"""How a path stands in a message: on one line, printable, whatever the file is called."""

from __future__ import annotations

import os

from ..text import plain, printable, reason

__all__ = ["Place", "label", "reason", "short"]

Place = str | os.PathLike[str]
"""A path as callers give it."""


def label(path: Place) -> str:
    """The path as the user gave it, with line breaks and unprintable characters as "?"."""
    return printable(os.fspath(path))


def short(said: object, most: int = 60) -> str:
    """What a file itself says, such as a name inside it: printable, on one line, cut at `most`."""
    return plain(said, most)
