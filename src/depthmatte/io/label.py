"""How a path stands in a message: on one line, printable, whatever the file is called."""

from __future__ import annotations

import os

Place = str | os.PathLike[str]
"""A path as callers give it."""


def label(path: Place) -> str:
    """The path as the user gave it, with line breaks and unprintable characters as "?"."""
    return "".join(sign if sign.isprintable() else "?" for sign in os.fspath(path))


def reason(error: OSError) -> str:
    """What the operating system said, in lower case: "permission denied"."""
    return (error.strerror or type(error).__name__).lower()


def short(said: object, most: int = 60) -> str:
    """What a file itself says, such as a name inside it: printable, on one line, cut at `most`."""
    text = str(said)[: most + 1]
    clean = "".join(sign if sign.isprintable() else "?" for sign in text)
    return clean if len(clean) <= most else f"{clean[: most - 3]}..."
