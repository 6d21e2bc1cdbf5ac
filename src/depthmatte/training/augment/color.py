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


def random_tone(rng: Rng, rgb: RGB) -> RGB:
    """Exposure, contrast, gamma and white balance through one table a channel."""
    ramp = np.linspace(0, 1, 256)
    ramp = ramp ** np.exp(rng.normal(0, 0.2))
    ramp = (ramp - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.06)
    gains = np.exp(rng.normal(0, 0.06, 3))
    table = np.clip(ramp[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(rgb), table[None]), np.uint8)


def random_saturation(rng: Rng, rgb: RGB) -> RGB:
    """Between gray and vivid; sometimes gray."""
    gray = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    amount = 0.0 if rng.random() < 0.08 else rng.uniform(0.6, 1.4)
    return np.asarray(cv2.addWeighted(rgb, amount, gray, 1 - amount, 0), np.uint8)


def random_low_light(rng: Rng, rgb: RGB) -> RGB:
    """Low light: fewer photons, more noise."""
    dim = rgb.astype(np.float32) * np.float32(rng.uniform(0.15, 0.5))
    noise = rng.standard_normal(rgb.shape, np.float32) * np.sqrt(dim + 1) * rng.uniform(0.3, 1.0)
    return np.asarray(np.clip(dim + noise, 0, 255), np.uint8)


def random_blur(rng: Rng, rgb: RGB) -> RGB:
    """Out of focus or shaken."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    size = int(rng.integers(2, 6))
    return np.asarray(cv2.blur(rgb, (size, 1) if rng.random() < 0.5 else (1, size)), np.uint8)


def random_noise(rng: Rng, rgb: RGB) -> RGB:
    """Sensor noise."""
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(1, 10))
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def random_jpeg(rng: Rng, rgb: RGB) -> RGB:
    """JPEG at quality 25 to 90."""
    quality = int(rng.integers(25, 90))
    packed = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


_STEPS = (
    (random_tone, 0.8),
    (random_saturation, 0.4),
    (random_low_light, 0.06),
    (random_blur, 0.15),
    (random_noise, 0.15),
    (random_jpeg, 0.2),
)


def random_color(rng: Rng, rgb: RGB, strength: float = 1.0) -> RGB:
    """All photometric steps, each with its own chance times `strength`."""
    rgb = np.ascontiguousarray(rgb)
    for step, chance in _STEPS:
        if rng.random() < chance * strength:
            rgb = step(rng, rgb)
    return rgb


def obscure_region(rng: Rng, stack: Stack) -> Stack:
    """Blur or paint over an oval of the person (first truth), mostly where the face is.

    People with hidden faces are people: pixelated, masked, turned away.
    """
    mask = stack.truths[0]
    rows, columns = np.nonzero(mask > 127)
    if not rows.size:
        return stack
    top, height = rows.min(), rows.max() - rows.min() + 1
    upper = np.flatnonzero(rows < top + (0.5 if rng.random() < 0.8 else 1.0) * height)
    spot = int(rng.choice(upper))
    size = np.sqrt(rows.size)
    axes = [max(2, round(size * share)) for share in rng.uniform(0.1, 0.32, 2)]
    oval = np.zeros(mask.shape, np.float32)
    center = (int(columns[spot]), int(rows[spot]))
    cv2.ellipse(oval, center, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    if rng.random() < 0.6:
        hidden = cv2.GaussianBlur(stack.rgb, (0, 0), max(1.5, size * rng.uniform(0.04, 0.15)))
    else:
        hidden = np.broadcast_to(stack.rgb[oval > 0].mean(axis=0), stack.rgb.shape)
    mixed = stack.rgb + oval[..., None] * (hidden - stack.rgb.astype(np.float32))
    return replace(stack, rgb=np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8))
