"""Smooth the portrait's skin gently and brighten it a little."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import resize, scale_shape
from ..color.icc import convert_to_srgb
from ..color.linear_light import rgb_to_luma
from ..filters import box_filter, gaussian_filter, guided_coefficients
from ..system.row_strips import row_strips
from ..types import RGB, Float
from .effect import Effect, Pixels, PortraitLike, option

_MAX_PIXELS = 1_000_000
"""Pixels at most at which the change is computed. Finer texture is kept."""

_RADIUS_DIAGONAL_SHARE = 0.006
"""Radius of the smoothing, as a share of the photo's diagonal."""

_TEXTURE_VARIANCE = 0.003
"""Variance of luma, in [0, 1], that counts as texture. Eyes, lips and outlines vary more."""

_HALF_WEIGHT_VARIANCE = 0.004
"""Variance of luma, in [0, 1], at which a pixel is changed by half."""

_BRIGHTENING = 0.05
"""Largest increase of sRGB values, in [0, 1], at full strength."""


@dataclass(frozen=True)
class Beautify(Effect):
    """Smoother, slightly brighter skin inside the portrait; the rest stays unchanged.

    Only the luma of skin-colored pixels changes, and edges stay. Without a person in the photo
    the photo is returned unchanged.

    Parameters
    ----------
    strength : float
        From 0, no change, to 1.
    """

    strength: float = option(0.5, "how strongly skin is evened out", 0, 1)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The photo with smoother skin, uint8 (H, W, 3); at strength 0 a copy of the photo."""
        rgb, alpha = portrait.photo.rgb, portrait.opacity
        if self.strength == 0 or not portrait.found:
            return rgb.copy()
        change = resize(
            portrait_skin_change(portrait) * np.float32(255 * self.strength), rgb.shape[:2]
        )
        picture = np.empty_like(rgb)
        for rows in row_strips(rgb.shape[0]):
            brighter = rgb[rows] + (change[rows] * alpha[rows])[..., None]
            picture[rows] = np.rint(np.clip(brighter, 0, 255)).astype(np.uint8)
        return picture


def portrait_skin_change(portrait: PortraitLike) -> Float:
    """Change of the skin of a portrait: what it keeps as `skin_change`, else measured now.

    Returns
    -------
    ndarray
        As `measure_skin_change`, to be read only.
    """
    kept: Float | None = getattr(portrait, "skin_change", None)
    if kept is not None:
        return kept
    return measure_skin_change(portrait.photo.rgb, portrait.opacity, portrait.photo.meta.icc)


def measure_skin_change(rgb: RGB, alpha: Float, profile: bytes | None) -> Float:
    """Measure what full strength adds to every color channel.

    Skin and luma are measured in sRGB, because the thresholds hold for sRGB values.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        float32 (H, W) in [0, 1].
    profile : bytes or None
        ICC profile of the photo; None for sRGB.

    Returns
    -------
    ndarray
        float32 (h, w) at a reduced size, as a share of the full range.
    """
    height, width = rgb.shape[:2]
    shape = scale_shape((height, width), min(1.0, (_MAX_PIXELS / (height * width)) ** 0.5))
    small = convert_to_srgb(resize(rgb, shape), profile).astype(np.float32) * np.float32(1 / 255)
    luma, radius = (
        rgb_to_luma(small),
        max(1, round(_RADIUS_DIAGONAL_SHARE * float(np.hypot(*shape)))),
    )
    a, b = guided_coefficients(small, luma, radius, _TEXTURE_VARIANCE)
    smooth = _sum_channels(a * small) + b
    glow = np.float32(4 * _BRIGHTENING) * luma * (1 - luma)
    weight = (
        skin_likelihood(gaussian_filter(small, radius / 3))
        * _smooth_area_weight(luma, radius)
        * resize(alpha, shape)
    )
    return np.asarray(gaussian_filter(weight, radius / 2) * (smooth - luma + glow), np.float32)


def _smooth_area_weight(luma: Float, radius: int) -> Float:
    """1 where luma hardly varies, near 0 on hair, eyes, lips and outlines."""
    mean = box_filter(luma, radius)
    variance = np.maximum(box_filter(luma * luma, radius) - mean * mean, 0)
    return np.asarray(
        _HALF_WEIGHT_VARIANCE / (variance + np.float32(_HALF_WEIGHT_VARIANCE)), np.float32
    )


def skin_likelihood(rgb: Float) -> Float:
    """How much each pixel looks like skin.

    The measure is the share of red and green in the sum of the channels, which hardly depends
    on how light or dark the skin is.

    Parameters
    ----------
    rgb : ndarray
        sRGB, float32 (h, w, 3) in [0, 1].

    Returns
    -------
    ndarray
        float32 (h, w) in [0, 1].
    """
    total = _sum_channels(rgb) + np.float32(1e-3)
    red, green = rgb[..., 0] / total, rgb[..., 1] / total
    warm = _bump(red, 0.345, 0.39, 0.5, 0.58)
    plain = _bump(green, 0.23, 0.28, 0.335, 0.36)
    lit = _bump(np.asarray(total / 3, np.float32), 0.05, 0.14, 0.95, 1.05)
    return warm * plain * lit


def _sum_channels(picture: Float) -> Float:
    """The sum of the channels, float32 (h, w). OpenCV is much faster here than NumPy."""
    return np.asarray(cv2.transform(picture, np.ones((1, 3), np.float32)), np.float32)


def _bump(values: Float, rise: float, top: float, edge: float, end: float) -> Float:
    """1 from `top` to `edge`, falling smoothly to 0 at `rise` and `end`."""
    up, down = (values - rise) / (top - rise), (end - values) / (end - edge)
    ramp = np.clip(np.minimum(up, down), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)
