"""Errors of alpha over time, measured against the true masks of a video.

All functions take sequences of alpha and truth, float (h, w) in [0, 1], one for each frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..types import Float, Mask

_EDGE_PX = 2
"""Distance from pixels whose truth changes within which alpha may change too."""

_GHOST_FRAMES = 3
"""Frames for which the place that the person has left is watched."""


def temporal_error(alphas: Sequence[Float], truths: Sequence[Float]) -> float:
    """Return dtSSD: how wrong the changes of alpha from frame to frame are.

    It is the mean over the frames of the root of the mean squared difference between the change
    of alpha and the change of the truth (Erofeev et al., BMVC 2015). 0 is perfect.
    """
    errors = [
        np.sqrt((((one - last) - (true - true_last)) ** 2).mean())
        for last, one, true_last, true in zip(
            alphas[:-1], alphas[1:], truths[:-1], truths[1:], strict=True
        )
    ]
    return float(np.mean(errors)) if errors else 0.0


def flicker(alphas: Sequence[Float], truths: Sequence[Float]) -> float:
    """Return how much alpha changes where the true mask does not.

    In each frame: the sum of the changes of alpha since the frame before, over all pixels more
    than 2 pixels away from where the truth changes, as a share of the person's area. The mean
    over the frames is returned; 0 is perfect.
    """
    shares = []
    for last, one, true_last, true in zip(
        alphas[:-1], alphas[1:], truths[:-1], truths[1:], strict=True
    ):
        same = ~_grow((true >= 0.5) != (true_last >= 0.5))
        shares.append(np.abs(one - last)[same].sum() / max(1, int((true >= 0.5).sum())))
    return float(np.mean(shares)) if shares else 0.0


def ghost(alphas: Sequence[Float], truths: Sequence[Float]) -> float:
    """Return the mean alpha where the person was within 3 frames before and is not any more.

    Alpha that lags behind the motion raises it. Also a perfect soft alpha is above 0 there.
    """
    values = []
    for index in range(1, len(alphas)):
        was = np.any([true >= 0.5 for true in truths[max(0, index - _GHOST_FRAMES) : index]], 0)
        left = was & (truths[index] < 0.5)
        if left.any():
            values.append(alphas[index][left].mean())
    return float(np.mean(values)) if values else 0.0


def _grow(mask: Mask) -> Mask:
    side = 2 * _EDGE_PX + 1
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), window) > 0)
