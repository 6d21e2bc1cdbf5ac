"""Open pictures by content without decoding them, and check that decoding fits in memory.

No process-wide state is changed: no plugin is registered with Pillow, and Pillow's own limit of
pixels stays as it is. That limit is not checked here, so the caller checks the size before it
decodes.
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
"""Default limit of pixels: above what cameras make."""

_SMALL_FILE_BYTES = 5_000_000
"""Files below this size may not need more memory than `_MAX_MEMORY_BYTES`."""

_MAX_MEMORY_BYTES = 2_000_000_000
"""Memory that a small file may need, the whole cut included."""

_PROGRAM_BYTES = 200_000_000  # part of it for the program itself
_CUT_BYTES_PER_PIXEL = 12  # memory of a whole cut
_DECODER_BYTES_PER_PIXEL = {"JPEG2000": 20, "WEBP": 17, "AVIF": 14}  # decoders that need more
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
    """Open a picture: read its header, not its pixels.

    Parameters
    ----------
    file : binary file
        Seekable.
    formats : sequence of str
        Pillow's names of the formats to try, in order; also "HEIF".

    Returns
    -------
    PIL.Image.Image or None
        None where the content has none of these formats, or is damaged at its start.

    Raises
    ------
    PIL.Image.DecompressionBombError
        Where a decoder refuses the number of pixels.
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
    # A text says why the format is missing from this build of Pillow.
    fits = accepts is None or accepts(start) is True
    return factory(file, "") if fits else None


def check_photo_size(
    image: Image, file_bytes: int, name: str, max_pixels: int, hdr: bool = False
) -> None:
    """Refuse a picture that is too large, before it is decoded.

    A file below 5 MB may need 2 GB of memory at most. A larger file may need 12 bytes per
    pixel, or 2 GB where its decoder needs more per pixel. The memory is not limited where
    `max_pixels` is above MAX_PHOTO_PIXELS.

    Parameters
    ----------
    image : PIL.Image.Image
        As `open_picture` gives it.
    file_bytes : int
        Size of its file.
    name : str
        Its name in messages.
    max_pixels : int
        Pixels allowed.
    hdr : bool
        Whether it is decoded with 16 bits.

    Raises
    ------
    InputError
        Names the size of the picture and the remedy.
    """
    width, height = image.size
    if width * height > max_pixels:
        raise InputError(
            f"{name}: has {width} x {height} pixels, more than the {max_pixels} allowed; "
            "scale it down"
        )
    bytes_per_pixel = (
        _HDR_BYTES_PER_PIXEL
        if hdr
        else _DECODER_BYTES_PER_PIXEL.get(image.format or "", _CUT_BYTES_PER_PIXEL)
    )
    if bytes_per_pixel <= _CUT_BYTES_PER_PIXEL and file_bytes >= _SMALL_FILE_BYTES:
        return
    limit = (_MAX_MEMORY_BYTES - _PROGRAM_BYTES) // max(bytes_per_pixel, _CUT_BYTES_PER_PIXEL)
    if width * height > limit and max_pixels <= MAX_PHOTO_PIXELS:
        raise InputError(
            f"{name}: has {width} x {height} pixels in {file_bytes / 1e6:.1f} MB, which would "
            f"take more than {_MAX_MEMORY_BYTES / 1e9:g} GB of memory; "
            f"scale it to {limit // 10**6} megapixels"
        )


def load_picture(image: Image) -> None:
    """Decode a picture in place, without warnings of libtiff on stderr."""
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
    """Suppress the lines that libtiff writes to stderr.

    libtiff passes each message to a handler, which may be null. The handler is set through
    Pillow's extension module, which finds the copy of libtiff that Pillow uses. It is set back
    when the last thread is done. Errors are still raised. Where the functions of libtiff are
    not visible, nothing is changed.
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
    """The function of libtiff that sets its error handler; None where it is not visible."""
    from PIL import _imaging

    if os.name != "posix":  # on Windows the functions are not visible
        return None
    try:
        setter = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (OSError, AttributeError):
        return None
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setter
