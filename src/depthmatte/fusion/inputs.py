"""Input maps of the fusion network: matte, depth and colors in [0, 1], pooled in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..canvas import resize, scale_shape
from ..types import Float
from ..values import Depth, Matte

_FUSION_CHANNELS = 9
"""Number of maps: alpha, probability, log depth, depth probability, measured or not, log depth
relative to the subject, and RGB."""

HALF = np.float32(0.5)
"""The middle of [0, 1]: alpha from which a pixel belongs to somebody, foreground probability from
which it is the subject's, and an unknown color."""

BLOCK_SIDE_PX = 4
"""Side of the blocks that the network reads, in canvas pixels. Its output is as coarse."""

FUSION_INPUTS = 2 * _FUSION_CHANNELS
"""Channels of the network's input: mean and maximum of each block of each map."""

_MAX_LOG_DEPTH_OFFSET = 0.5
"""Distance from the subject, in log depth, at which the relative depth map saturates."""


def feature_maps(matte: Matte, depth: Depth, subject_depth: float) -> list[Float]:
    """The maps that the fusion network sees.

    Parameters
    ----------
    matte : Matte
        Maps (h, w). Without colors the color maps are 0.5.
    depth : Depth
        On the same canvas.
    subject_depth : float
        Log depth of the subject, in [0, 1].

    Returns
    -------
    list of ndarray
        9 maps, float32 (h, w) in [0, 1]: alpha, probability, log depth, depth probability,
        measured (1) or not (0), depth relative to the subject, red, green, blue. Relative depth
        is 0.5 at the subject's depth, larger behind it and smaller in front. All depth maps are
        0 where depth was not measured.
    """
    known = depth.usable.astype(np.float32)
    relative = (depth.log_depth - np.float32(subject_depth)) / np.float32(
        2 * _MAX_LOG_DEPTH_OFFSET
    ) + HALF
    np.clip(relative, 0, 1, out=relative)
    gray = [np.full_like(known, HALF)] * 3
    colors = gray if matte.rgb is None else list(matte.rgb)
    return [matte.alpha, matte.prob, depth.log_depth, depth.prob, known, relative * known, *colors]


def stack_features(matte: Matte, depth: Depth, subject_depth: float) -> Float:
    """`feature_maps` as one array, float32 (9, h, w)."""
    return np.stack(feature_maps(matte, depth, subject_depth))


def pool_blocks(maps: Sequence[Float]) -> Float:
    """Pool maps in blocks: the means first, then the maxima.

    The maxima keep thin limbs and small holes.

    Parameters
    ----------
    maps : sequence of ndarray
        float32 (h, w) each; h and w are multiples of BLOCK_SIDE_PX.

    Returns
    -------
    ndarray
        float32 (2 * len(maps), h / BLOCK_SIDE_PX, w / BLOCK_SIDE_PX).
    """
    shape = scale_shape((maps[0].shape[0], maps[0].shape[1]), 1 / BLOCK_SIDE_PX)
    pooled = np.empty((2, len(maps), *shape), np.float32)
    for plane, mean, largest in zip(maps, *pooled, strict=True):
        mean[:] = resize(plane, shape)
        _block_maximum(plane, largest)
    return pooled.reshape(-1, *shape)


def _block_maximum(plane: Float, out: Float) -> None:
    """Write the largest value of each block of a plane (h, w) to `out`."""
    rows = plane[::BLOCK_SIDE_PX]
    for start in range(1, BLOCK_SIDE_PX):
        rows = np.asarray(cv2.max(rows, plane[start::BLOCK_SIDE_PX]), np.float32)
    out[:] = rows[:, ::BLOCK_SIDE_PX]
    for start in range(1, BLOCK_SIDE_PX):
        np.maximum(out, rows[:, start::BLOCK_SIDE_PX], out=out)
