"""Read the chunks of a PNG file without decoding it."""

from __future__ import annotations

from collections.abc import Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _read_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (type, content) of each chunk; stop where the file is damaged."""
    view, position = memoryview(content), len(PNG_SIGNATURE)
    while content.startswith(PNG_SIGNATURE) and position + 8 <= len(view):
        size = int.from_bytes(view[position : position + 4], "big")
        start = position + 8
        yield bytes(view[position + 4 : start]), view[start : start + size]
        position += 12 + size


def find_png_chunk(content: bytes, wanted: bytes) -> bytes | None:
    """Find the first chunk of a type.

    Parameters
    ----------
    content : bytes
        A PNG file.
    wanted : bytes
        The chunk type, such as b"iCCP".

    Returns
    -------
    bytes or None
        Content of the chunk; None without one.
    """
    return next((bytes(inside) for kind, inside in _read_chunks(content) if kind == wanted), None)
