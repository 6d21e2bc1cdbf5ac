"""Fusing what the segmentation and the depth say: Matte x Depth -> Matte, pure.

Symbols follow the seed: S_in and I1 are the matte's alpha and probability, d and I2 the
depth's value in [0, 1] (0 nearest) and probability, S_out the fused alpha. All are
float32 (h, w) in [0, 1] on the canvas; I1 and the depth pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Float
from .errors import InputError
from .maps import Depth, Matte

SOFT = 0.05
"""Alpha from which pixels hang together as one region, its soft edge included."""

SOLID = 0.5
"""Alpha from which a pixel counts as the region's inside, where depth is asked."""

BEHIND = 0.25
"""How much farther than the subject, in [0, 1] depth, a region must lie to be dropped."""

SURE = 0.5
"""Mean depth probability below which depth may not decide about a region."""


def none(matte: Matte, depth: Depth) -> Matte:
    """S_out = S_in: the segmentation alone."""
    return matte


def product(matte: Matte, depth: Depth) -> Matte:
    """S_out = I2 (1 - d) I1 S_in, d divided by its maximum first (seed 031, SPEC row A14)."""
    return replace(matte, alpha=_product(matte, depth))


def normalized(matte: Matte, depth: Depth) -> Matte:
    """The product divided by its maximum E (seed 032 and 033, SPEC row A15).

    E = 0 means nobody is there: the portrait is empty.
    """
    middle = _product(matte, depth)
    largest = middle.max()
    return replace(matte, alpha=middle / largest if largest > 0 else middle)


def adaptive(matte: Matte, depth: Depth) -> Matte:
    """S_in without the regions that depth places clearly behind the subject (SPEC row B1).

    The subject is the region with the largest alpha sum. Another region goes, as a
    whole, when depth is sure about both and sees it more than BEHIND farther away; what
    stays keeps the matte's own alpha, hair included. Depth with I2 = 0 changes nothing.
    """
    count, regions = cv2.connectedComponents((matte.alpha > SOFT).astype(np.uint8))
    if count <= 2:  # the background and at most one region
        return matte
    sizes = np.bincount(regions.ravel(), matte.alpha.ravel(), count)
    subject = 1 + int(np.argmax(sizes[1:]))
    nearness = _median_depths(regions, count, matte.alpha, depth)
    behind = nearness > nearness[subject] + BEHIND
    behind[0] = False
    if not behind.any():
        return matte
    return replace(matte, alpha=np.where(behind[regions], np.float32(0), matte.alpha))


def _product(matte: Matte, depth: Depth) -> Float:
    return depth.prob * (1 - _scaled(depth)) * matte.prob * matte.alpha


def _scaled(depth: Depth) -> Float:
    """d divided by the largest measured d, so it spans [0, 1]; all 0 where nothing has depth."""
    largest = np.float32(depth.z[depth.prob > 0].max(initial=0))
    if largest == 0:
        return np.zeros_like(depth.z)
    # Unmeasured pixels may hold anything; their I2 = 0 decides, not their d.
    scaled: Float = np.minimum(depth.z / largest, np.float32(1))
    return scaled


def _median_depths(
    regions: NDArray[Any], count: int, alpha: Float, depth: Depth
) -> NDArray[np.float64]:
    """Median d inside each of `count` regions; NaN, which compares False, where depth is unsure."""
    inside = alpha >= SOLID
    z = _scaled(depth)
    medians = np.full(count, np.nan)
    for region in range(1, count):
        pixels = inside & (regions == region)
        if pixels.any() and depth.prob[pixels].mean() >= SURE:
            medians[region] = np.median(z[pixels & (depth.prob > 0)])
    return medians


@dataclass(frozen=True)
class Fusion:
    """A row of FUSIONS: a pure function, and what its caller must know.

    `threshold` is the seed's second threshold, from which S_out is portrait: for the
    products the one with the best IoU on training photos, low because they multiply four
    numbers below 1. `needs_depth` marks formulas that are 0 wherever no depth was measured.
    """

    name: str
    call: Callable[[Matte, Depth], Matte]
    threshold: float
    needs_depth: bool

    def __call__(self, matte: Matte, depth: Depth) -> tuple[Matte, Depth]:
        """The fused matte, and the depth as fusion leaves it."""
        return self.call(matte, depth), depth


FUSIONS: dict[str, Fusion] = {
    row.name: row
    for row in (
        Fusion("none", none, threshold=0.5, needs_depth=False),
        Fusion("product", product, threshold=0.01, needs_depth=True),
        Fusion("normalized", normalized, threshold=0.02, needs_depth=True),
        Fusion("adaptive", adaptive, threshold=0.5, needs_depth=False),
    )
}

DEFAULT = "adaptive"


def fusion(name: str) -> Fusion:
    """The row called `name`; InputError for a name nobody knows."""
    if name not in FUSIONS:
        raise InputError(f"fusion {name!r} is unknown; use one of {', '.join(FUSIONS)}")
    return FUSIONS[name]
