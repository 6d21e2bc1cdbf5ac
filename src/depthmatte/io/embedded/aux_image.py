"""Decode pictures inside a photo's file: depth, mattes and second views as PNG or JPEG."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..damage import CorruptFileError
from ..photo import exif

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PLANE_PIXELS = 32_000_000
"""Limit of pixels of a plane: above what phones store, so that small files need little memory."""


def decode_xmp_base64(text: str) -> bytes:
    """Decode base64 as XMP holds it, with spaces and without padding.

    Parameters
    ----------
    text : str
        The encoded bytes.

    Returns
    -------
    bytes

    Raises
    ------
    CorruptFileError
        For other characters.
    """
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise CorruptFileError("base64") from error


def decode_levels(content: bytes) -> NDArray[np.float32]:
    """Decode a PNG or JPEG to gray levels.

    Parameters
    ----------
    content : bytes
        The picture; color is converted to gray.

    Returns
    -------
    ndarray
        float32 (h, w) in [0, 1].
    """
    image = _load(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32) / np.float32(65_535)
    return _to_gray(image).astype(np.float32) / np.float32(255)


def _to_gray(image: Image) -> NDArray[np.uint8]:
    """A loaded picture as uint8 (h, w)."""
    return np.array(image if image.mode == "L" else image.convert("L"))


def decode_gray(content: bytes) -> NDArray[np.uint8]:
    """Decode a PNG or JPEG to gray: uint8 (h, w)."""
    return _to_gray(_load(content))


def decode_second_view(content: bytes, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Decode a second photo inside the file.

    Parameters
    ----------
    content : bytes
        A PNG or JPEG.
    shape : tuple of int
        (h, w) of the main photo.

    Returns
    -------
    ndarray or None
        uint8 (h, w, 3); None where the picture has another shape.
    """
    image = _load(content, shape)
    return None if image is None else np.array(image.convert("RGB"))


def encode_gray_png(levels: NDArray[np.uint8]) -> bytes:
    """Encode levels (h, w) as a gray PNG."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _load(content: bytes, shape: tuple[int, int] | None = None) -> Any:
    """Load a picture of limited size, or of exactly `shape` (h, w); None for another shape."""
    from PIL import Image

    with exif.quiet_pillow():
        try:
            image = Image.open(BytesIO(content), formats=("JPEG", "PNG"))
        except Image.DecompressionBombError as error:
            raise CorruptFileError("more pixels than Pillow opens") from error
        if shape is not None and (image.height, image.width) != shape:
            return None
        if shape is None and image.width * image.height > MAX_PLANE_PIXELS:
            raise CorruptFileError(f"{image.width} x {image.height} pixels")
    image.load()
    return image
