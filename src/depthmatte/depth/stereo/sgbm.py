"""The classical matcher: semi-global matching of blocks, checked from the other view.

Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual Information", 2008, in
OpenCV's form with three paths.
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
_SMALL_STEP_PENALTY, _LARGE_STEP_PENALTY = (8 * 3 * _BLOCK_SIDE_PX**2, 32 * 3 * _BLOCK_SIDE_PX**2)
"""What a disparity step of one pixel and a larger one cost, as OpenCV advises for 3 channels."""

_PREFILTER_CAP = 63
"""Largest slope the matcher tells apart: makes it blind to exposure."""

_DEFAULT_SEARCH_WIDTH_SHARE = 0.3
"""Share of the width searched when nobody says how far disparities go."""

_MIN_TEXTURE_PX_AND_LEVELS = (15, 3)
"""A square of so many pixels whose grey levels span less than this shows nothing to match."""

_MAX_COST_VOLUME_CELLS = 2**28
"""Pixels times disparities the search may hold; larger pairs are matched smaller."""


def match_sgbm(left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
    """Match a rectified pair of uint8 (h, w, 3) with full range; a `disparity.Matcher`.

    `prob` is 1 where both views agree, 0.5 where they differ by a pixel, and 0 where by more
    or where there is nothing to match; such holes hold the usual background filling.
    """
    height, width = left.shape[:2]
    max_disparity = min(
        max(max_disparity or _DEFAULT_SEARCH_WIDTH_SHARE * width, 1.0), float(width)
    )
    scale = min(1.0, (_MAX_COST_VOLUME_CELLS / (height * width * max_disparity)) ** (1 / 3))
    shape = scale_shape((height, width), scale)
    small = _match(resize(left, shape), resize(right, shape), max_disparity * shape[1] / width)
    return small.resized((height, width))


def _match(left: RGB, right: RGB, reach: float) -> Disparity:
    ours = _search(left, right, reach)
    theirs = _search(flip_view(right), flip_view(left), reach)[:, ::-1]
    apart = left_right_difference(ours, theirs)
    known = (ours >= 0) & (apart <= LEFT_RIGHT_TOLERANCE_PX) & _has_texture(left)
    prob = np.where(
        known, 1 - np.minimum(apart, LEFT_RIGHT_TOLERANCE_PX) / (2 * LEFT_RIGHT_TOLERANCE_PX), 0
    )
    return Disparity(fill_disparity_holes(ours, known), prob.astype(np.float32))


def _has_texture(view: RGB) -> Mask:
    """Boolean (h, w): where the surroundings differ; elsewhere smoothness alone decides."""
    size, levels = _MIN_TEXTURE_PX_AND_LEVELS
    square = np.ones((size, size), np.uint8)
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.subtract(cv2.dilate(grey, square), cv2.erode(grey, square)) >= levels)


def _search(left: RGB, right: RGB, reach: float) -> Float:
    """Disparity (h, w) of the left view from 0 to `reach`; below 0 where nothing was found."""
    steps = int(np.ceil((reach + 1) / 16)) * 16
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
    # OpenCV leaves out the first columns, which the right view need not show in full.
    sides = (
        cv2.copyMakeBorder(view, 0, 0, steps, 0, cv2.BORDER_REPLICATE) for view in (left, right)
    )
    return np.asarray(matcher.compute(*sides)[:, steps:], np.float32) / np.float32(16)
