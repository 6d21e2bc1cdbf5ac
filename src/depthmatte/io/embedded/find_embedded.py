"""Find depth, matte, second view and camera inside a photo's file.

Each file format has a module of its own in this package. Damaged data counts as absent, so that
the photo itself can still be read. What was skipped is logged at DEBUG.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..damage import try_finder
from ..photo import exif
from .embedded_data import EmbeddedData

if TYPE_CHECKING:
    from PIL.Image import Exif


def find_embedded(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """Find everything in a file beside the pixels of its photo.

    Parameters
    ----------
    content : bytes
        The file.
    shape : tuple of int
        (h, w) of the photo as decoded, before its EXIF orientation is applied.
    tags : PIL.Image.Exif
        EXIF of the photo.

    Returns
    -------
    EmbeddedData
        On the decoded pixels; `EmbeddedData.apply_orientation` turns it upright.
    """
    finder: Callable[..., EmbeddedData | None] | None = None
    if content[:2] == b"\xff\xd8":
        # Here, not above: other files do not need these readers.
        from . import jpeg

        finder = jpeg.find_jpeg_data
    elif content[4:8] == b"ftyp":
        from . import heif

        finder = heif.find_heif_data
    found = try_finder(finder, content, shape, tags) if finder else None
    return found or EmbeddedData(camera=try_finder(exif.camera_from_exif, tags, shape))
