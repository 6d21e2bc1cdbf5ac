"""Match the light of a person to another scene.

The light of a scene is one color in linear light: the Minkowski mean of its pixels, "shades of
gray" (Finlayson and Trezzi, "Shades of Gray and Colour Constancy", CIC 2004). The ratio of two
lights is a gain for each channel.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..color.linear_light import linear_to_bytes, to_linear
from ..types import RGB

_SIDE_PX = 256
"""Longer side at which light is measured. It is a mean of all pixels, so that fewer do as well."""

_NORM = 6
"""Exponent of the mean, which the authors found best on photos with a measured light."""

_MAX_STOPS = 2.0
"""Largest change of a channel in photographic stops. More shows the noise of dark photos."""


def measure_light(rgb: RGB, profile: bytes | None) -> NDArray[np.float64]:
    """Measure the light of a scene.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3).
    profile : bytes or None
        Its ICC profile; None is sRGB.

    Returns
    -------
    ndarray
        Red, green and blue of the light, float64 (3,) in [0, 1], in linear light.
    """
    height, width = rgb.shape[:2]
    shape = scale_shape((height, width), min(1.0, _SIDE_PX / max(height, width)))
    linear = to_linear(np.asarray(resize(rgb, shape), np.uint8), profile).astype(np.float64)
    light: NDArray[np.float64] = np.mean(linear**_NORM, axis=(0, 1)) ** (1 / _NORM)
    return light


def match_light(colors: RGB, old: RGB, new: RGB, profile: bytes | None, strength: float) -> RGB:
    """Light colors as another scene is lit.

    Parameters
    ----------
    colors : ndarray
        Colors of the person, uint8 (H, W, 3).
    old, new : ndarray
        The photo that they come from and the new scene, uint8 (h, w, 3).
    profile : bytes or None
        The ICC profile of all three; None is sRGB.
    strength : float
        From 0, no change, to 1.

    Returns
    -------
    ndarray
        uint8 (H, W, 3). White stays white where the new light is brighter.
    """
    if strength == 0:
        return colors
    least = 1 / 255  # a black scene has no light to compare with
    lights = [np.maximum(measure_light(scene, profile), least) for scene in (old, new)]
    stops = np.clip(np.log2(lights[1] / lights[0]), -_MAX_STOPS, _MAX_STOPS)
    levels = to_linear(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1), profile)
    gains = np.exp2(strength * stops).astype(np.float32)
    # A shoulder instead of clipping: the slope is the gain at black, and white stays white.
    table = levels * gains / (1 + levels * np.maximum(gains - 1, 0))
    return np.asarray(cv2.LUT(colors, linear_to_bytes(table, profile)[None]), np.uint8)
