"""Decode depth stored as a picture (PNG, TIFF, PGM) to one plane of numbers."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..photo.open_picture import load_picture, open_picture
from ..photo.png_chunks import PNG_SIGNATURE
from .downsample import Downsampler

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_OPENCV_PIXELS = 2**26
"""Limit for pictures that are decoded in one piece: 16-bit color, 64-bit floats."""

_MAX_TEXT_BYTES = 2**25
"""Limit for a PGM whose numbers are text."""


def check_depth_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Check the size of a depth map before it is decoded.

    Parameters
    ----------
    width, height : int
        In pixels.
    name : str
        The file, for messages.
    max_pixels : int
        Limit of pixels.

    Raises
    ------
    InputError
        For more pixels than allowed, or none.
    """
    if width < 1 or height < 1:
        raise InputError(f"{name}: has {width} x {height} pixels; export it again")
    if width * height > max_pixels:
        raise InputError(
            f"{name}: has {width} x {height} pixels, more than the {max_pixels} allowed; "
            "scale it down"
        )


def to_one_channel(plane: NDArray[Any], name: str) -> NDArray[Any]:
    """Reduce a plane with equal channels to one channel.

    Parameters
    ----------
    plane : ndarray
        (h, w) or (h, w, n); a fourth channel is opacity and is ignored.
    name : str
        The file, for messages.

    Returns
    -------
    ndarray
        (h, w).

    Raises
    ------
    InputError
        Where the channels differ: a photo, or depth in false colors.
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


def decode_picture_depth(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode a PNG or TIFF of one channel, or of equal channels.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    ndarray
        (h, w) as stored; downsampled if it is large.

    Raises
    ------
    InputError
        For too many pixels and for pictures with colors.
    ValueError
        For damaged files; errors of Pillow are passed on.
    """
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
    return _sample_bands(image, name)


def _needs_opencv(content: bytes) -> bool:
    """Whether a picture has 16-bit colors, of which Pillow keeps 8 bits, or 64-bit floats."""
    if content.startswith(PNG_SIGNATURE):
        return content[24:25] == b"\x10" and content[25:26] in (b"\x02", b"\x06")
    bits = _tag(content, 258)
    return bits == 64 or (bits == 16 and _tag(content, 277) > 1)


def _sample_bands(image: Image, name: str) -> NDArray[Any]:
    width, height = image.size

    def read(top: int, bottom: int) -> NDArray[Any]:
        band = np.asarray(image.crop((0, top, width, bottom)))
        return to_one_channel(band, name) if band.ndim == 3 else band

    return Downsampler(height, width).sample_bands(read)


def _decode_with_opencv(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode what Pillow cannot read. A PNG is checked first, for libpng warns on stderr."""
    import cv2

    if content.startswith(PNG_SIGNATURE):
        width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        _check_chunks(content)
    else:
        width, height = _tag(content, 256), _tag(content, 257)
    check_depth_size(width, height, name, min(max_pixels, _MAX_OPENCV_PIXELS))
    found: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape[:2] != (height, width):
        raise ValueError
    return Downsampler(height, width).of(to_one_channel(found, name))


def _check_chunks(content: bytes) -> None:
    """Raise ValueError unless every chunk of a PNG is complete and has a correct checksum."""
    at = 8
    while content[at + 4 : at + 8] != b"IEND":
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            raise ValueError
        if end + 4 >= len(content):
            raise ValueError
        at = end + 4


def _tag(content: bytes, wanted: int) -> int:
    """The first value of a tag in the first directory of a TIFF; 0 without the tag."""
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


def decode_pgm_depth(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode a PGM, binary or as text.

    Numbers are not scaled by the maximum in the header: they are millimeters.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    ndarray
        (h, w), uint8, or uint16 where the maximum is above 255; downsampled if it is large.

    Raises
    ------
    InputError
        For too many pixels, and for too much text.
    ValueError
        For damaged files.
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
    width, height, maximum = words
    check_depth_size(width, height, name, max_pixels)
    if not 0 < maximum < 65536:
        raise ValueError
    is_8bit = maximum < 256
    if kind == b"P2":
        if len(content) > _MAX_TEXT_BYTES:
            raise InputError(f"{name}: is too large for numbers as text; save it as binary PGM")
        numbers = np.array(content[start:].split()[: width * height], np.int64)
        values = numbers.astype(np.uint8 if is_8bit else np.uint16).reshape(height, width)
        return Downsampler(height, width).of(values)
    plane = np.frombuffer(content, "u1" if is_8bit else ">u2", width * height, start + 1)
    return (
        Downsampler(height, width)
        .of(plane.reshape(height, width))
        .astype(np.uint8 if is_8bit else np.uint16)
    )
