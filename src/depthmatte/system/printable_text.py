"""Make text from outside (paths, names in files, answers of servers) safe for messages."""

from __future__ import annotations

import os

Place = str | os.PathLike[str]
"""A path as callers pass it."""


def make_printable(text: str) -> str:
    """Replace unprintable characters, line breaks and escapes by "?".

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line of the same length.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def describe_os_error(error: OSError) -> str:
    """Return the operating system's own words in lower case, such as "permission denied"."""
    return (error.strerror or type(error).__name__).lower()


def printable_excerpt(text: object, max_length: int = 160) -> str:
    """Shorten a text to one printable line.

    Parameters
    ----------
    text : object
        Its `str` is used.
    max_length : int
        Characters kept; a longer text then ends in "...".

    Returns
    -------
    str
    """
    line = str(text)
    return make_printable(line[:max_length] + "..." if len(line) > max_length else line)


def label(path: Place) -> str:
    """Return the path as the user gave it, with unprintable characters as "?"."""
    return make_printable(os.fspath(path))


def short(text: object, max_length: int = 60) -> str:
    """Shorten text out of a file, such as a name, to `max_length` printable characters."""
    return printable_excerpt(text, max_length)
