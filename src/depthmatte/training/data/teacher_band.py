"""A teacher's soft matte refines a binary mask, in a band along the mask's outline only.

Hand-made masks are binary. They know which person is meant, but not which share of a pixel is
hair. A teacher draws soft hair, but it may see another person or miss an arm. So the mask decides
everywhere except near its outline, and there only where the two agree on the shape.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_TEACHER_IOU = 0.88
"""Least IoU of a teacher's matte with the mask; below it the teacher sees something else."""

_MIN_RADIUS_PX, _RADIUS_RATIO = 3.0, 0.03
"""Half the width of the band: pixels at least, and as a ratio to the root of the person's area.

Hair and fingers reach farther from the outline in a photo where the person is larger.
"""


def refine_outline(mask: NDArray[np.uint8], soft: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Replace a mask by a teacher's alpha in a band along the mask's outline.

    Where the teacher differs from the mask by more than half the band (a bag, an arm, a passer-by),
    it is not believed, nor around that place.

    Parameters
    ----------
    mask : ndarray
        uint8 (H, W), 0 to 255. It is taken for binary at 127, except where no teacher is believed.
    soft : ndarray or None
        The teacher's alpha, uint8 of any size, 0 to 255.

    Returns
    -------
    ndarray
        uint8 (H, W). The mask itself where there is no teacher, or one that does not agree.
    """
    if soft is None:
        return mask
    if soft.shape != mask.shape:
        soft = np.asarray(cv2.resize(soft, mask.shape[::-1]), np.uint8)
    truth, guess = mask > 127, soft > 127
    common = np.count_nonzero(truth & guess)
    if not common or common < _MIN_TEACHER_IOU * np.count_nonzero(truth | guess):
        return mask
    radius = max(_MIN_RADIUS_PX, _RADIUS_RATIO * math.sqrt(np.count_nonzero(truth)))
    distance = _outline_distance(truth)
    wrong = ((truth != guess) & (distance > radius / 2)).astype(np.uint8)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(radius) + 1,) * 2)
    band = (distance <= radius) & (cv2.dilate(wrong, disk) == 0)
    return np.where(band, soft, np.where(truth, 255, 0)).astype(np.uint8)


def _outline_distance(truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the pixels from each pixel to the nearest of the other kind, float32 (H, W)."""
    inside, outside = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (truth, ~truth)
    )
    return np.asarray(np.maximum(inside, outside), np.float32)
