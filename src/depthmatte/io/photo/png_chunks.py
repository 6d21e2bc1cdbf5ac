"""A PNG's chunks, without decoding."""

from __future__ import annotations

from collections.abc import Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _read_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Every chunk of a PNG as (kind, content); ends quietly where the file is damaged."""
    view, place = memoryview(content), len(PNG_SIGNATURE)
    while content.startswith(PNG_SIGNATURE) and place + 8 <= len(view):
        size = int.from_bytes(view[place : place + 4], "big")
        yield bytes(view[place + 4 : place + 8]), view[place + 8 : place + 8 + size]
        place += 12 + size


def find_png_chunk(content: bytes, wanted: bytes) -> bytes | None:
    """The content of the first chunk of this kind."""
    return next((bytes(inside) for kind, inside in _read_chunks(content) if kind == wanted), None)
