"""Split a scene into layers of equal blur and render them from back to front.

Each layer has a color and an opacity for every pixel, also where nearer layers hide it: both are
continued from where they are seen. Light and opacity of a layer are spread by the aperture and
laid over the layers behind. That is what a lens does, so no color of a nearer thing gets into
the blur behind it, and a thing before the focus gets a soft edge over what is sharp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ...canvas import resize, scale_shape
from ...filters import fill_pull_push, repeat_channels
from ...types import Float
from .aperture import Aperture

_MAX_DISC_RADIUS_PX = 10.0
"""Largest radius that is filtered, in pixels of a layer. A wider blur uses a smaller picture."""

_SHARP_RADIUS_PX = 1.0
"""Radius, in pixels of the scene, of the least blurred layer. Less blur mixes it with the photo."""

_RADIUS_RATIO = 1.5
"""Ratio of the radii of neighboring layers at most. A pixel between two layers belongs to both."""

_MIN_MEMBER_PIXELS = 1.0
"""Pixels of the scene that a layer must have, all together."""

_TINY = 1e-4


@dataclass(frozen=True, eq=False)
class BlurLayer:
    """A layer at the size of the scene.

    Parameters
    ----------
    radius : float
        Signed radius of the blur in pixels of the photo.
    light : ndarray
        Linear light, float32 (h, w, 3).
    weights : ndarray
        How surely each pixel shows the layer's light, float32 (h, w).
    opacity : ndarray or None
        Share of the layer where it is not hidden, float32 (h, w); None is 1 everywhere.
    known : ndarray or None
        How surely the opacity is known, float32 (h, w); None is 1 everywhere.
    """

    radius: float
    light: Float
    weights: Float
    opacity: Float | None = None
    known: Float | None = None


class Spread(NamedTuple):
    """A blurred layer: premultiplied linear light (h, w, 3) and opacity (h, w)."""

    light: Float
    opacity: Float


class Canvas3D(NamedTuple):
    """Sizes that layers are rendered at."""

    photo: tuple[int, int]
    scale: float
    aperture: Aperture

    def layer_scale(self, radius: float) -> float:
        """Pixels of a layer of this radius for each pixel of the photo."""
        return min(self.scale, _MAX_DISC_RADIUS_PX / max(radius, 1e-6))

    def spread(self, layer: BlurLayer) -> Spread:
        """Blur a layer; hidden parts are continued from visible ones first."""
        wide = abs(layer.radius)
        scale = self.layer_scale(wide)
        shape = scale_shape(self.photo, scale)
        weights = _shrink(layer.weights, shape)
        light = _shrink(layer.light * repeat_channels(layer.weights, 3), shape)
        light /= repeat_channels(np.maximum(weights, np.float32(1e-6)), 3)
        light = fill_pull_push(light, np.minimum(weights, 1))
        radius, reversed = wide * scale, layer.radius < 0
        if layer.opacity is None:
            return Spread(
                self.aperture.blur(light, radius, reversed), np.ones(shape, np.float32)
            )
        opacity = _shrink(layer.opacity, shape)
        if layer.known is not None:
            opacity = fill_pull_push(opacity, np.minimum(_shrink(layer.known, shape), 1))
        premultiplied = np.dstack([light * repeat_channels(opacity, 3), opacity])
        soft = self.aperture.blur(premultiplied, radius, reversed)
        return Spread(np.ascontiguousarray(soft[..., :3]), np.clip(soft[..., 3], 0, 1))


def _shrink(values: Float, shape: tuple[int, int]) -> Float:
    return np.asarray(values if values.shape[:2] == shape else resize(values, shape), np.float32)


def _fit(values: Float, shape: tuple[int, int]) -> Float:
    if values.shape[:2] == shape:
        return values
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def render_back(layers: Sequence[BlurLayer], canvas: Canvas3D) -> Float | None:
    """Render opaque layers, the farthest first; linear light (h, w, 3) at the finest size used."""
    total: Float | None = None
    for layer in layers:
        spread = canvas.spread(layer)
        if total is None:
            total = spread.light
            continue
        shape = spread.opacity.shape[0], spread.opacity.shape[1]
        if total.shape[0] * total.shape[1] > shape[0] * shape[1]:
            shape = total.shape[0], total.shape[1]
        below = _fit(total, shape)
        through = repeat_channels(1 - _fit(spread.opacity, shape), 3)
        total = np.asarray(below * through + _fit(spread.light, shape), np.float32)
    return total


def render_front(layers: Sequence[BlurLayer], canvas: Canvas3D) -> Spread | None:
    """Render the layers before the focus, the nearest first, over nothing."""
    total: Spread | None = None
    for layer in layers:
        spread = canvas.spread(layer)
        if total is None:
            total = spread
            continue
        shape = spread.opacity.shape[0], spread.opacity.shape[1]
        if total.opacity.size > spread.opacity.size:
            shape = total.opacity.shape[0], total.opacity.shape[1]
        light, opacity = _fit(total.light, shape), _fit(total.opacity, shape)
        through = 1 - opacity
        total = Spread(
            np.asarray(light + repeat_channels(through, 3) * _fit(spread.light, shape), np.float32),
            np.asarray(opacity + through * _fit(spread.opacity, shape), np.float32),
        )
    return total


@dataclass(frozen=True)
class RadiusSteps:
    """Signed radii of layers, from the farthest to the nearest; one of them is 0.

    Between 0 and the smallest radius a pixel is mixed linearly; between larger radii, by their
    logarithm.
    """

    radii: tuple[float, ...]
    smallest: float

    @classmethod
    def covering(cls, far: float, near: float, smallest: float) -> RadiusSteps:
        """Steps from the radius `far` behind the focus to `near` before it, both 0 or more."""
        behind, before = _steps(far, smallest), _steps(near, smallest)
        return cls((*behind, 0.0, *(-radius for radius in reversed(before))), smallest)

    def coordinate(self, radius: Float | float) -> Float:
        """Where a signed radius lies; steps of equal ratio are equally far apart."""
        size = np.abs(np.asarray(radius, np.float32))
        wide = 1 + np.log(np.maximum(size / np.float32(self.smallest), 1))
        placed = np.where(size < self.smallest, size / np.float32(self.smallest), wide)
        return np.asarray(np.copysign(placed, radius), np.float32)

    def members(self, coordinate: Float, index: int) -> Float:
        """Share of each pixel that belongs to a layer; the shares of all layers sum to 1."""
        places = [float(self.coordinate(radius)) for radius in self.radii]
        here = places[index]
        share = np.ones_like(coordinate)
        if index > 0:  # toward the farther layer
            share = np.minimum(share, (places[index - 1] - coordinate) / (places[index - 1] - here))
        if index + 1 < len(places):
            share = np.minimum(share, (coordinate - places[index + 1]) / (here - places[index + 1]))
        return np.asarray(np.clip(share, 0, 1), np.float32)


def _steps(largest: float, smallest: float) -> list[float]:
    """Radii from the largest to the smallest, in equal ratios."""
    if largest <= 0:
        return []
    if largest <= smallest:
        return [smallest]
    count = math.ceil(math.log(largest / smallest) / math.log(_RADIUS_RATIO) - 1e-6)
    return [largest * (smallest / largest) ** (k / count) for k in range(count + 1)]


def has_members(weights: Float) -> bool:
    """Return whether a layer has enough pixels to be rendered."""
    return float(weights.sum()) >= _MIN_MEMBER_PIXELS


def smallest_radius(scale: float) -> float:
    """Radius of the least blurred layer in pixels of the photo."""
    return _SHARP_RADIUS_PX / scale


def background_layer(
    radius: float, light: Float, members: Float, behind: Float, farthest: bool
) -> BlurLayer:
    """Make a layer of the background.

    Parameters
    ----------
    radius : float
        In pixels of the photo.
    light : ndarray
        Linear light of the background, float32 (h, w, 3).
    members : ndarray
        Share of the layer in each pixel where the background is seen, float32 (h, w).
    behind : ndarray
        Share of what is not nearer than the layer, with the layer, float32 (h, w).
    farthest : bool
        Whether nothing lies behind; then it is opaque.
    """
    if farthest:
        return BlurLayer(radius, light, members)
    opacity = np.clip(members / np.maximum(behind, np.float32(_TINY)), 0, 1)
    return BlurLayer(radius, light, members, opacity.astype(np.float32), np.clip(behind, 0, 1))
