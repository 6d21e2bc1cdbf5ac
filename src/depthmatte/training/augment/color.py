"""Augmentation that changes the colors of a photo and moves nothing.

Every function takes a NumPy generator first. RGB is uint8 (H, W, 3).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...types import RGB
from ..types import Rng
from .geometry import Stack
from .options import DEFAULT_COLOR, ColorAugmentation, HiddenRegion

_DEFAULT_HIDDEN = HiddenRegion()


def random_tone(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Exposure, contrast, gamma and white balance through one table a channel."""
    ramp = np.linspace(0, 1, 256)
    ramp = ramp ** np.exp(rng.normal(0, color.gamma_spread))
    ramp = (ramp - 0.5) * np.exp(rng.normal(0, color.contrast_spread)) + 0.5
    ramp = ramp + rng.normal(0, color.brightness_spread)
    gains = np.exp(rng.normal(0, color.white_balance_spread, 3))
    table = np.clip(ramp[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(rgb), table[None]), np.uint8)


def random_saturation(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Between gray and vivid; sometimes gray."""
    gray = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    amount = 0.0 if rng.random() < color.gray_share else rng.uniform(*color.saturation)
    return np.asarray(cv2.addWeighted(rgb, amount, gray, 1 - amount, 0), np.uint8)


def random_low_light(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Low light: fewer photons, more noise."""
    dim = rgb.astype(np.float32) * np.float32(rng.uniform(*color.low_light_gain))
    noise = rng.standard_normal(rgb.shape, np.float32) * np.sqrt(dim + 1)
    noise = noise * rng.uniform(*color.low_light_noise)
    return np.asarray(np.clip(dim + noise, 0, 255), np.uint8)


def random_blur(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Out of focus or shaken."""
    if rng.random() < color.defocus_share:
        sigma = rng.uniform(*color.defocus_sigma)
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    size = int(rng.integers(*color.shake_length, endpoint=True))
    across = rng.random() < color.shake_across_share
    return np.asarray(cv2.blur(rgb, (size, 1) if across else (1, size)), np.uint8)


def random_noise(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Sensor noise."""
    grain = rng.standard_normal(rgb.shape, np.float32)
    noise = grain * np.float32(rng.uniform(*color.noise_sigma))
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def random_jpeg(rng: Rng, rgb: RGB, color: ColorAugmentation = DEFAULT_COLOR) -> RGB:
    """Packed as JPEG and unpacked."""
    quality = int(rng.integers(*color.jpeg_quality, endpoint=True))
    packed = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def random_color(
    rng: Rng, rgb: RGB, strength: float = 1.0, color: ColorAugmentation = DEFAULT_COLOR
) -> RGB:
    """All photometric steps, each with its own chance times `strength`."""
    rgb = np.ascontiguousarray(rgb)
    steps = (
        (random_tone, color.tone_chance),
        (random_saturation, color.saturation_chance),
        (random_low_light, color.low_light_chance),
        (random_blur, color.blur_chance),
        (random_noise, color.noise_chance),
        (random_jpeg, color.jpeg_chance),
    )
    for step, often in steps:
        if rng.random() < often * strength:
            rgb = step(rng, rgb, color)
    return rgb


def obscure_region(rng: Rng, stack: Stack, region: HiddenRegion = _DEFAULT_HIDDEN) -> Stack:
    """Blur or paint over an oval of the person (first truth), mostly where the face is.

    People with hidden faces are people: pixelated, masked, turned away.
    """
    mask = stack.truths[0]
    rows, columns = np.nonzero(mask > 127)
    if not rows.size:
        return stack
    top, height = rows.min(), rows.max() - rows.min() + 1
    part = region.upper_part if rng.random() < region.upper_share else 1.0
    upper = np.flatnonzero(rows < top + part * height)
    spot = int(rng.choice(upper))
    size = np.sqrt(rows.size)
    axes = [max(2, round(size * share)) for share in rng.uniform(*region.half_axes, 2)]
    oval = np.zeros(mask.shape, np.float32)
    center = (int(columns[spot]), int(rows[spot]))
    cv2.ellipse(oval, center, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    if rng.random() < region.blur_share:
        sigma = max(region.least_blur, size * rng.uniform(*region.blur))
        hidden = cv2.GaussianBlur(stack.rgb, (0, 0), sigma)
    else:
        hidden = np.broadcast_to(stack.rgb[oval > 0].mean(axis=0), stack.rgb.shape)
    mixed = stack.rgb + oval[..., None] * (hidden - stack.rgb.astype(np.float32))
    return replace(stack, rgb=np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8))
