"""No fusion, and the product and normalized product of the patent description.

All maps are float32 (h, w) in [0, 1] on the canvas. The matte's probability stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

from ..types import Float
from ..values import Depth, Matte, relative_to_largest


def fuse_none(matte: Matte, depth: Depth) -> Matte:
    """The matte as it is: segmentation only."""
    return matte


def fuse_product(matte: Matte, depth: Depth) -> Matte:
    """Multiply alpha by probability, nearness and depth probability (patent description).

    Parameters
    ----------
    matte : Matte
        Alpha and probability, (h, w) in [0, 1].
    depth : Depth
        On the same canvas.

    Returns
    -------
    Matte
        alpha = depth.prob * (1 - d) * matte.prob * matte.alpha, where d is the depth divided by
        its maximum. The result falls with distance, so it is no opacity; `opacity` keeps that.
    """
    return replace(matte, alpha=_product(matte, depth), opacity=matte.alpha)


def fuse_normalized(matte: Matte, depth: Depth) -> Matte:
    """The product of `fuse_product`, divided by its maximum (patent description).

    Parameters
    ----------
    matte : Matte
        Alpha and probability, (h, w) in [0, 1].
    depth : Depth
        On the same canvas.

    Returns
    -------
    Matte
        Its alpha has maximum 1. Where the product is 0 everywhere, alpha is 0 everywhere. `opacity`
        is the alpha before.
    """
    product = _product(matte, depth)
    largest = product.max()
    fused = product / largest if largest > 0 else product
    return replace(matte, alpha=fused, opacity=matte.alpha)


def _product(matte: Matte, depth: Depth) -> Float:
    # Unmeasured pixels hold any depth. Their depth probability of 0 makes the product 0.
    nearness = 1 - relative_to_largest(depth.z, depth.scale.max_meters)
    return depth.prob * nearness * matte.prob * matte.alpha
