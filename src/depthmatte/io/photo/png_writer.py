"""Write PNG about ten times faster than usual encoders, by the filter "up" and Intel's ISA-L.

Where `isal` is not installed, zlib compresses, three times slower. The picture is filtered and
compressed in bands of rows. Each band is an independent piece of the deflate stream. So several
threads can work, and the same picture always gives the same bytes.
"""

from __future__ import annotations

import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .png_chunks import PNG_SIGNATURE

if TYPE_CHECKING:
    from concurrent.futures import Future

_ZLIB_HEADER = b"\x78\x01"  # deflate, a window of 32 KB, fastest
_FILTER_UP = 2
_COLOR_TYPES = {1: 0, 3: 2, 4: 6}  # by channels: gray, RGB, RGBA
_INDEXED = 3

_BAND = 1 << 17
"""Bytes of pixels filtered and compressed together: they fit a processor's cache."""


class _BinaryWriter(Protocol):
    """An open binary file; only `write` is used."""

    def write(self, content: bytes, /) -> object:
        """Write all of `content`."""


def write_png(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    file: _BinaryWriter,
    icc: bytes | None = None,
    exif: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    threads: int = 1,
    palette: bytes = b"",
) -> None:
    """Write a picture as PNG.

    Only a few bands of the picture are copied at a time.

    Parameters
    ----------
    array : ndarray
        uint8 or uint16, (H, W), (H, W, 3) or (H, W, 4) with straight alpha.
    file : binary file
        Open for writing.
    icc : bytes, optional
        An ICC profile.
    exif : bytes, optional
        EXIF, with or without its "Exif" header.
    dpi : tuple of float, optional
        Pixels per inch (across, down).
    threads : int
        Threads that compress.
    palette : bytes
        Red, green and blue of each code of a gray picture of 8 bits, which is then indexed.
    """
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    depth = array.dtype.itemsize * 8
    sizes = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    color_type = _INDEXED if palette else _COLOR_TYPES[channels]
    file.write(PNG_SIGNATURE + _chunk(b"IHDR", sizes + bytes((depth, color_type, 0, 0, 0))))
    if icc:
        file.write(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if dpi:
        per_meter = b"".join(round(number / 0.0254).to_bytes(4, "big") for number in dpi)
        file.write(_chunk(b"pHYs", per_meter + b"\x01"))
    if exif:
        file.write(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if palette:
        file.write(_chunk(b"PLTE", palette))
    deflate, checksum = _compressor()
    total = 1
    lead = _ZLIB_HEADER
    for band, packed in _compress_bands(deflate, _filter_bands(array), threads):
        total = checksum(band, total)
        file.write(_chunk(b"IDAT", lead + packed))
        lead = b""
    file.write(_chunk(b"IDAT", b"\x03\x00" + total.to_bytes(4, "big")))  # an empty last block
    file.write(_chunk(b"IEND", b""))


def encode_indexed_png(codes: NDArray[np.uint8], colors: Sequence[tuple[int, int, int]]) -> bytes:
    """Encode a map of codes as PNG with a palette.

    Parameters
    ----------
    codes : ndarray
        uint8 (H, W), each below the number of colors.
    colors : sequence of tuple of int
        At most 256 colors in sRGB, from 0 to 255.

    Returns
    -------
    bytes
        The file. Its pixels are the codes; viewers show the colors.
    """
    file = io.BytesIO()
    write_png(codes, file, palette=bytes(level for color in colors for level in color))
    return file.getvalue()


def _filter_bands(array: NDArray[Any]) -> Iterator[NDArray[np.uint8]]:
    """Bands of rows: in each row the filter's code, then the difference from the row above."""
    height = array.shape[0]
    size = array[0].nbytes
    rows = max(1, _BAND // size)
    above = np.zeros((1, size), np.uint8)
    for top in range(0, height, rows):
        pixels = _bytes(array[top : top + rows])
        band = np.empty((pixels.shape[0], 1 + size), np.uint8)
        band[:, 0] = _FILTER_UP
        np.subtract(pixels[:1], above, out=band[:1, 1:])
        np.subtract(pixels[1:], pixels[:-1], out=band[1:, 1:])
        above = pixels[-1:].copy()
        yield band


def _bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Rows of pixels as PNG stores them: big-endian."""
    order = rows.dtype.newbyteorder(">") if rows.dtype.itemsize > 1 else rows.dtype
    stored = np.ascontiguousarray(rows, order)
    return stored.reshape(len(stored), -1).view(np.uint8)


_Deflate = Callable[[NDArray[np.uint8]], bytes]


def _compressor() -> tuple[_Deflate, Callable[[Any, int], int]]:
    """The functions that compress a band to raw deflate, and that update its Adler-32 checksum."""
    try:
        from isal import isal_zlib
    except ImportError:
        return _by_zlib, zlib.adler32

    def by_isal(band: NDArray[np.uint8]) -> bytes:
        # -15: raw deflate without header and checksum; the checksum covers the whole picture.
        packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        return bytes(packer.compress(band) + packer.flush(isal_zlib.Z_FULL_FLUSH))

    return by_isal, isal_zlib.adler32


def _by_zlib(band: NDArray[np.uint8]) -> bytes:
    # Run lengths suit differences of rows best: this is the fastest mode, and small too.
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return packer.compress(band.data) + packer.flush(zlib.Z_FULL_FLUSH)


def _compress_bands(
    deflate: _Deflate, bands: Iterable[NDArray[np.uint8]], threads: int
) -> Iterator[tuple[NDArray[np.uint8], bytes]]:
    """Yield each band and its compressed bytes, in order; `threads` bands are worked on at once."""
    if threads <= 1:
        yield from ((band, deflate(band)) for band in bands)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[tuple[NDArray[np.uint8], Future[bytes]]] = deque()
    with ThreadPoolExecutor(threads) as workers:
        for band in bands:
            waiting.append((band, workers.submit(deflate, band)))
            if len(waiting) > 2 * threads:
                first, packed = waiting.popleft()
                yield first, packed.result()
        while waiting:
            first, packed = waiting.popleft()
            yield first, packed.result()


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
