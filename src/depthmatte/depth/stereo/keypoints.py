"""Points that both views show: they tell whether rows agree, and how far disparities go."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize, scale_shape
from ...types import RGB

_Points = NDArray[np.float64]

_KEYPOINT_SIDE_PX = 640
"""Longer side in pixels at which points are sought."""

_MAX_KEYPOINTS = 1000
"""Points sought per view."""

_LOWE_RATIO = 0.8
"""A match counts when the second best is this much farther off (Lowe 2004)."""

MIN_MATCHES = 20
"""Fewer matches than this tell nothing about a pair."""

ROW_TOLERANCE_PX = 2.0
"""Pixels, at SIDE, by which the rows of a rectified pair's matches may differ."""


@dataclass(frozen=True)
class KeypointMatches:
    """Matched points: `left` and `right` are float64 (n, 2), x and y in pixels of their view.

    `pixel` is the size of one pixel of the search, in pixels of the views.
    """

    left: _Points
    right: _Points
    pixel_size: float

    def __len__(self) -> int:
        return len(self.left)

    @property
    def is_sufficient(self) -> bool:
        """Are there enough to tell anything?"""
        return len(self) >= MIN_MATCHES

    @property
    def disparity(self) -> NDArray[np.float64]:
        """x_left - x_right, float64 (n,)."""
        return np.asarray(self.left[:, 0] - self.right[:, 0])

    @property
    def row_offsets(self) -> NDArray[np.float64]:
        """y_left - y_right, float64 (n,): 0 in a rectified pair."""
        return np.asarray(self.left[:, 1] - self.right[:, 1])

    def in_equal_rows(self) -> KeypointMatches:
        """Those in equal rows, as in a rectified pair."""
        return self.select(np.abs(self.row_offsets) <= ROW_TOLERANCE_PX * self.pixel_size)

    def epipolar_inliers(self) -> KeypointMatches:
        """Those that one rigid scene explains (fundamental matrix, MAGSAC++ of OpenCV)."""
        if len(self) < 8:
            return self.select(np.zeros(len(self), bool))
        try:
            _, kept = cv2.findFundamentalMat(
                self.left, self.right, cv2.USAC_MAGSAC, 1.5 * self.pixel_size, 0.999, 5000
            )
        except cv2.error:  # its estimator asserts on degenerate points: no scene explains them
            return self.select(np.zeros(len(self), bool))
        # OpenCV gives None where it finds no matrix, which its types do not say.
        found = np.ravel(kept) if np.size(kept) == len(self) else np.zeros(len(self))
        return self.select(found.astype(bool))

    def select(self, kept: NDArray[np.bool_]) -> KeypointMatches:
        """Those that `kept` names."""
        return KeypointMatches(self.left[kept], self.right[kept], self.pixel_size)


def match_keypoints(left: RGB, right: RGB) -> KeypointMatches:
    """SIFT points of both views that are each other's best match; some are still wrong."""
    scale = min(1.0, _KEYPOINT_SIDE_PX / max(*left.shape[:2], *right.shape[:2]))
    finder = cv2.SIFT.create(_MAX_KEYPOINTS)
    (ours, words), (theirs, others) = (
        _detect_keypoints(finder, view, scale) for view in (left, right)
    )
    if len(ours) < 2 or len(theirs) < 2:
        nothing = np.zeros((0, 2))
        return KeypointMatches(nothing, nothing, 1 / scale)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(others, words)}
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in matcher.knnMatch(words, others, k=2)
        if best.distance < _LOWE_RATIO * second.distance
        and back.get(best.trainIdx) == best.queryIdx
    ]
    index = np.array(pairs, int).reshape(-1, 2)
    return KeypointMatches(ours[index[:, 0]], theirs[index[:, 1]], 1 / scale)


def _detect_keypoints(
    finder: cv2.SIFT, view: RGB, scale: float
) -> tuple[_Points, NDArray[np.float32]]:
    """Where points lie in `view`, and what describes them."""
    shape = scale_shape(view.shape[:2], scale)
    grey = cv2.cvtColor(resize(view, shape), cv2.COLOR_RGB2GRAY)
    points, words = finder.detectAndCompute(grey, np.zeros((0, 0), np.uint8))
    found = np.array([point.pt for point in points], float).reshape(-1, 2)
    grown = (found + 0.5) * (view.shape[1] / shape[1], view.shape[0] / shape[0]) - 0.5
    return grown, np.asarray(words, np.float32) if points else np.zeros((0, 128), np.float32)
