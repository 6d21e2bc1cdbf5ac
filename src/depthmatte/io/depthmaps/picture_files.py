"""Depth as a picture: PNG, TIFF and PGM -> one plane of numbers."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...types import _Values
from ..photo.open_picture import load_picture, open_picture
from ..photo.png_chunks import PNG_SIGNATURE
from .downsample import Downsampler

if TYPE_CHECKING:
    from PIL.Image import Image

_LARGEST_DEEP = 2**26
"""Pixels of a picture that can only be decoded as a whole: 16-bit color, 64-bit floats."""

_LARGEST_TEXT = 2**25
"""Bytes of a PGM whose numbers are text."""


def check_depth_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """InputError for more pixels than allowed, or none."""
    if width < 1 or height < 1:
        raise InputError(f"{name}: has {width} x {height} pixels; export it again")
    if width * height > max_pixels:
        raise InputError(
            f"{name}: has {width} x {height} pixels, more than the {max_pixels} allowed; "
            "scale it down"
        )


def to_one_channel(plane: _Values, name: str) -> _Values:
    """(h, w, n) whose first three channels are equal -> (h, w); a fourth is opacity.

    Raises
    ------
    InputError
        Where they differ: a photo, or depth in false colors.
    """
    if plane.ndim == 2:
        return plane
    first = plane[..., 0]
    for other in range(1, 3 if plane.shape[2] > 2 else 1):
        if not np.array_equal(first, plane[..., other], equal_nan=plane.dtype.kind == "f"):
            raise InputError(
                f"{name}: is a picture with colors, not depth; give one gray channel of 16 bits"
            )
    return first


def decode_picture_depth(content: bytes, name: str, max_pixels: int) -> _Values:
    """A PNG or TIFF of one channel, or of equal ones, as stored; thinned if it is large."""
    if _needs_opencv(content):
        return _decode_with_opencv(content, name, max_pixels)
    image = open_picture(BytesIO(content), ("PNG", "TIFF"))
    if image is None:
        raise ValueError
    check_depth_size(*image.size, name, max_pixels)
    colors = image.mode in ("LA", "RGB", "RGBA")
    if not colors and image.mode not in ("L", "I", "F") and image.mode[:4] != "I;16":
        raise InputError(
            f"{name}: is a picture (mode {image.mode}), not depth; give one gray channel of 16 bits"
        )
    load_picture(image)
    return _banded(image, name)


def _needs_opencv(content: bytes) -> bool:
    """Colors of 16 bits, of which Pillow keeps 8, and floats of 64, which it does not know."""
    if content.startswith(PNG_SIGNATURE):
        return content[24:25] == b"\x10" and content[25:26] in (b"\x02", b"\x06")
    bits = _tag(content, 258)
    return bits == 64 or (bits == 16 and _tag(content, 277) > 1)


def _banded(image: Image, name: str) -> _Values:
    width, height = image.size

    def read(top: int, bottom: int) -> _Values:
        band = np.asarray(image.crop((0, top, width, bottom)))
        return to_one_channel(band, name) if band.ndim == 3 else band

    return Downsampler(height, width).sample_bands(read)


def _decode_with_opencv(content: bytes, name: str, max_pixels: int) -> _Values:
    """What Pillow cannot read, by OpenCV; a damaged PNG is told before its reader is."""
    import cv2

    if content.startswith(PNG_SIGNATURE):
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        _check_chunks(content)
    else:
        width, height = _tag(content, 256), _tag(content, 257)
    check_depth_size(width, height, name, min(max_pixels, _LARGEST_DEEP))
    found: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape[:2] != (height, width):
        raise ValueError
    return Downsampler(height, width).of(to_one_channel(found, name))


def _check_chunks(content: bytes) -> None:
    """ValueError unless every chunk of a PNG is whole: libpng would complain aloud."""
    at = 8
    while content[at + 4 : at + 8] != b"IEND":
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise ValueError
        if end + 4 >= len(content):
            raise ValueError
        at = end + 4


def _tag(content: bytes, wanted: int) -> int:
    """The first number of a tag in the first directory of a TIFF, 0 where it is missing."""
    order: Any = "little" if content[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], order)

    if number(2, 2) != 42:
        return 0
    start = number(4, 4)
    for entry in range(number(start, 2)):
        at = start + 2 + 12 * entry
        if number(at, 2) == wanted:
            size = 2 if number(at + 2, 2) == 3 else 4
            inside = number(at + 4, 4) * size <= 4
            return number(at + 8 if inside else number(at + 8, 4), size)
    return 0


def decode_pgm_depth(content: bytes, name: str, max_pixels: int) -> _Values:
    """A PGM, binary or as text: uint8, or uint16 where its largest number is above 255.

    Numbers are taken as stored, whatever the largest is said to be: they are millimeters.
    """
    kind, start = content[:2], 2
    words: list[int] = []
    while len(words) < 3:
        end = content.find(b"\n", start, start + 1024)
        line = content[start : end if end >= 0 else start + 1024].partition(b"#")
        for word in line[0].split(None, 3 - len(words))[: 3 - len(words)]:
            words.append(int(word))
            start = content.index(word, start) + len(word)
        if len(words) < 3:
            if end < 0:
                raise ValueError
            start = end + 1
    width, height, most = words
    check_depth_size(width, height, name, max_pixels)
    if not 0 < most < 65536:
        raise ValueError
    small = most < 256
    if kind == b"P2":
        if len(content) > _LARGEST_TEXT:
            raise InputError(f"{name}: is too large for numbers as text; save it as binary PGM")
        numbers = np.array(content[start:].split()[: width * height], np.int64)
        values = numbers.astype(np.uint8 if small else np.uint16).reshape(height, width)
        return Downsampler(height, width).of(values)
    plane = np.frombuffer(content, "u1" if small else ">u2", width * height, start + 1)
    return (
        Downsampler(height, width)
        .of(plane.reshape(height, width))
        .astype(np.uint8 if small else np.uint16)
    )
