"""Blur the background like a lens with a wide aperture; the portrait does not bleed into it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..canvas import resize, scale_shape
from ..color.linear_light import linear_to_bytes, to_linear
from ..filters import disc_filter, fill_pull_push, gaussian_filter, normalized_convolution
from ..restore import restore_map
from ..types import RGB, Float
from .composite import composite_over
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import layer_certainty, portrait_foreground

_MAX_RADIUS_DIAGONAL_SHARE = 0.03
"""Radius of the blur at strength 1, as a share of the photo's diagonal."""

_MAX_PIXELS = 1_000_000
"""Pixels at most at which the background is blurred."""

_MAX_DISC_RADIUS_PX = 12
"""Radius of the disc at most, in pixels. A wider blur is made on a smaller picture."""

_FADE_IN_RADIUS_PX = 2.0
"""Radius, in pixels of the smaller picture, below which the blurred background is mixed with the
photo, so that a weak blur does not lose resolution."""

_MARGIN_DIAGONAL_SHARE = 0.003
"""Width of the margin around the portrait that is not used as background, as a share of the
diagonal."""

_FILLED_PIXEL_WEIGHT = 0.02
"""Weight, relative to a background pixel, of pixels filled in behind the portrait."""

_MIN_RADIUS_SHARE = 0.3
"""Radius right behind the portrait, as a share of the largest. It grows with depth."""

_MIN_BACKGROUND_DEPTH_RANGE = 0.05
"""Depth of the background behind the subject, in relative depth, below which the blur is even."""

_LAYER_COUNT = 4
"""Number of layers, each with its own radius."""


_FOCUS_WINDOW_SHARE = 0.01
"""Half the side of the window in which depth is measured for the focus, as a share of the
diagonal."""


def _read_place(text: str) -> tuple[float, float]:
    x, y = (float(part) for part in text.strip().strip("()").split(","))
    return x, y


@dataclass(frozen=True)
class Blur(Effect):
    """Background blur; the portrait stays sharp.

    The portrait is removed from the background, the background is blurred in linear light with
    a disc, and the portrait is composited on top with its own colors. Where depth is known
    (depth probability above 0) the blur grows with the distance behind the portrait. Without a
    person in the photo the photo is returned unchanged.

    Parameters
    ----------
    strength : float
        From 0, no blur, to 1, a radius of 3 % of the photo's diagonal.
    focus : tuple of float, optional
        A place (x, y) to stay sharp, as shares of the photo's width and height from the top left
        corner. On the portrait, or where no depth is known, nothing changes. Elsewhere the blur
        grows with the distance from the depth there, and the portrait is blurred too.
    """

    strength: float = option(0.5, "how strong the blur is", 0, 1)
    focus: tuple[float, float] | None = option(
        None,
        "a place that stays sharp instead of the person, by its depth",
        takes="(X,Y), shares of width and height from the top left corner",
        read=_read_place,
        valid=lambda place: place is None or all(0 <= share <= 1 for share in place),
    )

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The photo with a blurred background, uint8 (H, W, 3); at strength 0 a copy."""
        rgb = portrait.photo.rgb
        if self.strength == 0 or not portrait.found:
            return rgb.copy()
        radius = self.strength * _MAX_RADIUS_DIAGONAL_SHARE * float(np.hypot(*portrait.photo.shape))
        colors = portrait_foreground(portrait)
        sharp_depth = None if self.focus is None else _depth_at(portrait, self.focus)
        if sharp_depth is not None:
            return _refocus(portrait, colors, radius, sharp_depth)
        return composite_over(colors, portrait.alpha, _background(portrait, radius))


def _depth_at(portrait: PortraitLike, place: tuple[float, float]) -> float | None:
    """Relative depth of the background at a place; None on the portrait and without depth."""
    height, width = portrait.photo.shape
    column, row = min(width - 1, int(place[0] * width)), min(height - 1, int(place[1] * height))
    if portrait.alpha[row, column] >= 0.5:
        return None
    reach = max(1, round(_FOCUS_WINDOW_SHARE * float(np.hypot(height, width))))
    top, left = max(0, row - reach), max(0, column - reach)
    window = np.s_[top : row + reach + 1, left : column + reach + 1]
    fit = portrait.depth_fit
    weights = restore_map(portrait.measured.prob, fit)[window] * (portrait.alpha[window] < 0.5)
    if weights.sum() <= 0:
        return None
    return _quantile(restore_map(portrait.measured.relative, fit)[window], weights, 0.5)


def _refocus(portrait: PortraitLike, colors: RGB, radius: float, sharp_depth: float) -> RGB:
    """The photo with `sharp_depth` in focus; background and portrait are blurred by theirs."""
    rgb, profile = portrait.photo.rgb, portrait.photo.meta.icc
    scale, shape = _working_size(portrait, radius)
    alpha = np.asarray(resize(portrait.alpha, shape), np.float32)
    cover = _dilate_cover(alpha)
    free = layer_certainty(1 - cover)
    share, own_share = _distance_share(portrait, cover, free, sharp_depth)
    background = fill_pull_push(to_linear(resize(rgb, shape), profile), free)
    weights = np.maximum(free, np.float32(_FILLED_PIXEL_WEIGHT))
    linear = _blur_layers(background, weights, share, radius * scale, 0.0)
    back = resize(linear_to_bytes(linear, profile), rgb.shape[:2])
    # What is sharp comes from the photo itself, but not behind the portrait.
    mix = np.clip(share * np.float32(radius * scale / _FADE_IN_RADIUS_PX), 0, 1)
    mix = np.asarray(np.clip(resize(np.maximum(mix, cover), rgb.shape[:2]), 0, 1), np.float32)
    back = np.asarray(cv2.blendLinear(back, rgb, mix, 1 - mix), np.uint8)
    own_radius = radius * scale * own_share
    soft_alpha = disc_filter(alpha, own_radius)
    light = disc_filter(to_linear(resize(colors, shape), profile) * alpha[..., None], own_radius)
    soft = linear_to_bytes(light / np.maximum(soft_alpha, 1e-4)[..., None], profile)
    blend = min(1.0, own_radius / _FADE_IN_RADIUS_PX)
    front = cv2.addWeighted(resize(soft, rgb.shape[:2]), blend, colors, 1 - blend, 0)
    opacity = blend * resize(soft_alpha, rgb.shape[:2]) + (1 - blend) * portrait.alpha
    return composite_over(
        np.asarray(front, np.uint8), np.asarray(np.clip(opacity, 0, 1), np.float32), back
    )


def _distance_share(
    portrait: PortraitLike, cover: Float, free: Float, sharp_depth: float
) -> tuple[Float, float]:
    """Radius of each background pixel (h, w) and of the portrait, as shares of the full radius.

    0 at `sharp_depth` and 1 farthest from it; 1 in the background where depth is unknown.
    """
    small = portrait.depth_fit.resized((cover.shape[0], cover.shape[1]))
    depth = restore_map(portrait.measured.relative, small)
    prob = restore_map(portrait.measured.prob, small)
    subject, background = prob * (cover > 0.9), prob * (free > 0.9)
    distance = np.abs(depth - np.float32(sharp_depth))
    reach = _MIN_BACKGROUND_DEPTH_RANGE
    if background.sum() >= 1:
        reach = max(reach, _quantile(distance, background, 0.95))
    own = _quantile(distance, subject, 0.5) if subject.sum() >= 1 else reach
    reach = max(reach, own)
    share = prob * np.clip(distance / np.float32(reach), 0, 1) + (1 - prob)
    sigma = 0.004 * float(np.hypot(*cover.shape))
    filled = gaussian_filter(fill_pull_push(share.astype(np.float32), free), sigma)
    return np.clip(filled, 0, 1), own / reach


def _working_size(portrait: PortraitLike, radius: float) -> tuple[float, tuple[int, int]]:
    """Scale and shape at which the background is blurred."""
    height, width = portrait.photo.shape
    scale = min(1.0, _MAX_DISC_RADIUS_PX / radius, (_MAX_PIXELS / (height * width)) ** 0.5)
    return scale, scale_shape((height, width), scale)


def _background(portrait: PortraitLike, radius: float) -> RGB:
    """The blurred background alone, uint8 (H, W, 3)."""
    rgb, profile = portrait.photo.rgb, portrait.photo.meta.icc
    scale, shape = _working_size(portrait, radius)
    cover = _dilate_cover(resize(portrait.alpha, shape))
    free = layer_certainty(1 - cover)
    background = fill_pull_push(to_linear(resize(rgb, shape), profile), free)
    radius_share = _radius_share(portrait, cover, free)
    weights = np.maximum(free, np.float32(_FILLED_PIXEL_WEIGHT))
    linear = _blur_layers(background, weights, radius_share, radius * scale, _MIN_RADIUS_SHARE)
    blurred = resize(linear_to_bytes(linear, profile), rgb.shape[:2])
    mix = 1.0 if scale == 1 else min(1.0, radius * scale / _FADE_IN_RADIUS_PX)
    if mix == 1:
        return blurred
    return np.asarray(cv2.addWeighted(blurred, mix, rgb, 1 - mix, 0), np.uint8)


def _dilate_cover(cover: Float) -> Float:
    """`cover` grown a little, so that portrait pixels the alpha missed do not tint the blur."""
    margin = max(1, round(_MARGIN_DIAGONAL_SHARE * float(np.hypot(*cover.shape))))
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.dilate(cover, window), np.float32)


def _radius_share(portrait: PortraitLike, cover: Float, free: Float) -> Float:
    """Radius of each background pixel (h, w), as a share of the full radius.

    From _MIN_RADIUS_SHARE to 1, and 1 where depth is unknown. Behind the portrait and around
    its edge the values continue from the background next to it.
    """
    small = portrait.depth_fit.resized((cover.shape[0], cover.shape[1]))
    depth, prob = (
        restore_map(portrait.measured.relative, small),
        restore_map(portrait.measured.prob, small),
    )
    subject, background = prob * (cover > 0.9), prob * (free > 0.9)
    even = np.ones_like(cover)
    if subject.sum() < 1 or background.sum() < 1:
        return even
    subject_depth = _quantile(depth, subject, 0.5)
    depth_range = _quantile(depth, background, 0.95) - subject_depth
    if depth_range < _MIN_BACKGROUND_DEPTH_RANGE:
        return even
    known = _MIN_RADIUS_SHARE + (1 - _MIN_RADIUS_SHARE) * np.clip(
        (depth - subject_depth) / depth_range, 0, 1
    )
    radius_share = prob * known + (1 - prob)
    return gaussian_filter(
        fill_pull_push(radius_share.astype(np.float32), free), 0.004 * float(np.hypot(*cover.shape))
    )


def _quantile(values: Float, weights: Float, share: float) -> float:
    """The value below which `share` of the total weight lies."""
    order = np.argsort(values, axis=None)
    mass = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(mass, share * mass[-1])]])


def _blur_layers(
    background: Float, weights: Float, radius_share: Float, radius: float, least_share: float
) -> Float:
    """Blur each layer with its own radius, from `least_share` to 1, and composite them."""
    if radius_share.min() == 1:
        return normalized_convolution(background, weights, lambda part: disc_filter(part, radius))[
            0
        ]
    # 0 is the layer of the widest blur, _LAYER_COUNT - 1 the sharpest.
    level = (1 - radius_share) * ((_LAYER_COUNT - 1) / (1 - least_share))
    picture = None
    for k in range(_LAYER_COUNT):
        member = np.clip(1 - np.abs(level - k), 0, 1).astype(np.float32)
        layer_radius = radius * (1 - k * (1 - least_share) / (_LAYER_COUNT - 1))
        picture = _composite_layer(picture, background, weights, member, layer_radius)
    return background if picture is None else picture


def _composite_layer(
    below: Float | None, background: Float, weights: Float, member: Float, radius: float
) -> Float:
    """Blur one layer over the farther ones; the farthest is blurred from all layers, so no gaps."""

    def lens(part: Float) -> Float:
        return disc_filter(part, radius)

    if below is None:
        return normalized_convolution(background, weights, lens)[0]
    if not member.any():
        return below
    mean, share = normalized_convolution(background, weights * member, lens)
    total = np.maximum(lens(weights), 1e-6)
    cover = np.clip(share / total, 0, 1)[..., None]
    return np.asarray(below + cover * (mean - below), np.float32)
