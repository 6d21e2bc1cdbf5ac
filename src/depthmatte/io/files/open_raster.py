"""Write layers as OpenRaster: a ZIP of PNG files that GIMP, Krita and MyPaint open.

The format is the OpenRaster File Layout Specification 0.0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
from numpy.typing import NDArray

from ...photo import Meta
from ...types import RGB
from ..photo.photo_writer import encode_picture
from .zip_file import encode_zip

_THUMBNAIL_SIDE_PX = 256
"""Longer side of the thumbnail that the specification allows."""


class RasterLayer(NamedTuple):
    """One layer: its name, and uint8 (H, W, 3) or (H, W, 4) with straight alpha."""

    name: str
    picture: NDArray[np.uint8]


def encode_open_raster(layers: Sequence[RasterLayer], merged: RGB, meta: Meta) -> bytes:
    """Encode layers of equal size.

    Parameters
    ----------
    layers : sequence of RasterLayer
        From the top down, all of one size.
    merged : ndarray
        What is seen with all layers on, uint8 (H, W, 3).
    meta : Meta
        Color profile and resolution of the pictures.

    Returns
    -------
    bytes
        The file.
    """
    height, width = merged.shape[:2]
    stack = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        f'<image version="0.0.5" w="{width}" h="{height}">',
        "<stack>",
    ]
    files: dict[str, bytes] = {"mimetype": b"image/openraster"}  # the first, by the specification
    for number, layer in enumerate(layers):
        source = f"data/layer{number}.png"
        files[source] = encode_picture(layer.picture, "png", meta)
        stack.append(f'<layer name={quoteattr(layer.name)} src="{source}" x="0" y="0"/>')
    stack += ["</stack>", "</image>"]
    files["stack.xml"] = "\n".join(stack).encode()
    files["mergedimage.png"] = encode_picture(merged, "png", meta)
    files["Thumbnails/thumbnail.png"] = encode_picture(_shrink(merged), "png")
    return encode_zip(files)


def _shrink(picture: RGB) -> RGB:
    height, width = picture.shape[:2]
    scale = min(1.0, _THUMBNAIL_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
