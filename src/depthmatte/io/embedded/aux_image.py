"""Planes inside a photo's file: small PNG and JPEG pictures of depth, mattes and views."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..photo import exif
from .corrupt import CorruptFileError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PLANE_PIXELS = 32_000_000
"""Pixels a plane may have: above what phones store, so that a small file stays cheap."""


def decode_xmp_base64(text: str) -> bytes:
    """Base64 as XMP holds it: blanks inside and no padding are common."""
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise CorruptFileError("base64") from error


def decode_levels(content: bytes) -> NDArray[np.float32]:
    """A grey PNG or JPEG as float32 (h, w) in [0, 1]; of colour the grey is taken."""
    image = _opened(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32) / np.float32(65_535)
    return _to_gray(image).astype(np.float32) / np.float32(255)


def _to_gray(image: Image) -> NDArray[np.uint8]:
    """A loaded picture as uint8 (h, w)."""
    return np.array(image if image.mode == "L" else image.convert("L"))


def decode_gray(content: bytes) -> NDArray[np.uint8]:
    """A grey picture as stored, uint8 (h, w)."""
    return _to_gray(_opened(content))


def decode_second_view(content: bytes, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """A second photo inside the file, uint8 (h, w, 3); None unless it has this shape (h, w)."""
    image = _opened(content, shape)
    return None if image is None else np.array(image.convert("RGB"))


def encode_gray_png(levels: NDArray[np.uint8]) -> bytes:
    """Levels (h, w) as the bytes of a grey PNG."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _opened(content: bytes, shape: tuple[int, int] | None = None) -> Any:
    """A loaded picture, small or of the one shape (h, w) that is asked for, else None."""
    from PIL import Image

    with exif.quiet_pillow():
        image = Image.open(BytesIO(content), formats=("JPEG", "PNG"))
        if shape is not None and (image.height, image.width) != shape:
            return None
        if shape is None and image.width * image.height > MAX_PLANE_PIXELS:
            raise CorruptFileError(f"{image.width} x {image.height} pixels")
    image.load()
    return image
