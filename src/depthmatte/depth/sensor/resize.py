"""Resize depth maps without mixing surfaces.

Missing depth never mixes with valid depth, and no depth is invented between two surfaces:
`bilinear` works within surfaces, and `nearest` is used at their edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...filters import normalized_convolution
from ...options import Interpolation
from ...types import Float

Index = NDArray[np.intp]
"""Flat indices of pixels."""

SAME_SURFACE_TOLERANCE = 0.03
"""Largest difference of neighbors on one surface: a share of their depth, or a difference of
relative depth."""


def surface_tolerance(z: Float, metric: bool) -> Float:
    """Largest depth difference of a neighbor on the same surface, for each pixel (h, w)."""
    return (
        z * np.float32(SAME_SURFACE_TOLERANCE)
        if metric
        else np.full_like(z, SAME_SURFACE_TOLERANCE)
    )


def resize_depth(
    values: Float,
    valid: NDArray[np.bool_],
    shape: tuple[int, int],
    interpolation: Interpolation = "bilinear",
    metric: bool = True,
) -> tuple[Float, Index]:
    """Resize a map within its surfaces.

    Parameters
    ----------
    values : ndarray
        float32 (h, w).
    valid : ndarray
        Where values are valid, boolean (h, w).
    shape : tuple of int
        (H, W) of the result.
    interpolation : str
        `nearest`, or `bilinear`: the mean of the valid values around, by area where the map
        shrinks, if they lie on one surface.
    metric : bool
        Whether values are in meters, which sets the tolerance of a surface.

    Returns
    -------
    values : ndarray
        float32 (H, W).
    index : ndarray
        Flat index of the source pixel that each pixel lies in, (H, W). This source pixel
        decides whether the value is valid.
    """
    origin = _nearest_index(valid.shape, shape)
    nearest = values.ravel()[origin]
    if interpolation == "nearest" or shape == values.shape:
        return nearest, origin
    mean, _ = normalized_convolution(
        values, valid.astype(np.float32), lambda part: resize(part, shape)
    )
    smooth = _is_one_surface(values, valid, shape, metric).ravel()[origin]
    return np.where(smooth & valid.ravel()[origin], mean, nearest), origin


def _nearest_index(source: tuple[int, ...], shape: tuple[int, int]) -> Index:
    """Flat index in `source` of the pixel that each pixel of `shape` lies in, (h, w)."""
    rows, columns = (
        ((np.arange(count) + 0.5) * size / count).astype(np.intp)
        for size, count in zip(source, shape, strict=True)
    )
    return rows[:, None] * source[1] + columns


def _is_one_surface(
    values: Float, valid: NDArray[np.bool_], shape: tuple[int, int], metric: bool
) -> NDArray[np.bool_]:
    """Where all valid pixels that a mean may include lie on one surface."""
    sides = [
        2 * max(round(size / count / 2), 1) + 1
        for size, count in zip(values.shape, shape, strict=True)
    ]
    window = np.ones(sides, np.uint8)
    low: Float = np.asarray(
        cv2.erode(np.where(valid, values, np.float32(np.inf)), window), np.float32
    )
    high = cv2.dilate(np.where(valid, values, np.float32(-np.inf)), window)
    with np.errstate(invalid="ignore", over="ignore"):  # where no pixel around is valid
        return np.asarray(high - low <= surface_tolerance(low, metric) * 2)
