"""Split a scene into layers of equal blur and render them from back to front.

Each layer has a color and an opacity for every pixel, also where nearer layers hide it: both are
continued from where they are seen. Light and opacity of a layer are spread by the aperture and
laid over the layers behind. That is what a lens does, so no color of a nearer thing gets into
the blur behind it, and a thing before the focus gets a soft edge over what is sharp.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ...canvas import Box, resize, scale_shape
from ...filters import fill_pull_push, repeat_channels
from ...system.cpu_count import count_cores
from ...system.thread_map import map_in_threads
from ...types import Float
from .aperture import Aperture

_MAX_DISC_RADIUS_PX = 8.0
"""Largest radius that is filtered, in pixels of a layer. A wider blur uses a smaller picture."""

_SHARP_RADIUS_PX = 1.0
"""Radius, in pixels of the scene, of the least blurred layer. Less blur mixes it with the photo."""

_MAX_GAP = math.log(2)
"""Logarithm of the ratio of the radii of neighboring layers at most. A pixel between two layers
belongs to both."""

_MIN_GAP = math.log(1.2)
"""Logarithm of the ratio of the radii of neighboring layers at least."""

_BIN = math.log(1.04)
"""Logarithm of the ratio of radii that count as equal, where layers are placed."""

_PURE_SHARE = 0.3
"""Share of the way to the next step within which a pixel belongs to its step alone. A thing that
is split between two layers gets too opaque an edge."""

_PEAK_SHARE = 0.004
"""Share of the background that must have one radius for a layer to be placed at it."""

_PEAK_BINS = 15
"""Bins around, with the bin itself, that it is compared with."""

_PEAK_CONTRAST = 2.5
"""Mass of a bin, relative to the mean around, from which it is a thing and no part of a floor."""

_MIN_MEMBER_PIXELS = 1.0
"""Pixels of the scene that a layer must have, all together."""

_MAX_THREADS = 4
"""Layers at most that are blurred at once."""

_LEAST_WEIGHT = 1e-3
"""Weight from which a pixel counts for the box that a layer is rendered in."""

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
        How surely each pixel shows the layer's light alone, float32 (h, w).
    seen : ndarray or None
        Share of the layer in each pixel, float32 (h, w). None is a layer that is opaque
        everywhere.
    known : ndarray or None
        Share of what is not nearer than the layer, float32 (h, w); there `seen / known` is its
        opacity. Elsewhere the layer is hidden and its opacity is continued. None is 1.
    """

    radius: float
    light: Float
    weights: Float
    seen: Float | None = None
    known: Float | None = None


class Spread(NamedTuple):
    """A blurred layer: premultiplied linear light (h, w, 3) and opacity (h, w), 0 beyond `box`.

    `shape` is the size of the whole picture; the arrays cover the box alone.
    """

    light: Float
    opacity: Float
    box: Box
    shape: tuple[int, int]

    def at_size(self, shape: tuple[int, int]) -> Spread:
        """Return the same layer as a whole picture of another size."""
        if self.shape == shape:
            return self
        light, opacity = np.zeros((*self.shape, 3), np.float32), np.zeros(self.shape, np.float32)
        light[self.box.slices], opacity[self.box.slices] = self.light, self.opacity
        return Spread(_enlarge(light, shape), _enlarge(opacity, shape), Box(0, 0, *shape), shape)


class RenderSize(NamedTuple):
    """Sizes that layers are rendered at, and the aperture they are spread by."""

    photo: tuple[int, int]
    scale: float
    aperture: Aperture

    def spread(self, layer: BlurLayer) -> Spread:
        """Blur a layer; hidden parts are continued from visible ones first."""
        wide = abs(layer.radius)
        scale = min(self.scale, _MAX_DISC_RADIUS_PX / max(wide, 1e-6))
        shape = scale_shape(self.photo, scale)
        radius, reversed = wide * scale, layer.radius < 0
        weights = _shrink(layer.weights, shape)
        box = Box(0, 0, *shape)
        if layer.seen is not None:
            box = Box.bounding(weights > _LEAST_WEIGHT, math.ceil(2 * radius) + 4)
        weights = np.ascontiguousarray(weights[box.slices])
        if layer.weights.shape == shape:
            light = np.ascontiguousarray(layer.light[box.slices])
        else:
            light = _shrink(layer.light * repeat_channels(layer.weights, 3), shape)[box.slices]
            light = light / repeat_channels(np.maximum(weights, np.float32(1e-6)), 3)
        light = fill_pull_push(light, np.minimum(weights, 1))
        if layer.seen is None:
            light = self.aperture.blur(light, radius, box, shape, reversed)
            return Spread(light, np.ones(shape, np.float32), box, shape)
        opacity = np.ascontiguousarray(_shrink(layer.seen, shape)[box.slices])
        if layer.known is not None:
            known = np.ascontiguousarray(_shrink(layer.known, shape)[box.slices])
            opacity = np.minimum(opacity / np.maximum(known, np.float32(_TINY)), np.float32(1))
            opacity = fill_pull_push(opacity, np.minimum(known, np.float32(1)))
        light *= repeat_channels(opacity, 3)
        light = self.aperture.blur(light, radius, box, shape, reversed)
        opacity = self.aperture.blur(opacity, radius, box, shape, reversed)
        return Spread(light, np.clip(opacity, 0, 1), box, shape)

    def spread_all(self, layers: Sequence[BlurLayer]) -> Iterator[Spread]:
        """Blur several layers in threads; yields them in order."""
        workers = min(_MAX_THREADS, count_cores(), len(layers))
        if workers < 2:
            yield from map(self.spread, layers)
        else:
            yield from map_in_threads(self.spread, layers, workers)


def _shrink(values: Float, shape: tuple[int, int]) -> Float:
    return np.asarray(values if values.shape[:2] == shape else resize(values, shape), np.float32)


def _enlarge(values: Float, shape: tuple[int, int]) -> Float:
    if values.shape[:2] == shape:
        return values
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def render_back(layers: Sequence[BlurLayer], size: RenderSize) -> Float | None:
    """Render layers over an opaque farthest one, given first; linear light (h, w, 3)."""
    total: Float | None = None
    for spread in size.spread_all(layers):
        if total is None:
            total = spread.light
            continue
        if total.shape[0] < spread.shape[0] or total.shape[1] < spread.shape[1]:
            total = _enlarge(total, spread.shape)
        spread = spread.at_size((total.shape[0], total.shape[1]))
        below = total[spread.box.slices]
        below *= repeat_channels(1 - spread.opacity, 3)
        below += spread.light
    return total


def render_front(layers: Sequence[BlurLayer], size: RenderSize) -> tuple[Float, Float] | None:
    """Render layers, the nearest first, over nothing.

    Returns
    -------
    tuple of ndarray or None
        Premultiplied linear light (h, w, 3) and opacity (h, w); None without a layer.
    """
    light: Float | None = None
    opacity = np.zeros((0, 0), np.float32)
    for spread in size.spread_all(layers):
        if light is None:
            light = np.zeros((*spread.shape, 3), np.float32)
            opacity = np.zeros(spread.shape, np.float32)
        if light.shape[0] < spread.shape[0] or light.shape[1] < spread.shape[1]:
            light, opacity = _enlarge(light, spread.shape), _enlarge(opacity, spread.shape)
        spread = spread.at_size((light.shape[0], light.shape[1]))
        through = 1 - opacity[spread.box.slices]
        light[spread.box.slices] += repeat_channels(through, 3) * spread.light
        opacity[spread.box.slices] += through * spread.opacity
    return None if light is None else (light, opacity)


@dataclass(frozen=True)
class RadiusSteps:
    """Signed radii of layers, from the farthest to the nearest; one of them is 0.

    A radius has a coordinate in which equal ratios are equally far apart. Below the smallest
    blurred radius it is linear, so that the photo itself fades in.
    """

    places: tuple[float, ...]
    smallest: float

    @classmethod
    def for_radii(cls, radii: Float, weights: Float, smallest: float) -> RadiusSteps:
        """Place steps where many pixels have one radius, and others between.

        Parameters
        ----------
        radii : ndarray
            Signed radius of each pixel, float32 (h, w).
        weights : ndarray
            How much each pixel counts, float32 (h, w).
        smallest : float
            Radius of the least blurred layer in pixels.
        """
        placed = cls((), smallest).coordinate(radii)
        low, high = float(placed.min()), float(placed.max())
        fixed = [place for place in (-1.0, 0.0, 1.0) if low - 1 < place < high + 1]
        count = max(_PEAK_BINS, math.ceil((high - low) / _BIN))
        span = low, low + count * _BIN
        mass = np.histogram(placed, count, span, weights=weights)[0]
        middle = np.histogram(placed, count, span, weights=weights * placed)[0]
        around = np.convolve(mass, np.full(_PEAK_BINS, 1 / _PEAK_BINS), "same")
        peaks = (mass > _PEAK_SHARE * mass.sum()) & (mass > _PEAK_CONTRAST * around)
        chosen = list(fixed)
        heaviest = [index for index in np.argsort(-mass, kind="stable") if peaks[index]]
        for place in (*(float(middle[k] / mass[k]) for k in heaviest), low, high):
            if abs(place) > 1 and all(abs(place - other) >= _MIN_GAP for other in chosen):
                chosen.append(place)
        chosen.sort(reverse=True)
        steps = chosen[:1]
        for place in chosen[1:]:
            gap = steps[-1] - place
            parts = 1 if abs(steps[-1]) <= 1 and abs(place) <= 1 else math.ceil(gap / _MAX_GAP)
            steps += [steps[-1] + (place - steps[-1]) * k / parts for k in range(1, parts + 1)]
        return cls(tuple(steps), smallest)

    def coordinate(self, radius: Float | float) -> Float:
        """Where a signed radius lies."""
        size = np.abs(np.asarray(radius, np.float32)) / np.float32(self.smallest)
        placed = np.where(size < 1, size, 1 + np.log(np.maximum(size, 1)))
        return np.asarray(np.copysign(placed, radius), np.float32)

    def radius(self, index: int) -> float:
        """Signed radius of a step in pixels."""
        place = self.places[index]
        size = abs(place) if abs(place) <= 1 else math.exp(abs(place) - 1)
        return math.copysign(size * self.smallest, place) if place else 0.0

    def members(self, coordinate: Float, index: int) -> Float:
        """Share of each pixel that belongs to a step; the shares of all steps sum to 1."""
        here, steep = self.places[index], 1 / (1 - 2 * _PURE_SHARE)
        top = (1 - _PURE_SHARE) * steep
        share = np.full_like(coordinate, top)
        for side in (index - 1, index + 1):
            if 0 <= side < len(self.places):
                slope = steep / (here - self.places[side])
                part = cv2.addWeighted(coordinate, slope, coordinate, 0, top - here * slope)
                share = np.minimum(share, np.asarray(part, np.float32), out=share)
        return np.asarray(np.clip(share, 0, 1, out=share), np.float32)


def has_members(weights: Float) -> bool:
    """Return whether a layer has enough pixels to be rendered."""
    return float(weights.sum()) >= _MIN_MEMBER_PIXELS


def smallest_radius(scale: float) -> float:
    """Radius of the least blurred layer in pixels of the photo."""
    return _SHARP_RADIUS_PX / scale
