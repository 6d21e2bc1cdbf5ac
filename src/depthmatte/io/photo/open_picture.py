"""Pictures opened by content, decoded by nobody yet, and whether decoding them fits in memory.

Nothing of the process is changed for it: no plugin of ours is registered with Pillow, and its
own limit of pixels, which belongs to the whole process, stays as the host set it. That limit is
not asked either, so the caller checks the size before it decodes.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import InputError
from . import exif

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PHOTO_PIXELS = 250_000_000
"""Pixels a picture may have unless the caller allows more: above what cameras make."""

_SMALL_FILE_BYTES = 5_000_000
"""Bytes under which a file may not cost more memory than MEMORY."""

_MAX_MEMORY_BYTES = 2_000_000_000
"""Bytes of memory that a small file may cost, the whole of a cut included."""

_PROGRAM_BYTES = 200_000_000  # of which the program itself takes
_CUT_BYTES_PER_PIXEL = 12  # bytes a pixel that a whole cut takes
_DECODER_BYTES_PER_PIXEL = {"JPEG2000": 20, "WEBP": 17, "AVIF": 14}  # of those that take more
_HDR_BYTES_PER_PIXEL = 20

_PLUGINS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "GIF": "Gif",
    "PPM": "Ppm",
    "JPEG2000": "Jpeg2K",
    "AVIF": "Avif",
}


def open_picture(file: BinaryIO, formats: Sequence[str]) -> Image | None:
    """A picture whose header is read and whose pixels are not.

    Parameters
    ----------
    file : binary file
        Seekable.
    formats : sequence of str
        Pillow's names of the formats to try, in order, and HEIF.

    Returns
    -------
    PIL.Image.Image or None
        None where the content is of none of these formats, or damaged at its start.

    Raises
    ------
    PIL.Image.DecompressionBombError
        Where a decoder itself refuses the number of pixels.
    """
    with exif.quiet_pillow():
        for name in formats:
            file.seek(0)
            start = file.read(16)
            file.seek(0)
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
                opened = _opened(name, file, start)
                if opened is not None:
                    return opened
    return None


def _opened(name: str, file: BinaryIO, start: bytes) -> Image | None:
    if name == "HEIF":
        import pillow_heif

        heif = start[4:8] == b"ftyp" and start[8:12] not in (b"avif", b"avis")
        return pillow_heif.HeifImageFile(file) if heif else None  # type: ignore[no-untyped-call]
    from PIL import Image

    importlib.import_module(f"PIL.{_PLUGINS[name]}ImagePlugin")
    factory, accepts = Image.OPEN[name]
    # A text is the reason why a format is not built into this Pillow.
    fits = accepts is None or accepts(start) is True
    return factory(file, "") if fits else None


def check_photo_size(
    image: Image, file_bytes: int, name: str, max_pixels: int, hdr: bool = False
) -> None:
    """Refuse a picture that is too large, before it is decoded.

    A small file may cost MEMORY at most, whatever it holds; a larger one 12 bytes a pixel, or
    MEMORY where its decoder takes more than that for each pixel. A caller who allows more than
    MAX_PIXELS has the memory.

    Parameters
    ----------
    image : PIL.Image.Image
        As `open_picture` gives it.
    size : int
        Bytes of its file.
    name : str
        Its name in messages.
    max_pixels : int
        Pixels allowed.
    hdr : bool
        Whether it is decoded with 16 bits.

    Raises
    ------
    InputError
        With the picture's size and the remedy.
    """
    width, height = image.size
    if width * height > max_pixels:
        raise InputError(
            f"{name}: has {width} x {height} pixels, more than the {max_pixels} allowed; "
            "scale it down"
        )
    decoding = (
        _HDR_BYTES_PER_PIXEL
        if hdr
        else _DECODER_BYTES_PER_PIXEL.get(image.format or "", _CUT_BYTES_PER_PIXEL)
    )
    if decoding <= _CUT_BYTES_PER_PIXEL and file_bytes >= _SMALL_FILE_BYTES:
        return
    most = (_MAX_MEMORY_BYTES - _PROGRAM_BYTES) // max(decoding, _CUT_BYTES_PER_PIXEL)
    if width * height > most and max_pixels <= MAX_PHOTO_PIXELS:
        raise InputError(
            f"{name}: has {width} x {height} pixels in {file_bytes / 1e6:.1f} MB, which would take more "
            f"than {_MAX_MEMORY_BYTES / 1e9:g} GB of memory; scale it to {most // 10**6} megapixels"
        )


def load_picture(image: Image) -> None:
    """Decode a picture; what TIFF's library has to say about damage stays unsaid."""
    if image.format != "TIFF":
        image.load()
        return
    with _libtiff_muted(), exif.quiet_pillow():
        image.load()


_muting = threading.Lock()
_muted = 0
_before: int | None = None


@contextlib.contextmanager
def _libtiff_muted() -> Iterator[None]:
    """Hold back the lines that libtiff writes to the process's stderr.

    libtiff calls a handler with each message; none is a handler too. It is looked up through
    Pillow's own extension, and so is that of the very copy that Pillow uses, and set back
    when the last thread is done. Errors still come back as exceptions. Where the library was
    built so that its functions cannot be seen, nothing is changed.
    """
    global _muted, _before
    setter = _handler_setter()
    if setter is None:
        yield
        return
    with _muting:
        if not _muted:
            _before = setter(None)
        _muted += 1
    try:
        yield
    finally:
        with _muting:
            _muted -= 1
            if not _muted:
                setter(_before)


def _handler_setter() -> Any | None:
    from PIL import _imaging

    if os.name != "posix":  # Windows does not show the functions of a library inside another
        return None
    try:
        setter = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (OSError, AttributeError):
        return None
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setter
