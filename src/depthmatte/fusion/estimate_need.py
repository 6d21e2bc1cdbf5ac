"""Decide from the matte alone whether an estimate of depth could change it.

The estimate is followed only where the matte is unsure: where it is one sure person, nothing in
the fusion comes of it. On held-out training photos the IoU is the same to four digits with and
without those estimates, and on composed scenes with several people .8984 and .8988.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..subjects.head_tops import find_head_tops
from ..values import Matte
from .inputs import BLOCK_SIDE_PX, HALF
from .region_decision import MIN_ESTIMATED_SHARE

_SURE_MEAN_PROB = 0.96
"""Mean probability of these pixels from which they are surely the subject. Chosen on composed
scenes of training people: below it the fusion changes alpha visibly."""


def estimate_can_help(matte: Matte) -> bool:
    """Whether an estimate of depth could change this matte.

    Parameters
    ----------
    matte : Matte
        Result of the segmentation (h, w).

    Returns
    -------
    bool
        False for nobody, and for one sure person in one connected region.
    """
    coarse = np.s_[::BLOCK_SIDE_PX, ::BLOCK_SIDE_PX]
    solid = matte.alpha[coarse] >= HALF
    if not solid.any():
        return bool((matte.alpha >= HALF).any())
    if matte.prob[coarse][solid].mean() < _SURE_MEAN_PROB:
        return True
    _, label, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(areas.argmax())
    if areas.sum() - areas[largest] > MIN_ESTIMATED_SHARE * areas[largest]:
        return True
    return len(find_head_tops(np.asarray(label == largest + 1))) > 1
