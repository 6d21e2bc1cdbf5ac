"""Smooth the portrait's skin gently, even its tone and brighten it a little."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import resize, scale_shape
from ..color.icc import convert_to_srgb
from ..color.linear_light import rgb_to_luma
from ..filters import box_filter, gaussian_filter, guided_coefficients
from ..restore import restore_shares
from ..system.row_strips import row_strips
from ..types import RGB, Float
from .effect import Effect, Pixels, PortraitLike, option

_MAX_PIXELS = 500_000
"""Pixels at most at which the change is computed. Finer texture is kept."""

_RADIUS_DIAGONAL_SHARE = 0.006
"""Radius of the smoothing, as a share of the photo's diagonal."""

_TEXTURE_VARIANCE = 0.003
"""Variance of luma, in [0, 1], that counts as texture. Eyes, lips and outlines vary more."""

_HALF_WEIGHT_VARIANCE = 0.004
"""Variance of luma, in [0, 1], at which a pixel is changed by half."""

_PORES_RADIUS_SHARE = 0.25
"""Standard deviation of the blur that parts pores from blotches, as a share of the radius."""

_PORES_KEPT = 0.6
"""Share of what is finer than that blur which full strength keeps: skin without it is plastic."""

_TONE_RADIUS_FACTOR = 4.0
"""Radius within which the tone is evened, as a factor on the radius of the smoothing."""

_TONE_EVENED = 0.6
"""Share of the difference from the tone around that full strength takes away."""

_TONE_VARIANCE = 1e-3
"""Variance of a channel without luma, in [0, 1], that counts as uneven tone. Lips vary more."""

_OWN_TONE_DIAGONAL_SHARE = 0.08
"""Standard deviation of the blur that gives the skin's own color, as a share of the diagonal."""

_OWN_TONE_NEAR, _OWN_TONE_FAR = 0.022, 0.06
"""Distance in the shares of red and green from the skin's own color up to which a pixel is changed
in full, and from which it is kept: lips, teeth, eyes, brows, glasses."""

_FACE_TONE_NEAR, _FACE_TONE_FAR = 0.05, 0.1
"""The same distance of body skin from the face. Hands are a little redder, warm shirts far off."""

_SOLID_FACE = 0.8
"""Share of the face from which a pixel gives its color."""

_DARK_SUM = 0.15
"""What is added to the sum of the channels, in [0, 3], of which shares are taken."""

_LEAST_CHANGE = 0.4 / 255
"""Change below which a pixel is not touched: it would be rounded away."""

_BRIGHTENING = 0.05
"""Largest increase of sRGB values, in [0, 1], at full strength."""


@dataclass(frozen=True)
class Beautify(Effect):
    """Smoother, more even, slightly brighter skin inside the portrait; the rest stays unchanged.

    The network of parts says where skin is: face skin and body skin. Eyes, lips, teeth and pores
    stay. A portrait that has no network of parts goes by the color of skin instead. Without a
    person in the photo the photo is returned unchanged.

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
        change = portrait_skin_change(portrait) * np.float32(255 * self.strength)
        picture = rgb.copy()
        columns = _changed_columns(change, rgb.shape[1])
        for rows in row_strips(rgb.shape[0]):
            part = _enlarge(change, rgb.shape[:2], rows, columns)
            if part is not None:
                part *= alpha[rows, columns, None]
                # Rounds and clips in one pass.
                picture[rows, columns] = cv2.add(rgb[rows, columns], part, dtype=cv2.CV_8U)
        return picture


def _changed_columns(change: Float, width: int) -> slice:
    """The columns of a photo of this width that a map (h, w, 3) changes; all of them lie inside."""
    used = np.flatnonzero(change.any(axis=(0, 2)))
    if not used.size:
        return slice(0, 0)
    across = width / change.shape[1]
    return slice(
        max(0, int((used[0] - 1) * across)), min(width, int(np.ceil((used[-1] + 2) * across)))
    )


def _enlarge(change: Float, shape: tuple[int, int], rows: slice, columns: slice) -> Float | None:
    """A part of a map (h, w, 3) enlarged to `shape`, bilinear; None where it is 0."""
    if change.shape[:2] == shape:
        part = change[rows, columns].copy()
        return part if part.any() else None
    down, across = change.shape[0] / shape[0], change.shape[1] / shape[1]
    first = max(0, int((rows.start + 0.5) * down - 0.5))
    last = min(len(change), int((rows.stop - 0.5) * down - 0.5) + 2)
    if not change[first:last].any():
        return None
    matrix = np.array(
        [
            [across, 0, (columns.start + 0.5) * across - 0.5],
            [0, down, (rows.start + 0.5) * down - 0.5 - first],
        ],
        np.float32,
    )
    enlarged = cv2.warpAffine(
        change[first:last],
        matrix,
        (columns.stop - columns.start, rows.stop - rows.start),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(enlarged, np.float32)


def portrait_skin_change(portrait: PortraitLike) -> Float:
    """Change of the skin of a portrait: what it keeps as `skin_change`, else measured now.

    Returns
    -------
    ndarray
        As `measure_skin_change`, to be read only.
    """
    kept: Float | None = getattr(portrait, "skin_change", None)
    return measure_skin_change(portrait) if kept is None else kept


def measure_skin_change(portrait: PortraitLike) -> Float:
    """Measure what full strength adds to the color channels.

    Skin and luma are measured in sRGB, because the thresholds hold for sRGB values.

    Parameters
    ----------
    portrait : PortraitLike
        The portrait.

    Returns
    -------
    ndarray
        float32 (h, w, 3) at a reduced size, as shares of the full range.
    """
    photo = portrait.photo
    height, width = photo.rgb.shape[:2]
    shape = scale_shape((height, width), min(1.0, (_MAX_PIXELS / (height * width)) ** 0.5))
    pixels = convert_to_srgb(np.asarray(resize(photo.rgb, shape), np.uint8), photo.meta.icc)
    small = pixels.astype(np.float32) * np.float32(1 / 255)
    diagonal = float(np.hypot(*shape))
    radius = max(1, round(_RADIUS_DIAGONAL_SHARE * diagonal))
    luma = rgb_to_luma(small)
    blurred = gaussian_filter(small, max(1.0, radius / 3))
    skin = _find_skin(portrait, pixels, blurred) * resize(portrait.opacity, shape)
    weight = skin * _own_tone_weight(blurred, skin, diagonal) * _smooth_area_weight(luma, radius)
    weight = gaussian_filter(weight, radius / 2)
    change = _even_tone(small, luma, skin, max(1, round(_TONE_RADIUS_FACTOR * radius)))
    change += _smooth_luma(small, luma, radius)[..., None]
    change *= weight[..., None]
    change[np.abs(change).max(axis=2) < _LEAST_CHANGE] = 0
    return np.asarray(change, np.float32)


def _find_skin(portrait: PortraitLike, pixels: RGB, blurred: Float) -> Float:
    """Where skin is, float32 (h, w) in [0, 1]: from the parts, else by its color."""
    shares = portrait.part_shares
    if shares is None:
        return skin_likelihood(blurred)
    face, body = restore_shares(shares, pixels, ("face_skin", "body_skin"))
    return np.asarray(face + body * _face_tone_weight(blurred, face), np.float32)


def _face_tone_weight(blurred: Float, face: Float) -> Float:
    """1 where a pixel has about the color of the face, 0 far from it; 1 everywhere without a face.

    The network sometimes takes warm clothes for skin.
    """
    solid = face > np.float32(_SOLID_FACE)
    tones = _color_shares(blurred)
    if not solid.any():
        return np.ones_like(face)
    apart = tones - np.median(tones[solid], axis=0)
    return _fall(np.hypot(apart[..., 0], apart[..., 1]), _FACE_TONE_NEAR, _FACE_TONE_FAR)


def _color_shares(blurred: Float) -> Float:
    """Shares of red and green in the sum of the channels, float32 (h, w, 2).

    They hardly depend on how light the skin is. Where it is very dark they would be noise, so a
    constant is added to the sum.
    """
    total = _sum_channels(blurred) + np.float32(_DARK_SUM)
    return np.asarray(blurred[..., :2] / total[..., None], np.float32)


def _fall(distance: Float, near: float, far: float) -> Float:
    """1 up to `near`, falling to 0 at `far`."""
    return np.asarray(np.clip((far - distance) / (far - near), 0, 1), np.float32)


def _smooth_luma(small: Float, luma: Float, radius: int) -> Float:
    """What is added to luma: wrinkles and blotches go, edges and most of the pores stay.

    The skin gets brighter by its smooth luma, so that dark skin does not gain contrast.
    """
    a, b = guided_coefficients(small, luma, radius, _TEXTURE_VARIANCE)
    smooth = _sum_channels(a * small) + b
    pores = luma - gaussian_filter(luma, _PORES_RADIUS_SHARE * radius)
    glow = np.float32(4 * _BRIGHTENING) * smooth * (1 - smooth)
    return np.asarray(smooth - luma + np.float32(_PORES_KEPT) * pores + glow, np.float32)


def _even_tone(small: Float, luma: Float, skin: Float, radius: int) -> Float:
    """What evening the tone adds to each channel, float32 (h, w, 3); luma stays.

    Each channel without luma moves towards its mean over the skin around, less so where it varies
    much: the guided filter of a channel by itself, with the skin as weights.
    """
    tone = small - luma[..., None]
    mass = box_filter(skin, radius) + np.float32(1e-3)
    mean = box_filter(tone * skin[..., None], radius) / mass[..., None]
    square = box_filter(tone * tone * skin[..., None], radius) / mass[..., None]
    variance = np.maximum(square - mean * mean, 0)
    kept = variance / (variance + np.float32(_TONE_VARIANCE))
    change = np.float32(_TONE_EVENED) * (1 - kept) * (mean - tone)
    return np.asarray(change - rgb_to_luma(change)[..., None], np.float32)


def _own_tone_weight(blurred: Float, skin: Float, diagonal: float) -> Float:
    """1 where a pixel has about the color of the skin around, 0 on lips, teeth, eyes and brows."""
    shares = _color_shares(blurred)
    sigma = _OWN_TONE_DIAGONAL_SHARE * diagonal / 8
    shape = scale_shape(skin.shape, 1 / 8)
    mass = gaussian_filter(np.asarray(resize(skin, shape), np.float32), sigma) + np.float32(1e-4)
    own = gaussian_filter(np.asarray(resize(shares * skin[..., None], shape), np.float32), sigma)
    apart = shares - resize(np.asarray(own / mass[..., None], np.float32), skin.shape)
    return _fall(np.hypot(apart[..., 0], apart[..., 1]), _OWN_TONE_NEAR, _OWN_TONE_FAR)


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
