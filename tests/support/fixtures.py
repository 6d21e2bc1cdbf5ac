"""Pictures made by code: a scene whose every corner differs, encoded in every way we read."""

import contextlib
import io
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

ORIENTATION = 0x0112


def scene(height: int = 48, width: int = 32) -> NDArray[np.uint8]:
    """uint8 (H, W, 3): smooth, so that JPEG keeps it, and unlike itself turned or mirrored."""
    y, x = np.mgrid[:height, :width]
    red = 40 + 180 * x / max(width - 1, 1)
    green = 30 + 160 * y / max(height - 1, 1)
    blue = np.where((y < height // 3) & (x < width // 2), 220, 60)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def encode(picture: NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG of (H, W), (H, W, 3) RGB or (H, W, 4) RGBA."""
    order = {2: [], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[2] if pixels.ndim == 3 else 2]
    good, content = cv2.imencode(".png", pixels[..., order] if order else pixels)
    assert good
    return content.tobytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises width x height RGB pixels and holds none of them."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(64)))
        + _chunk(b"IEND", b"")
    )


def tiff(
    pixels: NDArray[Any],
    tags: dict[int, tuple[int, int]] | None = None,
    raw: bytes | None = None,
) -> bytes:
    """A little-endian one-strip gray TIFF, with tags {number: (type, value)} added or replaced.

    `raw` stands in for the strip where the pixels lie packed.
    """
    height, width = pixels.shape
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    raw = raw or pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    entries = {
        256: (4, width),
        257: (4, height),
        258: (3, pixels.itemsize * 8),
        259: (3, 1),
        262: (3, 1),
        273: (4, 8),
        277: (3, 1),
        278: (4, height),
        279: (4, len(raw)),
        339: (3, kind),
    } | (tags or {})
    rows = b"".join(
        struct.pack("<HHII", tag, form, 1, value) for tag, (form, value) in sorted(entries.items())
    )
    padded = raw + bytes(len(raw) % 2)
    return (
        b"II*\x00"
        + struct.pack("<I", 8 + len(padded))
        + padded
        + struct.pack("<H", len(entries))
        + rows
        + bytes(4)
    )


def exif(orientation: int | None = None, camera: str = "Pinhole 1") -> bytes:
    """EXIF with a camera, an exposure and a place, and an orientation if one is given."""
    tags = Image.Exif()
    tags[0x0110] = camera
    if orientation is not None:
        tags[ORIENTATION] = orientation
    tags[0x8769] = {0x829A: 0.01, 0xA002: 9, 0xA003: 9, 0x927C: b"maker's own"}
    tags[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0)}
    return tags.tobytes()


def stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """How a camera held in this way stores the pixels that should be seen as `upright`."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    return upright if undo is None else np.asarray(Image.fromarray(upright).transpose(undo))


@cache
def icc(space: str = "sRGB") -> bytes:
    """An ICC profile for RGB pixels, or with "LAB" one for others; made once, for it holds the
    second it was made in.
    """
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def gray_icc(gamma: float = 1.0) -> bytes:
    """The smallest ICC profile for gray pixels with this gamma."""

    def padded(content: bytes) -> bytes:
        return content + bytes(-len(content) % 4)

    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = padded(b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)))
    name = padded(b"desc" + bytes(4) + struct.pack(">I", 5) + b"gray\0" + bytes(78))
    parts = [(b"desc", name), (b"wtpt", white), (b"kTRC", curve)]
    place, table, body = 128 + 4 + 12 * len(parts), struct.pack(">I", len(parts)), b""
    for tag, content in parts:
        table += tag + struct.pack(">II", place + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sIII8sI12s4s44s",
        128 + len(table) + len(body),
        b"",
        0x02100000,
        b"mntr",
        b"GRAY",
        b"XYZ ",
        bytes(12),
        b"acsp",
        b"",
        0,
        0,
        0,
        bytes(8),
        0,
        struct.pack(">3i", 63190, 65536, 54061),
        b"",
        b"",
    )
    return header + table + body


@contextlib.contextmanager
def public_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Be a user whom file permissions bind, also where the tests run as root."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(me)
