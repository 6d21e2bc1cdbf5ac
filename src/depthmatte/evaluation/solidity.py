"""What spoils a cut-out beyond its edge: holes, shreds, and half-transparent insides.

Every function takes `alpha`, float32 (H, W) in [0, 1], and `holes` also the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from ..types import Float, Mask

_MASK_THRESHOLD = 0.5
"""Alpha and truth from which a pixel belongs to the mask."""

_HALF_RANGE = (0.1, 0.9)
"""Alpha between which a pixel is half transparent."""

_OPENING_DIAGONAL_SHARE = 0.008
"""Diameter of the disc, divided by the photo's diagonal, that fits into what counts as a
half-transparent inside. Soft edges are thinner."""

_SHRED_SHARE = 0.02
"""Area of a piece, divided by that of the largest, below which it is a shred."""

_LEAST_PIXELS = 4
"""Pixels of the smallest piece that is counted; fewer are not seen."""


def half_transparent(alpha: Float) -> float:
    """Return the share of the portrait that is half transparent where it is not thin.

    The portrait is alpha from 0.1 on. The share is 0 without one.
    """
    low, high = _HALF_RANGE
    half = ((alpha > low) & (alpha < high)).astype(np.uint8)
    side = max(3, round(_OPENING_DIAGONAL_SHARE * math.hypot(*alpha.shape)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    inside = cv2.morphologyEx(half, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REPLICATE)
    portrait = np.count_nonzero(alpha > low)
    return float(np.count_nonzero(inside)) / portrait if portrait else 0.0


def shreds(alpha: Float) -> float:
    """Return how many pieces are smaller than 2 percent of the largest."""
    areas = _areas(alpha >= _MASK_THRESHOLD)
    return float(np.count_nonzero(areas < _SHRED_SHARE * areas.max())) if areas.size else 0.0


def holes(alpha: Float, truth: Float) -> float:
    """Return how many holes inside the mask lie mostly on the true portrait."""
    outside = ~(alpha >= _MASK_THRESHOLD)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        outside.astype(np.uint8), connectivity=4
    )
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    on_person = np.bincount(labels[truth >= _MASK_THRESHOLD], minlength=count)
    found = [
        number
        for number in range(1, count)
        if number not in touching
        and stats[number, cv2.CC_STAT_AREA] >= _LEAST_PIXELS
        and on_person[number] > stats[number, cv2.CC_STAT_AREA] / 2
    ]
    return float(len(found))


def _areas(mask: Mask) -> np.ndarray:
    """Pixels of each piece that can be seen."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.asarray(areas[areas >= _LEAST_PIXELS])


SOLIDITY: dict[str, Callable[[Float, Float], float]] = {
    "half_transparent": lambda alpha, truth: half_transparent(alpha),
    "shreds": lambda alpha, truth: shreds(alpha),
    "holes": holes,
}
"""Column -> function of alpha and truth. Lower is better; 0 is perfect."""
