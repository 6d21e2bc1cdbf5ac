"""Augmentation that moves a photo and its truth maps together, and colours only the photo.

Every function takes a NumPy generator first, so a sample is a function of its seed. A
`Stack` is the photo with its truth maps; geometry acts on all of them with one matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from ..photo import RGB

Rng = np.random.Generator
Array = NDArray[Any]


@dataclass(frozen=True)
class Stack:
    """A photo uint8 (H, W, 3) and truth maps (H, W), all of one size."""

    rgb: RGB
    truths: tuple[Array, ...]


def window(
    rng: Rng, stack: Stack, landscape: bool, least: float = 0.4, whole: float = 0.0
) -> Stack:
    """Cut a window of the wanted orientation holding `least` to 1 of the largest such area.

    With the chance `whole` a photo that already has this orientation is left as it is.
    """
    height, width = stack.rgb.shape[:2]
    if (width > height) == landscape and rng.random() < whole:
        return stack
    aspect = rng.uniform(1.1, 1.6) if landscape else rng.uniform(0.62, 1.0)
    scale = np.sqrt(rng.uniform(least, 1.0)) if rng.random() < 0.7 else 1.0
    rows = min(height, width / aspect)
    size = max(8, round(rows * scale)), max(8, round(rows * aspect * scale))
    size = min(size[0], height), min(size[1], width)
    top = rng.integers(0, height - size[0] + 1)
    left = rng.integers(0, width - size[1] + 1)
    cut = slice(top, top + size[0]), slice(left, left + size[1])
    return Stack(stack.rgb[cut], tuple(t[cut] for t in stack.truths))


def flip(rng: Rng, stack: Stack) -> Stack:
    """Mirror left to right, every second time."""
    if rng.random() < 0.5:
        return stack
    return Stack(stack.rgb[:, ::-1], tuple(t[:, ::-1] for t in stack.truths))


def quarter(rng: Rng, stack: Stack, chance: float = 0.06) -> Stack:
    """Turn by 90 degrees either way now and then: cameras held sideways."""
    if rng.random() >= chance:
        return stack
    turns = int(rng.choice([1, 3]))
    return Stack(np.rot90(stack.rgb, turns), tuple(np.rot90(t, turns) for t in stack.truths))


def tilt(rng: Rng, stack: Stack, chance: float = 0.4, degrees: float = 15) -> Stack:
    """Rotate by a few degrees, scale and squeeze a little about the middle; edges mirrored."""
    if rng.random() >= chance:
        return stack
    height, width = stack.rgb.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(
        centre, rng.normal(0, degrees / 2), float(np.exp(rng.uniform(-0.25, 0.25)))
    )
    matrix[:, 0] *= np.exp(rng.uniform(-0.08, 0.08))
    matrix[:, 2] += np.array(centre) - matrix @ np.array([*centre, 1.0])

    def move(array: Array, method: int) -> Array:
        moved: Array = cv2.warpAffine(
            np.ascontiguousarray(array),
            matrix,
            (width, height),
            flags=method,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return moved

    # Depth and validity must not blend across an outline; 8-bit masks may.
    truths = tuple(
        move(t, cv2.INTER_LINEAR if t.dtype == np.uint8 else cv2.INTER_NEAREST)
        for t in stack.truths
    )
    return Stack(move(stack.rgb, cv2.INTER_LINEAR), truths)


def geometry(rng: Rng, stack: Stack, landscape: bool, strength: float = 1.0) -> Stack:
    """All geometric steps; the result has the wanted orientation.

    `strength` in [0, 1] scales how often each happens: low for a last phase on photos as
    they come.
    """
    stack = quarter(rng, stack, 0.06 * strength)
    stack = window(rng, stack, landscape, whole=1 - strength)
    return tilt(rng, flip(rng, stack), 0.4 * strength)


def tone(rng: Rng, rgb: RGB) -> RGB:
    """Exposure, contrast, gamma and white balance through one table a channel."""
    ramp = np.linspace(0, 1, 256)
    ramp = ramp ** np.exp(rng.normal(0, 0.2))
    ramp = (ramp - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.06)
    gains = np.exp(rng.normal(0, 0.06, 3))
    table = np.clip(ramp[:, None] * gains * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(rgb), table[None]), np.uint8)


def saturation(rng: Rng, rgb: RGB) -> RGB:
    """Between grey and vivid; grey altogether now and then."""
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    amount = 0.0 if rng.random() < 0.08 else rng.uniform(0.6, 1.4)
    return np.asarray(cv2.addWeighted(rgb, amount, grey, 1 - amount, 0), np.uint8)


def darkness(rng: Rng, rgb: RGB) -> RGB:
    """Low light: fewer photons, more noise."""
    dim = rgb.astype(np.float32) * np.float32(rng.uniform(0.15, 0.5))
    noise = rng.standard_normal(rgb.shape, np.float32) * np.sqrt(dim + 1) * rng.uniform(0.3, 1.0)
    return np.asarray(np.clip(dim + noise, 0, 255), np.uint8)


def softness(rng: Rng, rgb: RGB) -> RGB:
    """Out of focus or shaken."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6)), np.uint8)
    size = int(rng.integers(2, 6))
    return np.asarray(cv2.blur(rgb, (size, 1) if rng.random() < 0.5 else (1, size)), np.uint8)


def grain(rng: Rng, rgb: RGB) -> RGB:
    """Sensor noise."""
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(1, 10))
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def compression(rng: Rng, rgb: RGB) -> RGB:
    """JPEG at quality 25 to 90."""
    quality = int(rng.integers(25, 90))
    packed = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


STEPS = (
    (tone, 0.8),
    (saturation, 0.4),
    (darkness, 0.06),
    (softness, 0.15),
    (grain, 0.15),
    (compression, 0.2),
)


def colour(rng: Rng, rgb: RGB, strength: float = 1.0) -> RGB:
    """All photometric steps, each with its own chance times `strength`."""
    rgb = np.ascontiguousarray(rgb)
    for step, chance in STEPS:
        if rng.random() < chance * strength:
            rgb = step(rng, rgb)
    return rgb


def smear(rng: Rng, stack: Stack) -> Stack:
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
    centre = (int(columns[spot]), int(rows[spot]))
    cv2.ellipse(oval, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    if rng.random() < 0.6:
        hidden = cv2.GaussianBlur(stack.rgb, (0, 0), max(1.5, size * rng.uniform(0.04, 0.15)))
    else:
        hidden = np.broadcast_to(stack.rgb[oval > 0].mean(axis=0), stack.rgb.shape)
    mixed = stack.rgb + oval[..., None] * (hidden - stack.rgb.astype(np.float32))
    return replace(stack, rgb=np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8))


def swap_background(rng: Rng, stack: Stack, background: RGB) -> Stack:
    """Put the person (first truth, uint8 mask) in front of another picture."""
    height, width = stack.rgb.shape[:2]
    scene = window(rng, Stack(background, ()), width > height, least=0.5).rgb
    scene = np.asarray(resize(scene, (height, width)), np.uint8)
    if rng.random() < 0.4:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 4)), np.uint8)
    # The mask's rim carries the old background: shrink and soften it a little.
    soft = cv2.GaussianBlur(stack.truths[0], (0, 0), 0.8).astype(np.float32) / 255
    alpha = np.clip(soft * 1.6 - 0.6, 0, 1)[..., None]
    mixed = stack.rgb * alpha + scene * (1 - alpha)
    return replace(stack, rgb=np.asarray(mixed + 0.5, np.uint8))
