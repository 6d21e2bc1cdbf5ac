"""Blur the background as a wide-open lens does, without smearing the portrait into it."""

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
from .foreground import estimate_foreground, layer_certainty

_MAX_RADIUS_DIAGONAL_SHARE = 0.03
"""Radius of the blur at strength 1, as a share of the photo's diagonal."""

_MAX_PIXELS = 1_000_000  # pixels at most at which the background is blurred
_MAX_DISC_RADIUS_PX = 12  # pixels of radius at most; a wider blur is made on a smaller picture
_FADE_IN_RADIUS_PX = 2.0  # pixels of radius under which a shrunk background is fading in
_MARGIN_DIAGONAL_SHARE = (
    0.003  # share of the diagonal around the portrait that is not trusted as background
)
_FILLED_PIXEL_WEIGHT = 0.02  # weight of pixels filled in behind the portrait
_MIN_RADIUS_SHARE = 0.3  # share of the blur right behind the portrait; the rest grows with depth
_MIN_BACKGROUND_DEPTH_RANGE = 0.05  # a background less deep than this is blurred evenly
_LAYER_COUNT = 4


@dataclass(frozen=True)
class Blur(Effect):
    """Background blur; the portrait stays as sharp as it was.

    The portrait is taken out of the background before it is blurred, in linear light with
    a disc, and laid on top again with its own colours. Where depth was measured
    (`depth_prob` above 0) the blur grows with the distance behind the portrait. Nobody
    found: the photo is returned unchanged, there is nothing to keep sharp.
    """

    strength: float = option(0.5, "how strong the blur is", 0, 1)

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """uint8 (H, W, 3); at strength 0 the photo itself."""
        rgb = portrait.photo.rgb
        if self.strength == 0 or not portrait.found:
            return rgb.copy()
        radius = self.strength * _MAX_RADIUS_DIAGONAL_SHARE * float(np.hypot(*portrait.photo.shape))
        colours = estimate_foreground(rgb, portrait.alpha)
        return composite_over(colours, portrait.alpha, _background(portrait, radius))


def _background(portrait: PortraitLike, radius: float) -> RGB:
    """The blurred background alone, uint8 (H, W, 3)."""
    rgb, profile = portrait.photo.rgb, portrait.photo.meta.icc
    height, width = portrait.photo.shape
    scale = min(1.0, _MAX_DISC_RADIUS_PX / radius, (_MAX_PIXELS / (height * width)) ** 0.5)
    shape = scale_shape((height, width), scale)
    cover = _dilate_cover(resize(portrait.alpha, shape))
    free = layer_certainty(1 - cover)
    plate = fill_pull_push(to_linear(resize(rgb, shape), profile), free)
    amount = _radius_share(portrait, cover, free)
    weights = np.maximum(free, np.float32(_FILLED_PIXEL_WEIGHT))
    light = _blur_layers(plate, weights, amount, radius * scale)
    blurred = resize(linear_to_bytes(light, profile), rgb.shape[:2])
    fading = 1.0 if scale == 1 else min(1.0, radius * scale / _FADE_IN_RADIUS_PX)
    if fading == 1:
        return blurred
    return np.asarray(cv2.addWeighted(blurred, fading, rgb, 1 - fading, 0), np.uint8)


def _dilate_cover(cover: Float) -> Float:
    """`cover` grown a little: what the alpha missed at its rim must not colour the blur."""
    reach = max(1, round(_MARGIN_DIAGONAL_SHARE * float(np.hypot(*cover.shape))))
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(cover, window), np.float32)


def _radius_share(portrait: PortraitLike, cover: Float, free: Float) -> Float:
    """Share (h, w) in [_NEAREST, 1] of the full radius each background pixel is blurred with.

    1 where no depth is known. Behind the portrait, and at its rim, it continues from the
    background beside it.
    """
    small = portrait.depth_fit.resized((cover.shape[0], cover.shape[1]))
    depth, trust = (
        restore_map(portrait.measured.relative, small),
        restore_map(portrait.measured.prob, small),
    )
    subject, behind = trust * (cover > 0.9), trust * (free > 0.9)
    even = np.ones_like(cover)
    if subject.sum() < 1 or behind.sum() < 1:
        return even
    here = _quantile(depth, subject, 0.5)
    relief = _quantile(depth, behind, 0.95) - here
    if relief < _MIN_BACKGROUND_DEPTH_RANGE:
        return even
    grown = _MIN_RADIUS_SHARE + (1 - _MIN_RADIUS_SHARE) * np.clip((depth - here) / relief, 0, 1)
    amount = trust * grown + (1 - trust)
    return gaussian_filter(
        fill_pull_push(amount.astype(np.float32), free), 0.004 * float(np.hypot(*cover.shape))
    )


def _quantile(values: Float, weights: Float, share: float) -> float:
    """The value below which `share` of the weight lies."""
    order = np.argsort(values, axis=None)
    mass = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(mass, share * mass[-1])]])


def _blur_layers(plate: Float, weights: Float, amount: Float, radius: float) -> Float:
    """Blur each layer with its own radius and lay them over each other, far to near."""
    if amount.min() == 1:
        return normalized_convolution(plate, weights, lambda part: disc_filter(part, radius))[0]
    level = (1 - amount) * (
        (_LAYER_COUNT - 1) / (1 - _MIN_RADIUS_SHARE)
    )  # 0 farthest, _LAYERS - 1 nearest
    picture = None
    for k in range(_LAYER_COUNT):
        member = np.clip(1 - np.abs(level - k), 0, 1).astype(np.float32)
        reach = radius * (1 - k * (1 - _MIN_RADIUS_SHARE) / (_LAYER_COUNT - 1))
        picture = _lay_over(picture, plate, weights, member, reach)
    return plate if picture is None else picture


def _lay_over(
    below: Float | None, plate: Float, weights: Float, member: Float, radius: float
) -> Float:
    """One blurred layer over the farther ones; gaps of the farthest are filled from all layers."""

    def lens(part: Float) -> Float:
        return disc_filter(part, radius)

    if below is None:
        return normalized_convolution(plate, weights, lens)[0]
    if not member.any():
        return below
    mean, share = normalized_convolution(plate, weights * member, lens)
    whole = np.maximum(lens(weights), 1e-6)
    cover = np.clip(share / whole, 0, 1)[..., None]
    return np.asarray(below + cover * (mean - below), np.float32)
