"""Shift, soften or harden the edge of a matte."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .filters import gaussian_filter
from .options import EdgeOptions
from .types import Float


def edit_edge(alpha: Float, edge: EdgeOptions) -> Float:
    """Apply the options of an edge to a matte.

    Parameters
    ----------
    alpha : ndarray
        float32 (H, W) in [0, 1].
    edge : EdgeOptions
        What to do, in pixels of the matte.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1]; `alpha` itself when nothing changes.
    """
    if edge.threshold is not None:
        alpha = (alpha >= edge.threshold).astype(np.float32)
    alpha = _shift(alpha, edge.shift)
    if edge.feather:
        alpha = np.clip(gaussian_filter(alpha, edge.feather), 0, 1)
    return alpha


def _shift(alpha: Float, pixels: float) -> Float:
    """Dilate or erode with a disc; a fraction of a pixel mixes two discs."""
    whole, part = divmod(abs(pixels), 1)
    if not pixels:
        return alpha
    morph = cv2.dilate if pixels > 0 else cv2.erode
    near = _grow(morph, alpha, int(whole))
    if part < 1e-3:
        return near
    far = _grow(morph, alpha, int(whole) + 1)
    return np.asarray(near + np.float32(part) * (far - near), np.float32)


def _grow(morph: object, alpha: Float, radius: int) -> Float:
    """Dilate or erode with a disc of whole pixels, in steps that keep the window small."""
    step = max(1, math.isqrt(radius))
    while radius > 0:
        now = min(step, radius)
        side = 2 * now + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        alpha = np.asarray(morph(alpha, disc), np.float32)  # type: ignore[operator]
        radius -= now
    return alpha
