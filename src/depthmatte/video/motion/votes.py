"""Let frames vote about the alpha of each pixel: the weighted middle of what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...types import Float

_MIN_BELIEF = 0.01
"""Belief in a motion below which a frame has no vote in a pixel."""

_MIN_CERTAINTY = 0.05
"""Weight of a frame that says one half, which is neither person nor background."""

_LEVELS = 65535
"""Steps in which values are sorted."""


@dataclass(frozen=True, eq=False)
class Votes:
    """The values of n pixels in k frames, sorted.

    Parameters
    ----------
    values : ndarray
        float32 (k, n) in [0, 1], rising along the first axis.
    weights : ndarray
        float32 (k, n): how much each vote counts.
    is_own : ndarray
        bool (k, n): which vote is that of the frame itself.
    """

    values: Float
    weights: Float
    is_own: NDArray[np.bool_]

    @classmethod
    def cast(cls, values: Float, beliefs: Float) -> Votes:
        """Sort the votes of frames.

        Parameters
        ----------
        values : ndarray
            float32 (k, n) in [0, 1]; the first frame is the frame itself.
        beliefs : ndarray
            float32 (k, n) in [0, 1]: the belief in the motion to each frame. A vote counts as
            much as the belief times its certainty, which is 1 for 0 and 1 and nearly 0 for 0.5.
        """
        certainty = np.maximum(np.abs(2 * values - 1), np.float32(_MIN_CERTAINTY))
        weights = np.where(beliefs >= _MIN_BELIEF, beliefs * certainty, np.float32(0))
        # One number holds value and frame, because sorting numbers is faster than an order.
        keys = (values * np.float32(_LEVELS) + np.float32(0.5)).astype(np.uint32) << 8
        keys |= np.arange(len(values), dtype=np.uint32)[:, None]
        keys.sort(axis=0)
        frame = keys & 0xFF
        return cls(
            np.asarray((keys >> 8) * np.float32(1 / _LEVELS), np.float32),
            np.take_along_axis(weights, frame.astype(np.intp), axis=0),
            frame == 0,
        )

    def middle(self, own_weight: float, share: float) -> Float:
        """Return the middle of the votes.

        Parameters
        ----------
        own_weight : float
            Factor of the vote of the frame itself, above 0.
        share : float
            Share of all weight around the weighted median whose values are averaged; 0 returns
            the median itself.

        Returns
        -------
        ndarray
            float32 (n,) in [0, 1].
        """
        weights = np.where(self.is_own, self.weights * np.float32(own_weight), self.weights)
        sums = np.cumsum(weights, axis=0)
        total = sums[-1]
        if not share:
            middle = (sums >= total / 2).argmax(axis=0)
            return np.asarray(np.take_along_axis(self.values, middle[None], axis=0)[0], np.float32)
        low, high = total * np.float32((1 - share) / 2), total * np.float32((1 + share) / 2)
        inside = np.minimum(sums, high) - np.maximum(sums - weights, low)
        np.maximum(inside, 0, out=inside)
        return np.asarray((inside * self.values).sum(axis=0) / inside.sum(axis=0), np.float32)
