"""The light of a scene: tone of layers, contact shadows, backlight, exposure and noise.

Colors are float32 in [0, 255], sRGB. What happens to a whole photo is drawn once
(`Exposure.draw`) and applied to both views; only the noise differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import RGB, Float
from ..types import Rng
from .layer import Layer
from .renderer import Backdrop


def color_statistics(rgb: Float) -> NDArray[np.float32]:
    """Mean and deviation (2, 3) of a picture's channels."""
    flat = rgb.reshape(-1, 3)[::7]
    return np.stack([flat.mean(axis=0), flat.std(axis=0)]).astype(np.float32)


def match_background(rng: Rng, layer: Layer, place: NDArray[np.float32], strength: float) -> None:
    """A layer takes over some of the place's light: brightness and hue, not contrast; in place."""
    alpha = layer.rgba[..., 3:]
    weight = max(cv2.sumElems(layer.rgba)[3], 1.0)
    mean = np.array(cv2.sumElems(layer.rgba)[:3]) / weight
    level, target = float(mean.mean()), float(place[0].mean())
    brighter = np.exp(strength * 0.5 * np.log((target + 40) / (level + 40)))
    hue = np.exp(strength * 0.5 * np.log((place[0] + 60) / (target + 60)))
    gain = (np.clip(brighter, 0.6, 1.5) * np.clip(hue, 0.8, 1.25)).astype(np.float32)
    gain *= np.float32(np.exp(rng.normal(0, 0.06)))
    layer.rgba[..., :3] *= gain
    np.minimum(layer.rgba[..., :3], alpha * 255, out=layer.rgba[..., :3])


def darken(layer: Layer, gain: float) -> None:
    """A layer stands in shadow, a little grayer; in place."""
    rgba = layer.rgba
    gray = ((rgba[..., 0] + rgba[..., 1] + rgba[..., 2]) / np.float32(3))[..., None]
    rgba[..., :3] = (0.7 * rgba[..., :3] + 0.3 * gray) * np.float32(gain)


def brighten(backdrop: Backdrop, gain: float) -> Backdrop:
    """A backdrop that is lit much more strongly than the layers before it."""
    rgb = 255 * (1 - (1 - np.clip(backdrop.rgb, 0, 254) / 255) ** gain)
    return replace(backdrop, rgb=rgb.astype(np.float32))


@dataclass(frozen=True)
class ContactShadow:
    """The soft shadow on the ground under something of some width.

    `axes` are the half axes of its ellipse, `softness` the blur and `reach` how far the blur is
    followed, as shares of the width. `strength` is the share of light that is missing.
    """

    axes: tuple[float, float]
    softness: float
    strength: float
    reach: float

    def draw(self, rgb: Float, row: float, column: float, width: float) -> None:
        """Darken colors float32 (h, w, 3) around a point; in place, depth does not change."""
        y, x = round(row), round(column)
        axes = (max(1, round(self.axes[0] * width)), max(1, round(self.axes[1] * width)))
        beyond = round(self.reach * width) + 2
        y0, x0 = max(0, y - axes[1] - beyond), max(0, x - axes[0] - beyond)
        y1 = min(rgb.shape[0], y + axes[1] + beyond)
        x1 = min(rgb.shape[1], x + axes[0] + beyond)
        if y0 >= y1 or x0 >= x1:
            return
        dark: Any = np.zeros((y1 - y0, x1 - x0), np.float32)
        cv2.ellipse(dark, (x - x0, y - y0), axes, 0, 0, 360, 1.0, -1)
        dark = cv2.GaussianBlur(dark, (0, 0), max(1.0, self.softness * width))
        rgb[y0:y1, x0:x1] *= 1 - self.strength * dark[..., None]


@dataclass(frozen=True)
class Exposure:
    """How a photo is exposed.

    Attributes
    ----------
    gain, gamma : float
        Scale and bend the light.
    cast : tuple of float
        Tint of red, green and blue.
    noise : float
        Gray levels of shot noise at middle gray.
    bloom : float
        How much bright areas spill over, in [0, 1].
    soft : float
        The lens's blur in pixels.
    vignette : float
        Share by which corners are darker.
    """

    gain: float = 1.0
    gamma: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 2.0
    bloom: float = 0.0
    soft: float = 0.6
    vignette: float = 0.0

    @classmethod
    def draw(cls, rng: Rng, tags: set[str]) -> Exposure:
        """An exposure for a scene with these tags ("low_light", "backlight", "noise")."""
        cast = tuple(float(c) for c in np.exp(rng.normal(0, 0.04, 3)))
        exposure = cls(
            gain=float(np.exp(rng.normal(0, 0.08))),
            gamma=float(np.exp(rng.normal(0, 0.08))),
            cast=(cast[0], cast[1], cast[2]),
            noise=float(rng.uniform(1, 4)),
            soft=float(rng.uniform(0.4, 1.0)),
            vignette=float(rng.uniform(0, 0.25)),
        )
        if "low_light" in tags:
            warm = rng.uniform(0.95, 1.3)
            exposure = replace(
                exposure,
                gain=float(rng.uniform(0.3, 0.6)),
                cast=(cast[0] * warm, cast[1], cast[2] / warm),
                noise=float(rng.uniform(5, 12)),
                vignette=float(rng.uniform(0.2, 0.5)),
            )
        if "noise" in tags:
            exposure = replace(exposure, noise=exposure.noise + float(rng.uniform(8, 16)))
        if "backlight" in tags:
            exposure = replace(exposure, bloom=float(rng.uniform(0.25, 0.6)))
        return exposure

    def __call__(self, rng: Rng, rgb: Float) -> RGB:
        """The photo of some light: uint8 (h, w, 3)."""
        light = rgb
        if self.bloom:
            glow = np.maximum(light - 190, 0)
            small = cv2.resize(glow, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
            small = cv2.GaussianBlur(small, (0, 0), 3.5)
            wide = cv2.resize(small, light.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            light = light + np.float32(2 * self.bloom) * np.asarray(wide, np.float32)
        soft = np.asarray(cv2.GaussianBlur(light, (0, 0), self.soft), np.float32)
        light = np.asarray(np.maximum(soft, 0) / np.float32(255), np.float32)
        if self.gamma != 1:
            light = light ** np.float32(self.gamma)
        light = light * (np.float32(255 * self.gain) * np.array(self.cast, np.float32))
        if self.vignette:
            light *= _vignette(light.shape[:2], self.vignette)[..., None]
        return _add_grain(rng, light, self.noise)


def _vignette(shape: tuple[int, ...], share: float) -> Float:
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None] ** 2
    return np.asarray(1 - np.float32(share) * (x + y) / 2, np.float32)


def _add_grain(rng: Rng, light: Float, noise: float) -> RGB:
    """Shot noise: gray grain and some colored grain, larger than a pixel as in phone photos."""
    shape = light.shape[:2]
    half = (shape[1] // 2 + 1, shape[0] // 2 + 1)
    gray = rng.standard_normal(shape, np.float32)
    coarse = rng.standard_normal((half[1], half[0], 3), np.float32)
    blotch = np.asarray(cv2.resize(coarse, shape[::-1]), np.float32)
    sigma = np.float32(noise) * np.sqrt(np.maximum(light, 4) / 128)
    light = light + sigma * (np.float32(0.7) * gray[..., None] + np.float32(0.5) * blotch)
    return np.asarray(np.clip(light + 0.5, 0, 255), np.uint8)
