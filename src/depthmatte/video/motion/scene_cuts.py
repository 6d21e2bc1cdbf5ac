"""Find scene cuts: frames after which nothing of the picture goes on."""

from __future__ import annotations

import cv2
import numpy as np

from ...canvas import resize
from ...types import RGB, Float
from .optical_flow import Motion, warp

_THUMBNAIL_SHAPE = (36, 64)
_HISTOGRAM_BINS = 8
_MIN_HISTOGRAM_CHANGE = 0.35
"""Share of pixels that change their bin of color from which a frame may begin a new scene."""

_MIN_WARPED_DIFFERENCE = 28.0
"""Mean difference to the moved previous frame, in levels of 255, from which it does."""


def is_scene_cut(previous: RGB, current: RGB, motion: Motion | None = None) -> bool:
    """Return whether a new scene begins with `current`.

    Two things must come together: other colors, and a picture that the previous one does not
    explain even when it is moved by the motion between them. So neither a fast camera nor a
    flash of light counts.

    Parameters
    ----------
    previous, current : ndarray
        uint8 (h, w, 3) of the same size.
    motion : Motion, optional
        From `current` to `previous`, of their size.

    Returns
    -------
    bool
    """
    if previous.shape != current.shape:
        return True
    change = np.abs(_color_histogram(previous) - _color_histogram(current)).sum() / 2
    if change < _MIN_HISTOGRAM_CHANGE:
        return False
    moved = previous if motion is None else warp(previous, motion.flow)
    one, other = (_normalized_thumbnail(picture) for picture in (moved, current))
    return bool(np.abs(one - other).mean() >= _MIN_WARPED_DIFFERENCE)


def _color_histogram(picture: RGB) -> Float:
    """Return the share of pixels in each bin of color; it sums to 1."""
    bins, size = _HISTOGRAM_BINS, picture.shape[0] * picture.shape[1]
    counts = cv2.calcHist([picture], [0, 1, 2], None, [bins] * 3, [0, 256] * 3)
    return np.asarray(counts.ravel() / size, np.float32)


def _normalized_thumbnail(picture: RGB) -> Float:
    """Return a small picture without its mean brightness, which a flash changes."""
    small = np.asarray(resize(picture, _THUMBNAIL_SHAPE), np.float32)
    return np.asarray(small - small.mean(), np.float32)
