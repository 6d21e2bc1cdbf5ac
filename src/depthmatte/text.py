"""Text of strangers (names in files, reasons of servers) as it may stand in a message."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` on one line: what cannot be printed, line breaks and escapes too, as "?"."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def reason(error: OSError) -> str:
    """What the operating system said, in lower case: "permission denied"."""
    return (error.strerror or type(error).__name__).lower()


def plain(text: object, most: int = 160) -> str:
    """`printable` of the first `most` characters; what was longer ends in "..."."""
    line = str(text)
    return printable(line[:most] + "..." if len(line) > most else line)
