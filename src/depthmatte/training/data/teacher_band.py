"""A teacher's soft matte refines a binary mask, as a rule in a band along the mask's outline only.

Hand-made masks are binary. They know which person is meant, but not which share of a pixel is
hair. A teacher draws soft hair, but it may see another person or miss an arm. So the mask decides
everywhere except near its outline, and there only where the two agree on the shape.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..tasks.augmentation import TeacherMatte

DEFAULT_TEACHER = TeacherMatte()
"""How far a teacher's matte is believed where a recipe does not say."""

_PARTS = 256
"""Mattes are mixed in whole parts of this many, so that all machines round alike."""


def refine_outline(
    mask: NDArray[np.uint8],
    soft: NDArray[np.uint8] | None,
    teacher: TeacherMatte = DEFAULT_TEACHER,
) -> NDArray[np.uint8]:
    """Mix a teacher's alpha into a mask, in a band along the mask's outline.

    Where the teacher differs from the mask by more than a part of the band (a bag, an arm, a
    passer-by), it is not believed, nor around that place.

    Parameters
    ----------
    mask : ndarray
        uint8 (H, W), 0 to 255. Where there is a band it is taken for binary at 127, except where no
        teacher is believed.
    soft : ndarray or None
        The teacher's alpha, uint8 of any size, 0 to 255.
    teacher : TeacherMatte
        How far the teacher is believed.

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
    if not common or common < teacher.least_iou * np.count_nonzero(truth | guess):
        return mask
    weight = round(teacher.weight * _PARTS)
    mixed = mask.astype(np.uint32) * (_PARTS - weight) + soft.astype(np.uint32) * weight
    blend = (mixed + _PARTS // 2) // _PARTS
    if not teacher.band:
        return blend.astype(np.uint8)
    band = _agreed_band(truth, guess, teacher)
    return np.where(band, blend, np.where(truth, 255, 0)).astype(np.uint8)


def _agreed_band(
    truth: NDArray[np.bool_], guess: NDArray[np.bool_], teacher: TeacherMatte
) -> NDArray[np.bool_]:
    """Near the mask's outline, except around places where the teacher errs by much."""
    radius = max(teacher.least_band, teacher.band * math.sqrt(np.count_nonzero(truth)))
    distance = _outline_distance(truth)
    wrong = ((truth != guess) & (distance > radius * teacher.error_reach)).astype(np.uint8)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(radius) + 1,) * 2)
    return np.asarray((distance <= radius) & (cv2.dilate(wrong, disk) == 0))


def _outline_distance(truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the pixels from each pixel to the nearest of the other kind, float32 (H, W)."""
    inside, outside = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (truth, ~truth)
    )
    return np.asarray(np.maximum(inside, outside), np.float32)
