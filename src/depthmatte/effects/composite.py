"""Composite one picture over another."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import RGB, Float


def composite_over(front: RGB, alpha: Float, back: RGB) -> RGB:
    """alpha * front + (1 - alpha) * back.

    The formula runs on the encoded values, not in linear light, as in viewers, browsers and
    the training composites of matting networks. The result is exact where alpha is 0 or 1.

    Parameters
    ----------
    front, back : ndarray
        uint8 (H, W, 3).
    alpha : ndarray
        float32 (H, W) in [0, 1].

    Returns
    -------
    ndarray
        uint8 (H, W, 3).
    """
    return np.asarray(cv2.blendLinear(front, back, alpha, 1 - alpha), np.uint8)
