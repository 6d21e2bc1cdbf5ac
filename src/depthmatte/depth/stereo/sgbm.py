"""Semi-global block matching with a left-right check.

Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual Information", 2008, in the
variant of OpenCV with three paths.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...canvas import resize, scale_shape
from ...types import RGB, Float, Mask
from .disparity import (
    LEFT_RIGHT_TOLERANCE_PX,
    Disparity,
    fill_disparity_holes,
    flip_view,
    left_right_difference,
)

_BLOCK_SIDE_PX = 3
"""Side of the matched blocks, in pixels."""

_SMALL_STEP_PENALTY, _LARGE_STEP_PENALTY = (8 * 3 * _BLOCK_SIDE_PX**2, 32 * 3 * _BLOCK_SIDE_PX**2)
"""Cost of a disparity step of one pixel and of a larger one, as OpenCV advises for 3 channels."""

_PREFILTER_CAP = 63
"""Largest horizontal gradient that the matcher distinguishes. Makes it robust to exposure."""

_DEFAULT_SEARCH_WIDTH_SHARE = 0.3
"""Largest disparity searched, as a share of the width, if it is not given."""

_MIN_TEXTURE_PX_AND_LEVELS = (15, 3)
"""Side of a square in pixels, and range of gray levels below which it has no texture."""

_MAX_COST_VOLUME_CELLS = 2**28
"""Pixels times disparities at most, to limit memory. Larger pairs are matched at a smaller size."""


def match_sgbm(left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
    """Match a rectified pair by semi-global block matching (a `StereoMatcher`).

    Parameters
    ----------
    left, right : ndarray
        Views of one size, uint8 (h, w, 3), with values up to 255.
    max_disparity : float, optional
        Largest disparity to search, in pixels; 30 % of the width if not given.

    Returns
    -------
    Disparity
        Of the left view. Probability is 1 where both views agree, 0.5 where they differ by one
        pixel, and 0 where they differ by more or have no texture. There the disparity is filled
        from the background.
    """
    height, width = left.shape[:2]
    max_disparity = min(
        max(max_disparity or _DEFAULT_SEARCH_WIDTH_SHARE * width, 1.0), float(width)
    )
    scale = min(1.0, (_MAX_COST_VOLUME_CELLS / (height * width * max_disparity)) ** (1 / 3))
    shape = scale_shape((height, width), scale)
    small = _match(resize(left, shape), resize(right, shape), max_disparity * shape[1] / width)
    return small.resized((height, width))


def _match(left: RGB, right: RGB, max_disparity: float) -> Disparity:
    """Match a pair at its size, with a left-right check."""
    left_pixels = _search(left, right, max_disparity)
    right_pixels = _search(flip_view(right), flip_view(left), max_disparity)[:, ::-1]
    difference = left_right_difference(left_pixels, right_pixels)
    known = (left_pixels >= 0) & (difference <= LEFT_RIGHT_TOLERANCE_PX) & _has_texture(left)
    prob = np.where(
        known,
        1 - np.minimum(difference, LEFT_RIGHT_TOLERANCE_PX) / (2 * LEFT_RIGHT_TOLERANCE_PX),
        0,
    )
    return Disparity(fill_disparity_holes(left_pixels, known), prob.astype(np.float32))


def _has_texture(view: RGB) -> Mask:
    """Where the view has texture, boolean (h, w). Elsewhere smoothness alone would decide."""
    size, levels = _MIN_TEXTURE_PX_AND_LEVELS
    square = np.ones((size, size), np.uint8)
    gray = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.subtract(cv2.dilate(gray, square), cv2.erode(gray, square)) >= levels)


def _search(left: RGB, right: RGB, max_disparity: float) -> Float:
    """Disparity (h, w) of the left view; below 0 where nothing was found."""
    steps = int(np.ceil((max_disparity + 1) / 16)) * 16
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=steps,
        blockSize=_BLOCK_SIDE_PX,
        P1=_SMALL_STEP_PENALTY,
        P2=_LARGE_STEP_PENALTY,
        disp12MaxDiff=-1,
        preFilterCap=_PREFILTER_CAP,
        mode=cv2.StereoSGBM_MODE_SGBM_3WAY,
    )
    # OpenCV skips the first columns, so both views are padded on the left.
    padded = (
        cv2.copyMakeBorder(view, 0, 0, steps, 0, cv2.BORDER_REPLICATE) for view in (left, right)
    )
    return np.asarray(matcher.compute(*padded)[:, steps:], np.float32) / np.float32(16)
