"""What matte and depth look like to the fusion network: one stack of maps in [0, 1]."""

from __future__ import annotations

import numpy as np

from ..canvas import Float
from ..maps import Depth, Matte

CHANNELS = 9
"""alpha, prob, log depth, I2, measured or not, nearer or farther than the subject, RGB."""

GREY = 0.5
"""Every colour of a matte that does not say what it was cut from."""

COARSE = 4
"""The verdict is as coarse as this many canvas pixels; the matte is compared at that size."""

NEARBY = 41
"""Coarse pixels across: depth may decide this near to measured values."""

HALO = 9
"""Side in pixels of the square over which the soft edge of somebody dropped goes too."""

REACH = 0.5
"""Differences in log depth beyond this all look alike."""


def features(matte: Matte, depth: Depth, subject: float) -> Float:
    """float32 (CHANNELS, h, w) in [0, 1]; `subject` is the subject's log depth in [0, 1].

    The last channel of depth is 0.5 at the subject's depth, more behind it, less before it;
    where nothing was measured all of them are 0.
    """
    known = depth.usable.astype(np.float32)
    beyond = np.clip(
        (depth.log - np.float32(subject)) / np.float32(2 * REACH) + np.float32(0.5), 0, 1
    )
    stack = np.empty((CHANNELS, *known.shape), np.float32)
    for channel, plane in enumerate(
        (matte.alpha, matte.prob, depth.log, depth.prob, known, beyond * known)
    ):
        stack[channel] = plane
    stack[-3:] = GREY if matte.rgb is None else matte.rgb
    return stack
