"""Text of strangers (names in files, reasons of servers) as it may stand in a message."""

from __future__ import annotations


def plain(text: object, most: int = 160) -> str:
    """`text` on one line, at most `most` characters, what cannot be printed as "?".

    Line breaks and the escapes that steer a terminal are among what cannot be printed.
    """
    line = str(text)
    cut = line[:most] + "..." if len(line) > most else line
    return "".join(sign if sign.isprintable() else "?" for sign in cut)
