"""One picture over another."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import RGB, Float


def composite_over(front: RGB, alpha: Float, back: RGB) -> RGB:
    """alpha * front + (1 - alpha) * back, uint8 (H, W, 3), `alpha` float32 (H, W) in [0, 1].

    In sRGB, not in linear light: so do viewers and page builders with the cut-out, and the
    training composites of matting networks. Exact where alpha is 0 or 1.
    """
    return np.asarray(cv2.blendLinear(front, back, alpha, 1 - alpha), np.uint8)
