"""Read the segments of a JPEG without decoding it, and the pictures appended to it (MPO)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..damage import CorruptFileError

APP0, APP1, _APP2, _START_OF_SCAN = 0xE0, 0xE1, 0xE2, 0xDA
JPEG_START = b"\xff\xd8\xff"
"""First bytes of every JPEG."""

_WITHOUT_PAYLOAD = frozenset({0x01, *range(0xD0, 0xD9)})
_MPF_HEADER = b"MPF\0"
_MAX_PICTURES = 16
"""Limit of pictures: phones list up to six, and each is copied out of the file."""
_MAX_SEGMENTS = 20_000
"""Limit of segments: so many of full size hold a gigabyte."""

_ENTRIES, _VIEWPOINT = 0xB002, 0xB101


class JpegSegment(NamedTuple):
    """One marker segment.

    Attributes
    ----------
    marker : int
        Second byte of the marker, such as 0xE1 for APP1.
    start : int
        Offset of the payload in the file.
    payload : bytes
        Content without marker and length.
    """

    marker: int
    start: int
    payload: bytes


class MpoPicture(NamedTuple):
    """A further picture of a multi-picture file (CIPA DC-007).

    Attributes
    ----------
    kind : int
        The MP type code.
    content : bytes
        The picture's own JPEG file.
    """

    kind: int
    content: bytes


MPO_DISPARITY_VIEW = 0x020002
"""MP type code of the views of a stereo picture."""

MPO_UNDEFINED = 0x000000
"""MP type code of pictures of any other kind."""


def read_jpeg_segments(content: bytes) -> Iterator[JpegSegment]:
    """Yield the segments before the first scan; stop where the file is damaged.

    Parameters
    ----------
    content : bytes
        A JPEG file.

    Yields
    ------
    JpegSegment
    """
    place = 2
    for _ in range(_MAX_SEGMENTS):
        if place + 4 > len(content) or content[place] != 0xFF:
            return
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _WITHOUT_PAYLOAD:
            place += 2
            continue
        size = int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == _START_OF_SCAN or size < 2 or place + 2 + size > len(content):
            return
        yield JpegSegment(marker, place + 4, content[place + 4 : place + 2 + size])
        place += 2 + size


def find_jpeg_end(content: bytes) -> int:
    """Find the end of the first picture.

    Parameters
    ----------
    content : bytes
        A JPEG file.

    Returns
    -------
    int
        Offset just after the end marker; the length of the file where there is none.
    """
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
    """Read the pictures of a multi-picture file after its first.

    Programs that rewrite the first picture may leave wrong offsets in the list. The pictures
    after the first are then used in order.

    Parameters
    ----------
    content : bytes
        A JPEG file.

    Returns
    -------
    list of MpoPicture
        Empty where the file holds only one picture.

    Raises
    ------
    CorruptFileError
        For a damaged list.
    """
    for segment in read_jpeg_segments(content):
        if segment.marker == _APP2 and segment.payload.startswith(_MPF_HEADER):
            listed = list(_read_listed(content, segment))
            if None in listed:
                return list(_find_appended(content, len(listed)))
            return [picture for picture in listed if picture]
    return []


def _read_listed(content: bytes, segment: JpegSegment) -> Iterator[MpoPicture | None]:
    """The pictures at the listed offsets; None where there is no picture."""
    base, tiff = segment.start + len(_MPF_HEADER), segment.payload[len(_MPF_HEADER) :]
    table = read_mpo_directories(tiff).get(_ENTRIES, b"")[: 16 * _MAX_PICTURES]
    for attributes, size, offset, *_ in struct.iter_unpack(f"{_order(tiff)}IIIHH", table):
        if offset:  # 0 for the first picture
            picture = content[base + offset : base + offset + size]
            is_complete = picture.startswith(JPEG_START) and len(picture) == size
            yield MpoPicture(attributes & 0xFFFFFF, picture) if is_complete else None


def _find_appended(content: bytes, count: int) -> Iterator[MpoPicture]:
    """Up to `count` pictures that follow the first."""
    place = find_jpeg_end(content)
    for _ in range(count):
        start = content.find(JPEG_START, place)
        if start < 0:
            return
        place = start + find_jpeg_end(content[start:])
        yield MpoPicture(MPO_UNDEFINED, content[start:place])


def read_mpo_viewpoint(content: bytes) -> int | None:
    """Read the viewpoint number of a stereo picture.

    Parameters
    ----------
    content : bytes
        A JPEG file.

    Returns
    -------
    int or None
        Counted from the left; None where the file has no number.

    Raises
    ------
    CorruptFileError
        For a damaged MP header.
    """
    for segment in read_jpeg_segments(content):
        if segment.marker == _APP2 and segment.payload.startswith(_MPF_HEADER):
            tiff = segment.payload[len(_MPF_HEADER) :]
            value = read_mpo_directories(tiff).get(_VIEWPOINT, b"")
            return struct.unpack(f"{_order(tiff)}I", value)[0] if len(value) == 4 else None
    return None


def read_mpo_directories(tiff: bytes) -> Mapping[int, bytes]:
    """Read the MP entries and the viewpoint number from a chain of TIFF directories.

    Parameters
    ----------
    tiff : bytes
        The MP header without its "MPF" mark.

    Returns
    -------
    dict
        Raw values by tag.

    Raises
    ------
    CorruptFileError
        For a damaged directory.
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
        raise CorruptFileError("MPO directory") from error
    if len(found.get(_ENTRIES, b"")) % 16:
        raise CorruptFileError("MPO list of pictures")
    return found


def _order(tiff: bytes) -> str:
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        raise CorruptFileError("MPO byte order")
    return "<" if tiff[:2] == b"II" else ">"
