"""Tone map HDR pictures (PQ, HLG) to sRGB.

PQ and HLG encode the brightness of light. ITU-R BT.2408 (section 2.2) places the white of
ordinary pictures at 203 cd/m², which is a signal of 58 % in PQ and 75 % in HLG. This becomes
the white of sRGB. Colors up to 90 % of white are kept. Brighter colors are rolled off toward
the brightest light in the picture. All three channels are scaled by one factor, so that hues
are kept:

    f(m) = k + (1 - k) g((m - k) / (1 - k)),   g(x) = x (1 + x / p²) / (1 + x)

with m the largest channel, k the knee, and p the brightest m on the same scale, where g
reaches 1 (the extended curve of Reinhard et al., "Photographic Tone Reproduction for Digital
Images", 2002). A picture without light above white is not changed. Colors outside sRGB are
clipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...color.tone_curves import rgb_to_xyz_matrix
from ...system.row_strips import row_strips
from ...types import RGB, Float
from .cicp import TRANSFER_HLG, Cicp

_WHITE_NITS = 203.0
"""Luminance of white in cd/m² (ITU-R BT.2408)."""

_KNEE_LEVEL = 0.9
"""Share of white up to which colors are kept."""

_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2  # of the reference display of ITU-R BT.2100
_ROWS = 128


def tone_map_to_srgb(
    levels: NDArray[np.uint16], cicp: Cicp, brightest_level: int | None = None
) -> RGB:
    """Tone map an HDR picture to sRGB.

    Parameters
    ----------
    levels : ndarray
        uint16 (h, w, 3), full range.
    cicp : Cicp
        Color code points of the levels, with `cicp.is_hdr`.
    brightest_level : int, optional
        Level that becomes 1. By default it is the brightest one of the picture. The frames of
        a video need one for all.

    Returns
    -------
    ndarray
        uint8 (h, w, 3), sRGB.
    """
    # Here, not above: reading a header should not load OpenCV.
    from ...color.linear_light import linear_to_srgb

    table = _level_to_light(cicp.transfer)
    to_xyz = rgb_to_xyz_matrix(cicp.primaries_xy, cicp.white_xy)
    srgb = Cicp(1, 13)
    srgb_to_xyz = rgb_to_xyz_matrix(srgb.primaries_xy, srgb.white_xy)
    to_srgb = (np.linalg.inv(srgb_to_xyz) @ to_xyz).astype(np.float32)
    luminance = to_xyz[1].astype(np.float32)
    largest = levels.max() if brightest_level is None else brightest_level
    brightest = np.full((1, 1, 3), largest, np.uint16)
    peak = float(_display_light(brightest, table, luminance, cicp.transfer).max())
    result = np.empty(levels.shape, np.uint8)
    for rows in row_strips(levels.shape[0], _ROWS):
        light = _display_light(levels[rows], table, luminance, cicp.transfer) @ to_srgb.T
        light = np.clip(_roll_off(light, peak), 0, 1)
        result[rows] = np.rint(linear_to_srgb(light) * 255)
    return result


def _level_to_light(transfer: int) -> Float:
    """Light of each 16-bit level: for PQ on a display, white as 1; for HLG of the scene."""
    signal = np.linspace(0, 1, 65_536)
    if transfer == TRANSFER_HLG:  # BT.2100, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(
            np.float32
        )
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128  # BT.2100, table 4
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return (light * (10_000 / _WHITE_NITS)).astype(np.float32)


def _display_light(
    levels: NDArray[np.uint16], table: Float, luminance: Float, transfer: int
) -> Float:
    """Light on a display, white as 1: float32 (h, w, 3)."""
    light = table[levels]
    if transfer != TRANSFER_HLG:
        return light
    scene = np.maximum(light @ luminance, 0)[..., None]
    return np.asarray(
        light * scene ** (_HLG_GAMMA - 1) * (_HLG_PEAK_NITS / _WHITE_NITS), np.float32
    )


def _roll_off(light: Float, peak: float) -> Float:
    """Compress light above the knee, so that `peak` becomes 1."""
    if peak <= 1:
        return light
    largest = light.max(axis=-1, keepdims=True)
    x = np.maximum(largest - _KNEE_LEVEL, 0) / (1 - _KNEE_LEVEL)
    p = (peak - _KNEE_LEVEL) / (1 - _KNEE_LEVEL)
    soft = _KNEE_LEVEL + (1 - _KNEE_LEVEL) * x * (1 + x / p**2) / (1 + x)
    factor = np.where(largest > _KNEE_LEVEL, soft / np.maximum(largest, _KNEE_LEVEL), 1)
    return np.asarray(light * factor, np.float32)
