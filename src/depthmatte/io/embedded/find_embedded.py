"""What a photo's own file holds beside its pixels: depth, a matte, a second view, a camera.

The one door of SPEC row B2; every format has a file beside this one. Whatever is damaged
counts as absent: broken evidence never costs the photo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..photo import exif
from .result import EmbeddedData, try_finder

if TYPE_CHECKING:
    from PIL.Image import Exif


def find_embedded(content: bytes, shape: tuple[int, int], tags: Exif) -> EmbeddedData:
    """All that a file's bytes hold for a photo of `shape` (h, w) pixels as decoded.

    `tags` are the photo's EXIF. The result lies on the decoded pixels, before the EXIF
    orientation turns them: `Findings.upright` turns it too.
    """
    finder: Callable[..., EmbeddedData | None] | None = None
    if content[:2] == b"\xff\xd8":
        # Here, not above: each of them brings readers that other files do not need.
        from . import jpeg

        finder = jpeg.find_jpeg_data
    elif content[4:8] == b"ftyp":
        from . import heif

        finder = heif.find_heif_data
    found = try_finder(finder, content, shape, tags) if finder else None
    return found or EmbeddedData(camera=try_finder(exif.camera_from_exif, tags, shape))
