"""The scene behind a portrait: light, coverage and distance, at the size that blur needs.

Nothing here depends on the options of the blur, so a preview computes it once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import from_canvas, resize, scale_shape
from ...color.linear_light import to_linear
from ...filters import box_filter, fill_pull_push, local_range, repeat_channels
from ...photo import Photo
from ...types import RGB, Float
from ...values import Depth
from ..effect import PortraitLike
from ..foreground import layer_certainty, portrait_foreground

MAX_SCENE_PIXELS = 640_000
"""Pixels at most at which the scene is held."""

_MARGIN_DIAGONAL_SHARE = 0.003
"""Width of the margin around the portrait that is not used as background, as a share of the
diagonal."""

_CLIPPED_LEVEL = 252
"""8-bit level from which a channel counts as clipped; compression changes white a little."""

_CLIPPED_GAIN = 5.0
"""Brightness of a small clipped light, where white is 1. Lamps exceed white by about two stops."""

_LAMP_DIAGONAL_SHARE = 0.01
"""Size, as a share of the diagonal, of a clipped area that still counts as a lamp and not as a
bright wall or sky."""

_DEPTH_EDGE_SHARE = 0.1
"""Change of diopters within a few pixels, relative to their range, that is an edge between two
things and not a slope."""

_EDGE_DEPTH_PIXELS = 2.0
"""Pixels of the depth map over which its edges are soft."""

_NEAR_PART = 0.75
"""Share of the portrait that lies behind its near part. What is nearer still is not its own: at
an edge depth mixes with that of things before the portrait."""

_EDGE_WEIGHT = 0.01
"""Weight of the color of a pixel at such an edge, relative to others: it shows both things."""

_RELATIVE_DEPTH_RATIO = 8.0
"""Farthest by nearest distance of a scene whose depth is relative: such as 1 to 8 meters."""

_MIN_METERS = 0.1
"""Nearest distance that depth in meters may have."""

_PORTRAIT_METERS = 2.0
"""Distance of the person where depth does not tell it."""

_MIN_LOG_RANGE = 0.05
"""Ratio of distances, as a logarithm, within which background and person count as equally far;
such depth does not tell how much to blur."""

_QUANTILE_SAMPLES = 20_000
"""Pixels from which a quantile is measured."""

_FOCUS_WINDOW_SHARE = 0.01
"""Half the side of the window in which depth is measured for the focus, as a share of the
diagonal."""


@dataclass(frozen=True, eq=False)
class BlurScene:
    """What is known about a photo in depth, on (h, w) pixels of at most `MAX_SCENE_PIXELS`.

    Parameters
    ----------
    scale : float
        Pixels of the scene for each pixel of the photo.
    margin : int
        Pixels around the portrait that are not used as background.
    light : ndarray
        Linear light of the background, float32 (h, w, 3), continued behind the portrait.
        Clipped lamps exceed 1.
    alpha : ndarray
        Opacity of the portrait, float32 (h, w).
    cover : ndarray
        The same with a margin, float32 (h, w).
    free : ndarray
        How surely a pixel shows the background alone, float32 (h, w).
    pure : ndarray
        How surely a pixel shows one thing of the background and not the edge between two,
        float32 (h, w).
    diopters : ndarray or None
        Distance of the background, 1 / meters, float32 (h, w), continued behind the portrait.
        None when depth does not tell it; then the background is one far layer.
    person : tuple of float
        Diopters of the portrait: its middle and its nearest part.
    portrait : PortraitLike
        The portrait itself.
    """

    scale: float
    margin: int
    light: Float
    alpha: Float
    cover: Float
    free: Float
    pure: Float
    diopters: Float | None
    person: tuple[float, float]
    portrait: PortraitLike

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) in pixels."""
        return self.alpha.shape[0], self.alpha.shape[1]

    @cached_property
    def colors(self) -> RGB:
        """Foreground colors of the portrait at photo size, uint8 (H, W, 3)."""
        return portrait_foreground(self.portrait)

    @cached_property
    def front(self) -> Float:
        """Linear light of the portrait, float32 (h, w, 3), continued beyond it."""
        profile = self.portrait.photo.meta.icc
        light = to_linear(np.ascontiguousarray(resize(self.colors, self.shape)), profile)
        return fill_pull_push(light, layer_certainty(self.alpha))

    @cached_property
    def far(self) -> float:
        """Diopters of the farthest background; 0 is infinity."""
        return 0.0 if self.diopters is None else self._quantile(self.diopters, 0.05)

    @cached_property
    def for_sharp_person(self) -> BlurScene:
        """The scene with all distances within the depth of the portrait moved to its middle."""
        middle, nearest = self.person
        if self.diopters is None or nearest <= middle:
            return self
        nearer = np.maximum(self.diopters - np.float32(nearest - middle), np.float32(middle))
        return replace(self, diopters=np.where(self.diopters > middle, nearer, self.diopters))

    def reach(self, focus: float) -> float:
        """Diopters from the focus to the far background or to the portrait, what is more."""
        return max(focus - self.far, self.person[0] - focus, 1e-6)

    def diopters_at(self, place: tuple[float, float]) -> float | None:
        """Diopters of the background at a place (x, y) in shares; None on the portrait."""
        if self.diopters is None:
            return None
        height, width = self.shape
        column, row = min(width - 1, int(place[0] * width)), min(height - 1, int(place[1] * height))
        if self.alpha[row, column] >= 0.5:
            return None
        reach = max(1, round(_FOCUS_WINDOW_SHARE * float(np.hypot(height, width))))
        window = np.s_[
            max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
        ]
        weights = (self.alpha[window] < 0.5).astype(np.float32)
        return _weighted_quantile(self.diopters[window], weights, 0.5)

    def _quantile(self, values: Float, share: float) -> float:
        weights = self.free if self.free.any() else np.ones_like(self.free)
        return _weighted_quantile(values, weights, share)


def blur_scene(portrait: PortraitLike) -> BlurScene:
    """Return the scene of a portrait: the one it keeps as `blur_scene`, else made now."""
    kept: BlurScene | None = getattr(portrait, "blur_scene", None)
    return make_blur_scene(portrait) if kept is None else kept


def make_blur_scene(portrait: PortraitLike, max_pixels: int = MAX_SCENE_PIXELS) -> BlurScene:
    """Measure the scene of a portrait, on at most `max_pixels` pixels."""
    height, width = portrait.photo.shape
    scale = min(1.0, (max_pixels / (height * width)) ** 0.5)
    shape = scale_shape((height, width), scale)
    alpha = np.asarray(np.clip(resize(portrait.opacity, shape), 0, 1), np.float32)
    margin = max(1, round(_MARGIN_DIAGONAL_SHARE * float(np.hypot(*shape))))
    cover = _grow(alpha, margin)
    free = layer_certainty(1 - cover)
    light = fill_pull_push(_measure_light(portrait.photo, shape), free)
    diopters, pure, person = _measure_distance(portrait, alpha, cover)
    return BlurScene(scale, margin, light, alpha, cover, free, pure, diopters, person, portrait)


def _grow(cover: Float, margin: int) -> Float:
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.dilate(cover, window), np.float32)


def _measure_light(photo: Photo, shape: tuple[int, int]) -> Float:
    """Linear light at a smaller size; small clipped areas get their energy back."""
    light = np.asarray(resize(to_linear(photo.rgb, photo.meta.icc), shape), np.float32)
    brightest = np.asarray(cv2.max(cv2.max(*cv2.split(photo.rgb)[:2]), photo.rgb[..., 2]), np.uint8)
    _, clipped = cv2.threshold(brightest, _CLIPPED_LEVEL - 1, 255, cv2.THRESH_BINARY)
    share = _shrink_fast(np.asarray(clipped, np.uint8), shape).astype(np.float32)
    if not share.any():
        return light
    share *= np.float32(1 / 255)
    radius = max(1, round(_LAMP_DIAGONAL_SHARE * float(np.hypot(*shape))))
    lamp = 1 - np.clip(box_filter(share, radius) * 2, 0, 1)
    # A mixed pixel has nearly the color of its lamp, whose brightest channel is 1.
    gain = (
        share * lamp * np.float32(_CLIPPED_GAIN - 1) / np.maximum(light.max(axis=-1), share + 1e-6)
    )
    light *= repeat_channels(1 + gain.astype(np.float32), 3)
    return light


def _shrink_fast(picture: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture at a smaller size; halving it first is faster."""
    height, width = picture.shape[:2]
    if height % 2 == 0 and width % 2 == 0 and height >= 4 * shape[0]:
        picture = resize(picture, (height // 2, width // 2))
    return np.asarray(resize(picture, shape), np.uint8)


def _measure_distance(
    portrait: PortraitLike, alpha: Float, cover: Float
) -> tuple[Float | None, Float, tuple[float, float]]:
    """Diopters of the background (h, w) or None, how pure it is, and those of the portrait."""
    shape = alpha.shape[0], alpha.shape[1]
    unknown = None, np.ones_like(alpha), (1 / _PORTRAIT_METERS, 1 / _PORTRAIT_METERS)
    measured, fit = portrait.measured, portrait.depth_fit.resized(shape)
    if not measured.prob.any():
        return unknown
    prob = _restore(measured.prob, fit)
    weighted = _to_diopters(measured) * measured.prob
    diopters = np.asarray(_restore(weighted, fit) / np.maximum(prob, 1e-6), np.float32)
    pixel = max(shape) / max(fit.content_shape)  # a pixel of the depth map
    edge = max(1, round(_EDGE_DEPTH_PIXELS * pixel))
    inside = prob * (cv2.erode(alpha, np.ones((2 * edge + 1, 2 * edge + 1))) > 0.9)
    outside = prob * (_grow(cover, edge) < 0.1)
    if inside.sum() < 1:
        inside = prob * (alpha > 0.9)
    if inside.sum() < 1 or outside.sum() < 1:
        return unknown
    middle = _weighted_quantile(diopters, inside, 0.5)
    nearest = _weighted_quantile(diopters, inside, _NEAR_PART)
    far = _weighted_quantile(diopters, outside, 0.05)
    near = _weighted_quantile(diopters, outside, 0.95)
    if max(abs(np.log(middle / far)), abs(np.log(near / middle))) < _MIN_LOG_RANGE:
        return unknown
    step = _DEPTH_EDGE_SHARE * max(near, middle)
    diopters = _sharpen_edges(diopters, edge, step)
    # Depth that is not known counts as far: sky and glass have none.
    diopters = prob * diopters + (1 - prob) * np.float32(far)
    diopters = fill_pull_push(diopters.astype(np.float32), (outside > 0).astype(np.float32))
    mixed = local_range(diopters, edge) > step
    pure = np.where(mixed, np.float32(_EDGE_WEIGHT), np.float32(1))
    if not measured.metric:
        to_meters = 1 / (_PORTRAIT_METERS * middle)
        diopters, middle, nearest = diopters * to_meters, middle * to_meters, nearest * to_meters
    return np.asarray(diopters, np.float32), pure, (middle, nearest)


def _to_diopters(depth: Depth) -> Float:
    """1 / meters, or relative to the nearest distance of a scene whose depth is relative."""
    if depth.metric:
        return np.asarray(1 / np.maximum(depth.z, np.float32(_MIN_METERS)), np.float32)
    return np.asarray(np.power(_RELATIVE_DEPTH_RATIO, -depth.z), np.float32)


def _restore(values: Float, fit: Any) -> Float:
    return np.asarray(from_canvas(np.asarray(values, np.float32), fit), np.float32)


def _sharpen_edges(values: Float, radius: int, step: float) -> Float:
    """Replace the ramp between two things by a step: each pixel takes the nearer end."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    low, high = cv2.erode(values, window), cv2.dilate(values, window)
    sharp = np.where(values - low > high - values, high, low)
    return np.where(high - low > step, sharp, values).astype(np.float32)


def _weighted_quantile(values: Float, weights: Float, share: float) -> float:
    """The value below which `share` of the total weight lies."""
    chosen = weights > 0
    values, weights = values[chosen], weights[chosen]
    step = max(1, values.size // _QUANTILE_SAMPLES)
    values, weights = values[::step], weights[::step]
    order = np.argsort(values, axis=None)
    mass = np.cumsum(weights[order])
    return float(values[order[min(np.searchsorted(mass, share * mass[-1]), len(order) - 1)]])
