"""Maps that follow from the portrait area: what pictures show, and what is certain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Float


def pictured_opacity(portrait: Any) -> Float:
    """How much of each pixel a picture shows of the person.

    Parameters
    ----------
    portrait : Portrait
        Any portrait.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1]. This is `portrait.alpha`, unless the fusion has made alpha
        something else than an opacity. Then it is the opacity within `portrait.mask`, the
        portrait area, and 0 elsewhere.
    """
    matte = portrait.matte
    if matte.opacity is None:
        return np.asarray(portrait.alpha, np.float32)
    visible = replace(portrait, matte=replace(matte, alpha=matte.opacity, opacity=None))
    return np.where(portrait.mask, visible.alpha, np.float32(0))


def make_trimap(opacity: Float) -> NDArray[np.uint8]:
    """What is certain, uint8 (H, W): 0 background, 255 portrait, 128 unknown.

    Unknown is where the opacity is neither 0 nor 1 to 8 bits, and a pixel around that.
    """
    levels = np.rint(opacity * np.float32(255)).astype(np.uint8)
    unknown = cv2.dilate(((levels > 0) & (levels < 255)).astype(np.uint8), np.ones((3, 3)))
    trimap = np.where(levels == 255, np.uint8(255), np.uint8(0))
    trimap[unknown > 0] = 128
    return trimap
