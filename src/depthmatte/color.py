"""sRGB and linear light (IEC 61966-2-1), and luma."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Float
from .photo import RGB

LUMA = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in luma (ITU-R BT.709)."""

_STEPS = 65535  # 16 bits keep the dark end, where one 8-bit step is 1 / 3295 of linear light


def to_linear(srgb: NDArray[Any]) -> Float:
    """sRGB -> linear light in [0, 1], any shape.

    uint8 input is read through a table; float input is in [0, 1] and computed exactly.
    """
    if srgb.dtype == np.uint8:
        return np.take(_byte_table(), srgb)
    values = np.asarray(srgb, np.float32)
    curve = np.power(np.maximum(values, 0) * np.float32(1 / 1.055) + np.float32(0.055 / 1.055), 2.4)
    return np.where(values <= 0.04045, values * np.float32(1 / 12.92), curve).astype(np.float32)


def to_srgb(linear: NDArray[Any]) -> Float:
    """Linear light in [0, 1] -> sRGB float32 in [0, 1], any shape; the inverse of `to_linear`."""
    values = np.asarray(linear, np.float32)
    curve = np.float32(1.055) * np.power(np.maximum(values, 0), 1 / 2.4) - np.float32(0.055)
    return np.where(values <= 0.0031308, values * np.float32(12.92), curve).astype(np.float32)


def to_bytes(linear: NDArray[Any]) -> RGB:
    """Linear light -> sRGB uint8, any shape; clipped to [0, 1] and rounded, through a table."""
    index = np.clip(np.asarray(linear, np.float32), 0, 1) * np.float32(_STEPS) + np.float32(0.5)
    return _linear_table()[index.astype(np.uint16)]


def luma(rgb: NDArray[Any]) -> Float:
    """Luma of (H, W, 3) sRGB: float32 (H, W), in [0, 1] for uint8 as for float input."""
    scale = 1 / 255 if rgb.dtype == np.uint8 else 1.0
    weights = np.array([[share * scale for share in LUMA]], np.float32)
    return np.asarray(cv2.transform(np.asarray(rgb, np.float32), weights), np.float32)


@cache
def _byte_table() -> Float:
    return to_linear(np.arange(256, dtype=np.float32) / np.float32(255))


@cache
def _linear_table() -> RGB:
    curve = to_srgb(np.arange(_STEPS + 1, dtype=np.float32) / np.float32(_STEPS))
    return np.rint(curve * 255).astype(np.uint8)
