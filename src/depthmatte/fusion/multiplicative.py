"""The seed's formulas: Matte x Depth -> Matte, pure.

Symbols follow the seed: S_in and I1 are the matte's alpha and probability, d and I2 the
depth's value in [0, 1] (0 nearest) and probability, S_out the fused alpha. All are
float32 (h, w) in [0, 1] on the canvas; I1 passes through unchanged.
"""

from __future__ import annotations

from dataclasses import replace

from ..types import Float
from ..values import Depth, Matte, relative_to_largest


def fuse_none(matte: Matte, depth: Depth) -> Matte:
    """S_out = S_in: the segmentation alone."""
    return matte


def fuse_product(matte: Matte, depth: Depth) -> Matte:
    """S_out = I2 (1 - d) I1 S_in, d divided by its maximum first (seed 031, SPEC row A14)."""
    return replace(matte, alpha=_product(matte, depth))


def fuse_normalized(matte: Matte, depth: Depth) -> Matte:
    """The product divided by its maximum E (seed 032 and 033, SPEC row A15).

    E = 0 means nobody is there: the portrait is empty.
    """
    middle = _product(matte, depth)
    largest = middle.max()
    return replace(matte, alpha=middle / largest if largest > 0 else middle)


def _product(matte: Matte, depth: Depth) -> Float:
    # Unmeasured pixels may hold anything; their I2 = 0 decides, not their d.
    near = 1 - relative_to_largest(depth.z, depth.scale.max_meters)
    return depth.prob * near * matte.prob * matte.alpha
