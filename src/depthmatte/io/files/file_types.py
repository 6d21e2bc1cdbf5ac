"""Classify files by suffix and first bytes: supported photo, unsupported photo, or other."""

from __future__ import annotations

import os
import re
from typing import Literal, NamedTuple

from ..photo import camera_raw, png_chunks

_PHOTO_SUFFIX_NAMES = (
    "jpg jpeg jpe jfif mpo png apng webp gif bmp dib "
    "heic heif hif avif tif tiff jp2 j2k jpx ppm pgm pbm pnm"
)
PHOTO_SUFFIXES = frozenset(f".{name}" for name in _PHOTO_SUFFIX_NAMES.split())
"""Suffixes of supported photos, with their dots."""

_HEAD_BYTES = 32
"""Number of first bytes that are enough to recognize a photo."""


class UnsupportedType(NamedTuple):
    """A type of photo that is not supported.

    Attributes
    ----------
    name : str
        Such as "camera raw".
    remedy : str
        What the user can do.
    """

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
"""Common types of photos that are not supported, by suffix."""

_COPY_SUFFIX_NAMES = "thm bak tmp temp part partial crdownload download swp orig"
_COPY_SUFFIXES = frozenset(f".{name}" for name in _COPY_SUFFIX_NAMES.split())
"""Suffixes of backups, previews and unfinished downloads, which are not treated as photos."""

_BRANDS = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 avif avis".split()  # after "ftyp"
)
_DIB_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def looks_like_photo(start: bytes) -> bool:
    """Return whether a file begins like a supported photo.

    Parameters
    ----------
    start : bytes
        First 32 bytes of the file.

    Returns
    -------
    bool
    """
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
    """Return the suffix in lower case, with its dot; "" without one."""
    return os.path.splitext(os.fspath(path))[1].lower()


def classify_file(path: str | os.PathLike[str]) -> UnsupportedType | Literal["photo", "other"]:
    """Classify a regular file by its suffix, else by its first bytes.

    Parameters
    ----------
    path : path
        A regular file. It is opened only where its suffix is unknown or absent.

    Returns
    -------
    "photo", UnsupportedType or "other"
        "other" is everything else, including files that cannot be opened.
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
    """Read the first 32 bytes of a regular file; b"" where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""
