"""Planes inside a photo's file: small PNG and JPEG pictures of depth, mattes and views."""

from __future__ import annotations

import base64
import binascii
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import exif
from .damaged import Damaged

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 80_000_000
"""Pixels a plane may have: above what phones store, below what Pillow warns of."""


def payload(text: str) -> bytes:
    """Base64 as XMP holds it: blanks inside and no padding are common."""
    packed = re.sub(r"\s+", "", text).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise Damaged("base64") from error


def levels(content: bytes) -> NDArray[np.float32]:
    """A grey PNG or JPEG as float32 (h, w) in [0, 1]; of colour the grey is taken."""
    image = _opened(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32) / np.float32(65_535)
    return grey(image).astype(np.float32) / np.float32(255)


def grey(image: Image) -> NDArray[np.uint8]:
    """A loaded picture as uint8 (h, w)."""
    return np.array(image if image.mode == "L" else image.convert("L"))


def matte(content: bytes) -> NDArray[np.uint8]:
    """A grey picture as stored, uint8 (h, w)."""
    return grey(_opened(content))


def view(content: bytes) -> NDArray[np.uint8]:
    """A second photo inside the file, uint8 (h, w, 3)."""
    return np.array(_opened(content).convert("RGB"))


def png(levels: NDArray[np.uint8]) -> bytes:
    """Levels (h, w) as the bytes of a grey PNG."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _opened(content: bytes) -> Any:
    from PIL import Image

    with exif.quiet():
        image = Image.open(BytesIO(content), formats=("JPEG", "PNG"))
        if image.width * image.height > LARGEST:
            raise Damaged(f"{image.width} x {image.height} pixels")
        image.load()
    return image
