"""A JPEG taken apart without decoding: its segments, its end, and the pictures behind it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .corrupt import CorruptFileError

APP0, APP1, _APP2, _START_OF_SCAN = 0xE0, 0xE1, 0xE2, 0xDA
JPEG_START = b"\xff\xd8\xff"

_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MULTI = b"MPF\0"
_MAX_PICTURES = 16
"""Pictures looked at: phones list up to six, and each is a copy of a part of the file."""
_MAX_SEGMENTS = 20_000
"""Segments looked at: as many of full size hold a gigabyte."""

_ENTRIES, _VIEWPOINT = 0xB002, 0xB101


class JpegSegment(NamedTuple):
    """One marker segment: where its payload starts in the file, and the payload."""

    marker: int
    start: int
    payload: bytes


class MpoPicture(NamedTuple):
    """One more picture of a multi-picture file (CIPA DC-007): its type code and its file."""

    kind: int
    content: bytes


MPO_DISPARITY_VIEW = 0x020002
"""Type code of the views of a stereo picture."""

MPO_UNDEFINED = 0x000000


def read_jpeg_segments(content: bytes) -> Iterator[JpegSegment]:
    """The segments before the first scan; ends quietly where the file is damaged."""
    place = 2
    for _ in range(_MAX_SEGMENTS):
        if place + 4 > len(content) or content[place] != 0xFF:
            return
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        size = int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == _START_OF_SCAN or size < 2 or place + 2 + size > len(content):
            return
        yield JpegSegment(marker, place + 4, content[place + 4 : place + 2 + size])
        place += 2 + size


def find_jpeg_end(content: bytes) -> int:
    """Where the first picture ends, just after its end marker; the file's end if it has none."""
    place = 2
    while place + 4 <= len(content):
        marker = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]").search(content, place)
        if marker is None:
            break
        if content[marker.start() + 1] == 0xD9:
            return marker.end()
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return len(content)


def read_mpo_pictures(content: bytes) -> list[MpoPicture]:
    """The pictures that a multi-picture file holds after its first.

    Programs that rewrite the first picture may leave the list pointing astray: what lies
    behind the first picture is then taken in order.
    """
    for segment in read_jpeg_segments(content):
        if segment.marker == _APP2 and segment.payload.startswith(_MULTI):
            listed = list(_listed(content, segment))
            return list(_appended(content, listed)) if None in listed else [p for p in listed if p]
    return []


def _listed(content: bytes, segment: JpegSegment) -> Iterator[MpoPicture | None]:
    """The pictures as listed, None for those that are not where the list says."""
    base, tiff = segment.start + len(_MULTI), segment.payload[len(_MULTI) :]
    table = read_mpo_directories(tiff).get(_ENTRIES, b"")[: 16 * _MAX_PICTURES]
    for attributes, size, offset, *_ in struct.iter_unpack(f"{_order(tiff)}IIIHH", table):
        if offset:  # the first picture has none
            picture = content[base + offset : base + offset + size]
            whole = picture.startswith(JPEG_START) and len(picture) == size
            yield MpoPicture(attributes & 0xFFFFFF, picture) if whole else None


def _appended(content: bytes, listed: list[MpoPicture | None]) -> Iterator[MpoPicture]:
    place = find_jpeg_end(content)
    for _ in listed:
        start = content.find(JPEG_START, place)
        if start < 0:
            return
        place = start + find_jpeg_end(content[start:])
        yield MpoPicture(MPO_UNDEFINED, content[start:place])


def read_mpo_viewpoint(content: bytes) -> int | None:
    """Which view of a stereo picture this file says it is, counted from the left."""
    for segment in read_jpeg_segments(content):
        if segment.marker == _APP2 and segment.payload.startswith(_MULTI):
            tiff = segment.payload[len(_MULTI) :]
            value = read_mpo_directories(tiff).get(_VIEWPOINT, b"")
            return struct.unpack(f"{_order(tiff)}I", value)[0] if len(value) == 4 else None
    return None


def read_mpo_directories(tiff: bytes) -> Mapping[int, bytes]:
    """Raw values by tag, those that are looked at, in a chain of TIFF directories.

    Raises Damaged where it makes no sense.
    """
    order, sizes = _order(tiff), {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
    found: dict[int, bytes] = {}
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        for _ in range(2):  # an index and the first picture's attributes
            (count,) = struct.unpack_from(f"{order}H", tiff, place)
            for row in range(count):
                at = place + 2 + 12 * row
                tag, form, number = struct.unpack_from(f"{order}HHI", tiff, at)
                if tag not in (_ENTRIES, _VIEWPOINT):
                    continue
                size = sizes.get(form, 0) * number
                start = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", tiff, at + 8)[0]
                found.setdefault(tag, tiff[start : start + size])
            (place,) = struct.unpack_from(f"{order}I", tiff, place + 2 + 12 * count)
            if not place:
                break
    except struct.error as error:
        raise CorruptFileError("directory") from error
    if len(found.get(_ENTRIES, b"")) % 16:
        raise CorruptFileError("list of pictures")
    return found


def _order(tiff: bytes) -> str:
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        raise CorruptFileError("byte order")
    return "<" if tiff[:2] == b"II" else ">"
