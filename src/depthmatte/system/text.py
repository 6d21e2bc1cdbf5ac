"""Text of strangers (names in files, reasons of servers) as it may stand in a message."""

from __future__ import annotations

import os

Place = str | os.PathLike[str]
"""A path as callers give it."""


def make_printable(text: str) -> str:
    """`text` on one line: what cannot be printed, line breaks and escapes too, as "?"."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def describe_os_error(error: OSError) -> str:
    """What the operating system said, in lower case: "permission denied"."""
    return (error.strerror or type(error).__name__).lower()


def printable_excerpt(text: object, max_length: int = 160) -> str:
    """`printable` of the first `most` characters; what was longer ends in "..."."""
    line = str(text)
    return make_printable(line[:max_length] + "..." if len(line) > max_length else line)


def label(path: Place) -> str:
    """The path as the user gave it, with line breaks and unprintable characters as "?"."""
    return make_printable(os.fspath(path))


def short(text: object, max_length: int = 60) -> str:
    """What a file itself says, such as a name inside it: printable, on one line, cut at `most`."""
    return printable_excerpt(text, max_length)
