"""What matte and depth look like to the fusion network: maps in [0, 1], seen in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..arrays import Float
from ..canvas import resize, scaled
from ..maps import Depth, Matte

CHANNELS = 9
"""alpha, prob, log depth, I2, measured or not, nearer or farther than the subject, RGB."""

GREY = 0.5
"""Every colour of a matte that does not say what it was cut from."""

COARSE = 4
"""The network sees blocks of this many pixels each way, and its verdict is as coarse."""

INPUTS = 2 * CHANNELS
"""The mean and the largest value of each block of each map."""

NEARBY = 41
"""Coarse pixels across: depth may decide this near to measured values."""

HALO = 9
"""Side in pixels of the square over which the soft edge of somebody dropped goes too."""

REACH = 0.5
"""Differences in log depth beyond this all look alike."""


def planes(matte: Matte, depth: Depth, subject: float) -> list[Float]:
    """CHANNELS maps, float32 (h, w) in [0, 1]; `subject` is its log depth in [0, 1].

    The last one of depth is 0.5 at the subject's depth, more behind it, less before it;
    where nothing was measured all of them are 0.
    """
    known = depth.usable.astype(np.float32)
    beyond = (depth.log - np.float32(subject)) / np.float32(2 * REACH) + np.float32(0.5)
    np.clip(beyond, 0, 1, out=beyond)
    grey = [np.full_like(known, GREY)] * 3
    colours = grey if matte.rgb is None else list(matte.rgb)
    return [matte.alpha, matte.prob, depth.log, depth.prob, known, beyond * known, *colours]


def features(matte: Matte, depth: Depth, subject: float) -> Float:
    """The same as one stack, float32 (CHANNELS, h, w)."""
    return np.stack(planes(matte, depth, subject))


def blocks(maps: Sequence[Float]) -> Float:
    """What the network reads of maps (h, w): float32 (INPUTS, h / COARSE, w / COARSE).

    First the mean of each block, then the largest: thin limbs and small holes survive the
    shrinking. h and w are multiples of COARSE.
    """
    shape = scaled((maps[0].shape[0], maps[0].shape[1]), 1 / COARSE)
    seen = np.empty((2, len(maps), *shape), np.float32)
    for plane, mean, largest in zip(maps, *seen, strict=True):
        mean[:] = resize(plane, shape)
        _largest(plane, largest)
    return seen.reshape(-1, *shape)


def _largest(plane: Float, out: Float) -> None:
    """The largest value of each block of a plane (h, w)."""
    rows = plane[::COARSE]
    for start in range(1, COARSE):
        rows = np.asarray(cv2.max(rows, plane[start::COARSE]), np.float32)
    out[:] = rows[:, ::COARSE]
    for start in range(1, COARSE):
        np.maximum(out, rows[:, start::COARSE], out=out)
