"""What a file is by its name and first bytes: a photo that is read, one that is not, neither."""

from __future__ import annotations

import os
import re
from typing import Literal, NamedTuple

from ..photo import camera_raw, png_chunks

_NAMES = (
    "jpg jpeg jpe jfif mpo png apng webp gif bmp dib "
    "heic heif hif avif tif tiff jp2 j2k jpx ppm pgm pbm pnm"
)
PHOTO_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""Suffixes of photos that are read."""

_HEAD_BYTES = 32
"""First bytes of a file that tell what it is."""


class UnsupportedType(NamedTuple):
    """A kind of photo that is not read: what it is called, and what helps."""

    name: str
    remedy: str


_RAW = UnsupportedType("camera raw", "develop to JPEG or TIFF first")
_EXPORT = "export as JPEG or PNG first"
_UNSUPPORTED_NAMES: dict[UnsupportedType, str] = {
    UnsupportedType("JPEG XL", _EXPORT): "jxl",
    UnsupportedType("JPEG XR", _EXPORT): "jxr wdp hdp",
    UnsupportedType("Photoshop", _EXPORT): "psd psb",
    UnsupportedType("GIMP", _EXPORT): "xcf",
}
UNSUPPORTED_SUFFIXES = dict.fromkeys(camera_raw.RAW_SUFFIXES, _RAW) | {
    f".{name}": kind for kind, names in _UNSUPPORTED_NAMES.items() for name in names.split()
}
"""Suffix -> a kind of photo that people have and that is not read."""

_COPY_SUFFIX_NAMES = "thm bak tmp temp part partial crdownload download swp orig"
_COPY_SUFFIXES = frozenset(f".{name}" for name in _COPY_SUFFIX_NAMES.split())
"""Suffixes of copies, previews and unfinished downloads, which hold photos but are none."""

_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 avif avis".split()  # after "ftyp"
)
_DIB_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def looks_like_photo(start: bytes) -> bool:
    """Are these the first bytes (`START` of them) of a photo in a format that is read?"""
    if start.startswith((b"\xff\xd8\xff", png_chunks.PNG_SIGNATURE, b"GIF87a", b"GIF89a")):
        return True
    if start.startswith((b"II*\0", b"MM\0*")):
        return start[8:10] != b"CR"  # Canon's raw files
    if start.startswith((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")):
        return True
    if start[:4] == b"RIFF":
        return start[8:12] == b"WEBP"
    if start[4:8] == b"ftyp":
        return start[8:12] in _BRANDS
    if start[:2] == b"BM":
        return int.from_bytes(start[14:18], "little") in _DIB_HEADERS
    return re.match(rb"P[1-6]\s+(#|\d)", start) is not None


def lower_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix in lower case, with its dot; "" where there is none."""
    return os.path.splitext(os.fspath(path))[1].lower()


def classify_file(path: str | os.PathLike[str]) -> UnsupportedType | Literal["photo", "other"]:
    """What a regular file is, by its suffix, and by its first bytes where that says nothing.

    Parameters
    ----------
    path
        A regular file. It is opened only where its suffix is unknown or absent.

    Returns
    -------
    "photo" for a photo that is read, an Unread for a photo of a kind that is not, and
    "other" for everything else, files that cannot be opened included.
    """
    suffix = lower_suffix(path)
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    if suffix in UNSUPPORTED_SUFFIXES:
        return UNSUPPORTED_SUFFIXES[suffix]
    return (
        "photo"
        if suffix not in _COPY_SUFFIXES and looks_like_photo(read_first_bytes(path))
        else "other"
    )


def read_first_bytes(path: str | os.PathLike[str]) -> bytes:
    """The first `START` bytes of a regular file; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""
