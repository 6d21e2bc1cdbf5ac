"""Convert pixels to linear light and back, and to luma.

sRGB follows IEC 61966-2-1. Other profiles follow their own tone curves.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import RGB, Float
from .icc import is_srgb_profile
from .tone_curves import CURVE_SAMPLES, read_tone_curves

_LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luma (ITU-R BT.709)."""

_STEPS = 65535  # 16 bits: in the dark one 8-bit step is only 1 / 3295 of linear light


def to_linear(srgb: NDArray[Any], profile: bytes | None = None) -> Float:
    """Convert pixels to linear light.

    Parameters
    ----------
    srgb : ndarray
        uint8 of any shape, converted by a table, or sRGB floats in [0, 1], computed exactly.
    profile : bytes or None
        The ICC profile of uint8 (..., 3): each channel has its own curve. A profile without
        curves counts as sRGB.

    Returns
    -------
    ndarray
        float32 of the same shape in [0, 1], with the primaries of the pixels.
    """
    if srgb.dtype == np.uint8:
        tables = _tables(profile)
        if tables is None:
            if srgb.ndim in (2, 3) and srgb.size:  # OpenCV is faster
                return np.asarray(cv2.LUT(srgb, _byte_table()), np.float32).reshape(srgb.shape)
            return np.take(_byte_table(), srgb)
        linear = np.empty(srgb.shape, np.float32)
        for channel, table in enumerate(tables.linear):
            linear[..., channel] = table[srgb[..., channel]]
        return linear
    values = np.asarray(srgb, np.float32)
    curve = np.power(np.maximum(values, 0) * np.float32(1 / 1.055) + np.float32(0.055 / 1.055), 2.4)
    return np.where(values <= 0.04045, values * np.float32(1 / 12.92), curve).astype(np.float32)


def linear_to_srgb(linear: NDArray[Any]) -> Float:
    """Convert linear light to sRGB; the inverse of `to_linear` for floats.

    Parameters
    ----------
    linear : ndarray
        Floats of any shape in [0, 1].

    Returns
    -------
    ndarray
        float32 of the same shape in [0, 1].
    """
    values = np.asarray(linear, np.float32)
    curve = np.float32(1.055) * np.power(np.maximum(values, 0), 1 / 2.4) - np.float32(0.055)
    return np.where(values <= 0.0031308, values * np.float32(12.92), curve).astype(np.float32)


def linear_to_bytes(linear: NDArray[Any], profile: bytes | None = None) -> RGB:
    """Convert linear light to uint8 pixels by a table; values are clipped and rounded.

    Parameters
    ----------
    linear : ndarray
        Floats of any shape; (..., 3) with a profile.
    profile : bytes or None
        As in `to_linear`; this is its inverse.

    Returns
    -------
    ndarray
        uint8 of the same shape.
    """
    tables = _tables(profile)
    values = np.clip(np.asarray(linear, np.float32), 0, 1)
    if tables is None:
        index = values * np.float32(_STEPS) + np.float32(0.5)
        return _linear_table()[index.astype(np.uint16)]
    index = (np.sqrt(values) * np.float32(_STEPS) + np.float32(0.5)).astype(np.uint16)
    pixels = np.empty(values.shape, np.uint8)
    for channel, table in enumerate(tables.pixels):
        pixels[..., channel] = table[index[..., channel]]
    return pixels


def rgb_to_luma(rgb: NDArray[Any]) -> Float:
    """Compute the luma (ITU-R BT.709 weights) of sRGB pixels.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3), uint8 or floats in [0, 1].

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1].
    """
    scale = 1 / 255 if rgb.dtype == np.uint8 else 1.0
    weights = np.array([[weight * scale for weight in _LUMA_WEIGHTS]], np.float32)
    return np.asarray(cv2.transform(np.asarray(rgb, np.float32), weights), np.float32)


@cache
def _byte_table() -> Float:
    return to_linear(np.arange(256, dtype=np.float32) / np.float32(255))


@cache
def _linear_table() -> RGB:
    curve = linear_to_srgb(np.arange(_STEPS + 1, dtype=np.float32) / np.float32(_STEPS))
    return np.rint(curve * 255).astype(np.uint8)


class _Tables(NamedTuple):
    """For each channel: linear light of each byte, and the byte of each root of linear light.

    Equal steps of the square root are finer in the dark, where pure power curves are steep.
    """

    linear: Float
    pixels: NDArray[np.uint8]


@lru_cache(maxsize=8)
def _tables(profile: bytes | None) -> _Tables | None:
    """The tables of a profile; None where it counts as sRGB."""
    if profile is None or is_srgb_profile(profile):
        return None
    curves = read_tone_curves(profile)
    if curves is None:
        return None
    level = np.linspace(0, 1, CURVE_SAMPLES)
    light = np.linspace(0, 1, _STEPS + 1) ** 2
    linear = np.stack([np.interp(np.arange(256) / 255, level, curve) for curve in curves])
    pixels = np.stack([np.rint(np.interp(light, curve, level) * 255) for curve in curves])
    return _Tables(linear.astype(np.float32), pixels.astype(np.uint8))
