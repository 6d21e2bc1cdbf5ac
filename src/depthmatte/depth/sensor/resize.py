"""A depth map brought to another size, pixel by pixel (SPEC row A12).

What is missing never mixes with what is valid, and no value is invented between two
surfaces: `bilinear` works inside surfaces and gives way to `nearest` at their edges.
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

SAME_SURFACE_TOLERANCE = 0.03
"""Neighbours belong to one surface when they differ by less than this share of their depth,
or by this much where depth is relative."""


def surface_tolerance(z: Float, metric: bool) -> Float:
    """How far a neighbour may lie off to be of the same surface, for every pixel."""
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
    """`values` (h, w) at `shape` and, for every pixel there, the flat index it came from.

    The pixel it came from (the one it lies in) decides whether a value is valid; with
    `bilinear` the value is the mean of the valid ones around, by area where the map
    shrinks, as long as they agree.
    """
    origin = _nearest_index(valid.shape, shape)
    taken = values.ravel()[origin]
    if interpolation == "nearest" or shape == values.shape:
        return taken, origin
    mean, _ = normalized_convolution(
        values, valid.astype(np.float32), lambda part: resize(part, shape)
    )
    smooth = _is_one_surface(values, valid, shape, metric).ravel()[origin]
    return np.where(smooth & valid.ravel()[origin], mean, taken), origin


def _nearest_index(source: tuple[int, ...], shape: tuple[int, int]) -> Index:
    """(h, w) of the flat index in `source` of the pixel that each pixel of `shape` lies in."""
    rows, columns = (
        ((np.arange(count) + 0.5) * size / count).astype(np.intp)
        for size, count in zip(source, shape, strict=True)
    )
    return rows[:, None] * source[1] + columns


def _is_one_surface(
    values: Float, valid: NDArray[np.bool_], shape: tuple[int, int], metric: bool
) -> NDArray[np.bool_]:
    """True where all valid pixels that a mean may reach lie on one surface."""
    sides = [
        2 * max(round(size / count / 2), 1) + 1
        for size, count in zip(values.shape, shape, strict=True)
    ]
    window = np.ones(sides, np.uint8)
    low: Float = np.asarray(
        cv2.erode(np.where(valid, values, np.float32(np.inf)), window), np.float32
    )
    high = cv2.dilate(np.where(valid, values, np.float32(-np.inf)), window)
    with np.errstate(invalid="ignore", over="ignore"):  # where nothing near is valid
        return np.asarray(high - low <= surface_tolerance(low, metric) * 2)
