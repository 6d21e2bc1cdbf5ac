"""The small picture of a portrait that a notebook shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..canvas import resize, scale_shape
from ..color.icc import convert_to_srgb

_PREVIEW_SIDE = 480
"""Longer side in pixels."""


def encode_preview(portrait: Any) -> bytes:
    """Return the cutout of a portrait as a small PNG."""
    from ..effects import Cutout
    from ..io.photo.photo_writer import encode_picture

    photo = portrait.photo
    shape = scale_shape(photo.shape, min(1.0, _PREVIEW_SIDE / max(photo.shape)))
    small = type(portrait).from_arrays(
        convert_to_srgb(np.asarray(resize(photo.rgb, shape), np.uint8), photo.meta.icc),
        np.asarray(np.clip(resize(portrait.alpha, shape), 0, 1), np.float32),
    )
    return encode_picture(Cutout()(small), "png")
