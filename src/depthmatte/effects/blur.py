"""Blur the background as a wide-open lens does, without smearing the portrait into it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import RGB, Float
from ..canvas import resize, scaled
from ..color import to_bytes, to_linear
from ..filters import disc, fill, gaussian, normalized
from ..restore import restore
from .composite import over
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import certain, foreground

WIDEST = 0.03
"""Radius of the blur at strength 1, as a share of the photo's diagonal."""

_AREA = 1_000_000  # pixels at most at which the background is blurred
_DISC = 12  # pixels of radius at most; a wider blur is made on a smaller picture
_CRISP = 2.0  # pixels of radius under which a shrunk background is fading in
_MARGIN = 0.003  # share of the diagonal around the portrait that is not trusted as background
_BEHIND = 0.02  # weight of pixels filled in behind the portrait
_NEAREST = 0.3  # share of the blur right behind the portrait; the rest grows with depth
_RELIEF = 0.05  # a background less deep than this is blurred evenly
_LAYERS = 4


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
        radius = self.strength * WIDEST * float(np.hypot(*portrait.photo.shape))
        colours = foreground(rgb, portrait.alpha)
        return over(colours, portrait.alpha, _background(portrait, radius))


def _background(portrait: PortraitLike, radius: float) -> RGB:
    """The blurred background alone, uint8 (H, W, 3)."""
    rgb, profile = portrait.photo.rgb, portrait.photo.meta.icc
    height, width = portrait.photo.shape
    scale = min(1.0, _DISC / radius, (_AREA / (height * width)) ** 0.5)
    shape = scaled((height, width), scale)
    cover = _widened(resize(portrait.alpha, shape))
    free = certain(1 - cover)
    plate = fill(to_linear(resize(rgb, shape), profile), free)
    amount = _amount(portrait, cover, free)
    weights = np.maximum(free, np.float32(_BEHIND))
    light = _layered(plate, weights, amount, radius * scale)
    blurred = resize(to_bytes(light, profile), rgb.shape[:2])
    fading = 1.0 if scale == 1 else min(1.0, radius * scale / _CRISP)
    if fading == 1:
        return blurred
    return np.asarray(cv2.addWeighted(blurred, fading, rgb, 1 - fading, 0), np.uint8)


def _widened(cover: Float) -> Float:
    """`cover` grown a little: what the alpha missed at its rim must not colour the blur."""
    reach = max(1, round(_MARGIN * float(np.hypot(*cover.shape))))
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(cover, window), np.float32)


def _amount(portrait: PortraitLike, cover: Float, free: Float) -> Float:
    """Share (h, w) in [_NEAREST, 1] of the full radius each background pixel is blurred with.

    1 where no depth is known. Behind the portrait, and at its rim, it continues from the
    background beside it.
    """
    small = portrait.depth_fit.resized((cover.shape[0], cover.shape[1]))
    depth, trust = (
        restore(portrait.measured.relative, small),
        restore(portrait.measured.prob, small),
    )
    subject, behind = trust * (cover > 0.9), trust * (free > 0.9)
    even = np.ones_like(cover)
    if subject.sum() < 1 or behind.sum() < 1:
        return even
    here = _quantile(depth, subject, 0.5)
    relief = _quantile(depth, behind, 0.95) - here
    if relief < _RELIEF:
        return even
    grown = _NEAREST + (1 - _NEAREST) * np.clip((depth - here) / relief, 0, 1)
    amount = trust * grown + (1 - trust)
    return gaussian(fill(amount.astype(np.float32), free), 0.004 * float(np.hypot(*cover.shape)))


def _quantile(values: Float, weights: Float, share: float) -> float:
    """The value below which `share` of the weight lies."""
    order = np.argsort(values, axis=None)
    mass = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(mass, share * mass[-1])]])


def _layered(plate: Float, weights: Float, amount: Float, radius: float) -> Float:
    """Blur each layer with its own radius and lay them over each other, far to near."""
    if amount.min() == 1:
        return normalized(plate, weights, lambda part: disc(part, radius))[0]
    level = (1 - amount) * ((_LAYERS - 1) / (1 - _NEAREST))  # 0 farthest, _LAYERS - 1 nearest
    picture = None
    for k in range(_LAYERS):
        member = np.clip(1 - np.abs(level - k), 0, 1).astype(np.float32)
        reach = radius * (1 - k * (1 - _NEAREST) / (_LAYERS - 1))
        picture = _lay_over(picture, plate, weights, member, reach)
    return plate if picture is None else picture


def _lay_over(
    below: Float | None, plate: Float, weights: Float, member: Float, radius: float
) -> Float:
    """One blurred layer over the farther ones; gaps of the farthest are filled from all layers."""

    def lens(part: Float) -> Float:
        return disc(part, radius)

    if below is None:
        return normalized(plate, weights, lens)[0]
    if not member.any():
        return below
    mean, share = normalized(plate, weights * member, lens)
    whole = np.maximum(lens(weights), 1e-6)
    cover = np.clip(share / whole, 0, 1)[..., None]
    return np.asarray(below + cover * (mean - below), np.float32)
