"""What matte and depth look like to the fusion network: maps in [0, 1], seen in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..canvas import resize, scale_shape
from ..types import Float
from ..values import Depth, Matte

_FUSION_CHANNELS = 9
"""alpha, prob, log depth, I2, measured or not, nearer or farther than the subject, RGB."""

_UNKNOWN_COLOR = 0.5
"""Every colour of a matte that does not say what it was cut from."""

BLOCK_SIDE_PX = 4
"""The network sees blocks of this many pixels each way, and its verdict is as coarse."""

FUSION_INPUTS = 2 * _FUSION_CHANNELS
"""The mean and the largest value of each block of each map."""

DEPTH_REACH_BLOCKS = 41
"""Coarse pixels across: depth may decide this near to measured values."""

SOFT_EDGE_WINDOW_PX = 9
"""Side in pixels of the square over which the soft edge of somebody dropped goes too."""

_MAX_LOG_DEPTH_OFFSET = 0.5
"""Differences in log depth beyond this all look alike."""


def feature_maps(matte: Matte, depth: Depth, subject_depth: float) -> list[Float]:
    """CHANNELS maps, float32 (h, w) in [0, 1]; `subject` is its log depth in [0, 1].

    The last one of depth is 0.5 at the subject's depth, more behind it, less before it;
    where nothing was measured all of them are 0.
    """
    known = depth.usable.astype(np.float32)
    beyond = (depth.log_depth - np.float32(subject_depth)) / np.float32(
        2 * _MAX_LOG_DEPTH_OFFSET
    ) + np.float32(0.5)
    np.clip(beyond, 0, 1, out=beyond)
    grey = [np.full_like(known, _UNKNOWN_COLOR)] * 3
    colours = grey if matte.rgb is None else list(matte.rgb)
    return [matte.alpha, matte.prob, depth.log_depth, depth.prob, known, beyond * known, *colours]


def stack_features(matte: Matte, depth: Depth, subject_depth: float) -> Float:
    """The same as one stack, float32 (CHANNELS, h, w)."""
    return np.stack(feature_maps(matte, depth, subject_depth))


def pool_blocks(maps: Sequence[Float]) -> Float:
    """What the network reads of maps (h, w): float32 (INPUTS, h / COARSE, w / COARSE).

    First the mean of each block, then the largest: thin limbs and small holes survive the
    shrinking. h and w are multiples of COARSE.
    """
    shape = scale_shape((maps[0].shape[0], maps[0].shape[1]), 1 / BLOCK_SIDE_PX)
    seen = np.empty((2, len(maps), *shape), np.float32)
    for plane, mean, largest in zip(maps, *seen, strict=True):
        mean[:] = resize(plane, shape)
        _block_maximum(plane, largest)
    return seen.reshape(-1, *shape)


def _block_maximum(plane: Float, out: Float) -> None:
    """The largest value of each block of a plane (h, w)."""
    rows = plane[::BLOCK_SIDE_PX]
    for start in range(1, BLOCK_SIDE_PX):
        rows = np.asarray(cv2.max(rows, plane[start::BLOCK_SIDE_PX]), np.float32)
    out[:] = rows[:, ::BLOCK_SIDE_PX]
    for start in range(1, BLOCK_SIDE_PX):
        np.maximum(out, rows[:, start::BLOCK_SIDE_PX], out=out)
