"""What matte and depth look like to the fusion network: one stack of maps in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..canvas import Float
from ..maps import Depth, Matte

CHANNELS = 6
"""alpha, prob, log depth, I2, measured or not, nearer or farther than the subject."""

RANGE = 2.0
"""A scene spans at least this ratio of distances, so a flat wall is not stretched."""

REACH = 0.5
"""Differences in log depth beyond this all look alike."""


def believed(depth: Depth) -> NDArray[np.bool_]:
    """Where depth counts, boolean (h, w): where it was measured, nowhere if I2 is 0 everywhere.

    Not where I2 > 0: row A13 gives 0 to the farthest wall, which was measured all the same.
    """
    return depth.known & depth.prob.any()


def log_depth(depth: Depth) -> Float:
    """d in [0, 1] as the depth network means it: log distance from nearest to farthest part.

    Metres are brought to it; a relative map already is (0 where nothing was measured).
    """
    known = believed(depth)
    if not known.any():
        return np.zeros_like(depth.z)
    if not depth.metric:
        return np.where(known, depth.z, np.float32(0))
    logs = np.log(np.maximum(depth.z, np.float32(1e-3)))
    near, far = np.percentile(logs[known], (1, 99))
    d = (logs - np.float32(near)) / np.float32(max(far - near, np.log(RANGE)))
    return np.where(known, np.clip(d, 0, 1), np.float32(0)).astype(np.float32)


def features(matte: Matte, depth: Depth, subject: float) -> Float:
    """float32 (CHANNELS, h, w) in [0, 1]; `subject` is the subject's log depth in [0, 1].

    The last channel is 0.5 at the subject's depth, more behind it, less before it; where
    nothing was measured all depth channels are 0.
    """
    d = log_depth(depth)
    known = believed(depth).astype(np.float32)
    beyond = np.clip((d - np.float32(subject)) / np.float32(2 * REACH) + np.float32(0.5), 0, 1)
    return np.stack([matte.alpha, matte.prob, d, depth.prob, known, beyond * known])
