"""HDR pictures toned to sRGB.

A PQ or HLG picture says how bright its light is. ITU-R BT.2408 (section 2.2) puts the white
of ordinary pictures at 203 cd/m², which is 58 % of PQ and 75 % of HLG. That becomes sRGB's
white: colors up to KNEE of it look the same as in an ordinary picture. What is brighter is
rolled off towards the brightest light in the picture, all three channels by one factor, so
that hues stay:

    f(m) = k + (1 - k) g((m - k) / (1 - k)),   g(x) = x (1 + x / p²) / (1 + x)

with m the largest channel, k the knee, and p the brightest m on the same scale, where g
reaches 1 (the extended curve of Reinhard et al., "Photographic Tone Reproduction for Digital
Images", 2002). Where nothing is brighter than white nothing is changed. Colors that sRGB does
not have are clipped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...color.tone_curves import rgb_to_xyz_matrix
from ...types import RGB, Float
from .cicp import TRANSFER_HLG, Cicp

_WHITE_NITS = 203.0
"""Light of white in cd/m² (BT.2408)."""

_KNEE_LEVEL = 0.9
"""Share of white's light up to which colors stay."""

_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2  # of the display that BT.2100 refers to
_ROWS = 128


def tone_map_to_srgb(levels: NDArray[np.uint16], cicp: Cicp) -> RGB:
    """Tone an HDR picture to sRGB.

    Parameters
    ----------
    levels : ndarray
        uint16 (h, w, 3), full range.
    cicp : Cicp
        What the levels mean, `hdr` of it true.

    Returns
    -------
    ndarray
        uint8 (h, w, 3), sRGB.
    """
    table = _light(cicp.transfer)
    own = rgb_to_xyz_matrix(cicp.primaries_xy, cicp.white_xy)
    srgb = Cicp(1, 13)
    across = (np.linalg.inv(rgb_to_xyz_matrix(srgb.primaries_xy, srgb.white_xy)) @ own).astype(
        np.float32
    )
    luminance = own[1].astype(np.float32)
    brightest = np.full((1, 1, 3), levels.max(), np.uint16)
    peak = float(_display_light(brightest, table, luminance, cicp.transfer).max())
    toned = np.empty(levels.shape, np.uint8)
    for top in range(0, levels.shape[0], _ROWS):
        rows = slice(top, top + _ROWS)
        light = _display_light(levels[rows], table, luminance, cicp.transfer) @ across.T
        toned[rows] = _encoded(_roll_off(light, peak))
    return toned


def _light(transfer: int) -> Float:
    """Of each level: PQ the light on a display, white as 1; HLG the light of the scene."""
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
    return np.asarray(light * scene ** (_HLG_GAMMA - 1) * (_HLG_PEAK / _WHITE_NITS), np.float32)


def _roll_off(light: Float, peak: float) -> Float:
    if peak <= 1:
        return light
    most = light.max(axis=-1, keepdims=True)
    x = np.maximum(most - _KNEE_LEVEL, 0) / (1 - _KNEE_LEVEL)
    p = (peak - _KNEE_LEVEL) / (1 - _KNEE_LEVEL)
    soft = _KNEE_LEVEL + (1 - _KNEE_LEVEL) * x * (1 + x / p**2) / (1 + x)
    return np.asarray(
        light * np.where(most > _KNEE_LEVEL, soft / np.maximum(most, _KNEE_LEVEL), 1), np.float32
    )


def _encoded(light: Float) -> RGB:
    """Linear light -> sRGB (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    curve = 1.055 * np.power(light, 1 / 2.4) - 0.055
    levels = np.rint(np.where(light <= 0.0031308, light * 12.92, curve) * 255)
    return np.asarray(levels, np.uint8)
