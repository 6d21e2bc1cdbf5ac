"""The portrait's own colours: what its edge pixels would show without the old background.

A photo is alpha * foreground + (1 - alpha) * background, in sRGB as pictures are
composited everywhere. Both layers are first continued smoothly from where they are
certain, then corrected by what the photo says (the last step of Forte and Denis,
"Approximate Fast Foreground Colour Estimation", ICIP 2021).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Float, resize, scaled
from ..filters import fill
from ..photo import RGB
from ..restore import strips

SIDE = 640
"""Longest side at which the two layers are continued; they are smooth there."""

VISIBLE = 0.5 / 255
"""Alpha that survives rounding to 8 bits; less counts as 0, and 1 - VISIBLE as 1."""

_SURE = (0.8, 0.99)  # alpha between which a pixel becomes certain of its layer
_HINT = 1e-3  # weight of uncertain pixels, so that a layer without certain ones has a colour
_MARGIN = 2


def foreground(rgb: RGB, alpha: Float) -> RGB:
    """Foreground colours: uint8 (H, W, 3) for `rgb` uint8 (H, W, 3) and `alpha` (H, W) in [0, 1].

    Where alpha is 1 (in 8 bits) the photo's own pixel is returned, and also far from the
    portrait, where nothing of it is seen. On 32 composites of known colours the error in
    the transition band is a quarter of the raw photo's (0.021 and 0.024 against 0.085;
    blur fusion 0.031 and 0.036), with a blurred alpha still less than half (0.029, 0.039).
    """
    colours = rgb.copy()
    band = reach(alpha) & (alpha < 1 - VISIBLE)
    if not band.any():
        return colours
    front, back = layers(rgb, alpha)
    for part in _bands(band):
        here = band[part]
        share = alpha[part][here][:, None]
        near, far = (layer[part][here].astype(np.float32) for layer in (front, back))
        missing = rgb[part][here] - share * near - (1 - share) * far
        colours[part][here] = np.rint(np.clip(near + share * missing, 0, 255)).astype(np.uint8)
    return colours


def reach(alpha: Float) -> NDArray[np.bool_]:
    """Where a portrait's colour can be seen, also after resizing: its pixels and a margin."""
    window = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
    return cv2.dilate((alpha > VISIBLE).astype(np.uint8), window).astype(bool)


def layers(rgb: RGB, alpha: Float) -> tuple[RGB, RGB]:
    """(foreground, background) continued over the whole photo: two uint8 (H, W, 3)."""
    shape = alpha.shape[0], alpha.shape[1]
    small = scaled(shape, min(1.0, SIDE / max(shape)))
    colour, cover = resize(rgb, small).astype(np.float32), resize(alpha, small)
    free = 1 - cover
    front, back = fill(colour, certain(cover)), fill(colour, certain(free))
    # Almost certain pixels still hold a little of the other layer: now it is known, take it out.
    purer = fill(_unmixed(colour, cover, back), certain(cover))
    back = fill(_unmixed(colour, free, front), certain(free))
    return resize(_bytes(purer), shape), resize(_bytes(back), shape)


def certain(share: Float) -> Float:
    """Weights in [0, 1]: 1 where a layer alone is seen, next to nothing where it is mixed."""
    low, high = _SURE
    sure = np.clip((share - low) / (high - low), 0, 1) ** 2
    return np.asarray(np.maximum(sure, share * np.float32(_HINT)), np.float32)


def _unmixed(colour: Float, share: Float, other: Float) -> Float:
    """What is left of `colour` without the (1 - share) of `other`, in [0, 255]."""
    rest = colour - (1 - share)[..., None] * other
    return np.asarray(np.clip(rest / np.maximum(share, 0.5)[..., None], 0, 255), np.float32)


def _bands(band: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    return ((rows, slice(None)) for rows in strips(band.shape[0]) if band[rows].any())


def _bytes(values: Float) -> RGB:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
