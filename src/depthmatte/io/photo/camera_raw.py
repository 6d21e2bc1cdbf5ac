"""Recognize camera raw files by content, or by suffix where the content is damaged."""

from __future__ import annotations

import struct
from pathlib import PurePath

RAW_SUFFIXES = frozenset(
    f".{suffix}"
    for line in (
        "3fr arq arw cap cr2 cr3 crw dcr dcs dng eip erf fff gpr iiq k25 kdc mdc mef mos mrw",
        "nef nrw orf ori pef ptx raf raw rw2 rwl sr2 srf srw x3f",
    )
    for suffix in line.split()
)

_STARTS = (
    b"FUJIFILMCCD-RAW",
    b"FOVb",  # Sigma
    b"\0MRM",  # Minolta
    b"IIRO",  # Olympus
    b"IIRS",
    b"MMOR",
    b"IIU\0",  # Panasonic
    b"II\x1a\0\0\0HEAPCCDR",  # Canon, before TIFF
)
_SUBTYPE, _COMPRESSION, _PHOTOMETRIC, _SUB_IFDS, _DNG = 254, 259, 262, 330, 50706
_MOSAIC = (32_803, 34_892)  # color filter array, linear raw
_RAW_CODES = (32_767, 32_769, 32_770, 34_713, 65_000, 65_535)  # Sony, Epson, Samsung, Nikon, Kodak
_MAX_DIRECTORIES = 24


def is_camera_raw(content: bytes) -> bool:
    """Return whether a file is a camera's raw file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    bool
    """
    if content.startswith(_STARTS) or content[4:12] == b"ftypcrx ":
        return True
    if content[:4] not in (b"II*\0", b"MM\0*"):
        return False
    if content[8:10] == b"CR":
        return True
    order = "<" if content[:1] == b"I" else ">"
    try:
        return _is_raw_tiff(content, order)
    except struct.error:
        return False


def has_raw_suffix(name: str) -> bool:
    """Return whether a file name has the suffix of a camera raw format."""
    return PurePath(name).suffix.lower() in RAW_SUFFIXES


def _is_raw_tiff(content: bytes, order: str) -> bool:
    """Whether a TIFF is a raw file, which begins with a small preview."""
    (offset,) = struct.unpack_from(f"{order}I", content, 4)
    first = _read_directory(content, order, offset)
    if _DNG in first or first.get(_SUBTYPE, [0])[0] & 1:
        return True
    nested = [
        _read_directory(content, order, offset)
        for offset in first.get(_SUB_IFDS, [])[:_MAX_DIRECTORIES]
        if offset
    ]
    return any(
        tags.get(_PHOTOMETRIC, [0])[0] in _MOSAIC or tags.get(_COMPRESSION, [0])[0] in _RAW_CODES
        for tags in (first, *nested)
    )


def _read_directory(content: bytes, order: str, offset: int) -> dict[int, list[int]]:
    """The integers of a TIFF directory by tag, the first 24 of each."""
    (count,) = struct.unpack_from(f"{order}H", content, offset)
    found = {}
    for row in range(min(count, 512)):
        at = offset + 2 + 12 * row
        tag, form, number = struct.unpack_from(f"{order}HHI", content, at)
        letter = {1: "B", 3: "H", 4: "I", 13: "I"}.get(form)
        number = min(number, _MAX_DIRECTORIES)
        if letter is None or not number:
            found[tag] = [0]
            continue
        is_outside = struct.calcsize(letter) * number > 4
        start = struct.unpack_from(f"{order}I", content, at + 8)[0] if is_outside else at + 8
        found[tag] = list(struct.unpack_from(f"{order}{number}{letter}", content, start))
    return found
