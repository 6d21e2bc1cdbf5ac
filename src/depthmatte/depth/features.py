"""Points that both views show: they tell whether rows agree, and how far disparities go."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import RGB
from ..canvas import resize, scaled

Points = NDArray[np.float64]

SIDE = 640
"""Longer side in pixels at which points are sought."""

COUNT = 1000
"""Points sought per view."""

DISTINCT = 0.8
"""A match counts when the second best is this much farther off (Lowe 2004)."""

FEW = 20
"""Fewer matches than this tell nothing about a pair."""

ROW = 2.0
"""Pixels, at SIDE, by which the rows of a rectified pair's matches may differ."""


@dataclass(frozen=True)
class Matches:
    """Matched points: `left` and `right` are float64 (n, 2), x and y in pixels of their view.

    `pixel` is the size of one pixel of the search, in pixels of the views.
    """

    left: Points
    right: Points
    pixel: float

    def __len__(self) -> int:
        return len(self.left)

    @property
    def enough(self) -> bool:
        """Are there enough to tell anything?"""
        return len(self) >= FEW

    @property
    def disparity(self) -> NDArray[np.float64]:
        """x_left - x_right, float64 (n,)."""
        return np.asarray(self.left[:, 0] - self.right[:, 0])

    @property
    def rows(self) -> NDArray[np.float64]:
        """y_left - y_right, float64 (n,): 0 in a rectified pair."""
        return np.asarray(self.left[:, 1] - self.right[:, 1])

    def level(self) -> Matches:
        """Those in equal rows, as in a rectified pair."""
        return self.only(np.abs(self.rows) <= ROW * self.pixel)

    def epipolar(self) -> Matches:
        """Those that one rigid scene explains (fundamental matrix, MAGSAC++ of OpenCV)."""
        if len(self) < 8:
            return self.only(np.zeros(len(self), bool))
        try:
            _, kept = cv2.findFundamentalMat(
                self.left, self.right, cv2.USAC_MAGSAC, 1.5 * self.pixel, 0.999, 5000
            )
        except cv2.error:  # its estimator asserts on degenerate points: no scene explains them
            return self.only(np.zeros(len(self), bool))
        # OpenCV gives None where it finds no matrix, which its types do not say.
        found = np.ravel(kept) if np.size(kept) == len(self) else np.zeros(len(self))
        return self.only(found.astype(bool))

    def only(self, kept: NDArray[np.bool_]) -> Matches:
        """Those that `kept` names."""
        return Matches(self.left[kept], self.right[kept], self.pixel)


def matches(left: RGB, right: RGB) -> Matches:
    """SIFT points of both views that are each other's best match; some are still wrong."""
    scale = min(1.0, SIDE / max(*left.shape[:2], *right.shape[:2]))
    finder = cv2.SIFT.create(COUNT)
    (ours, words), (theirs, others) = (_points(finder, view, scale) for view in (left, right))
    if len(ours) < 2 or len(theirs) < 2:
        nothing = np.zeros((0, 2))
        return Matches(nothing, nothing, 1 / scale)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(others, words)}
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in matcher.knnMatch(words, others, k=2)
        if best.distance < DISTINCT * second.distance and back.get(best.trainIdx) == best.queryIdx
    ]
    index = np.array(pairs, int).reshape(-1, 2)
    return Matches(ours[index[:, 0]], theirs[index[:, 1]], 1 / scale)


def _points(finder: cv2.SIFT, view: RGB, scale: float) -> tuple[Points, NDArray[np.float32]]:
    """Where points lie in `view`, and what describes them."""
    shape = scaled(view.shape[:2], scale)
    grey = cv2.cvtColor(resize(view, shape), cv2.COLOR_RGB2GRAY)
    points, words = finder.detectAndCompute(grey, np.zeros((0, 0), np.uint8))
    found = np.array([point.pt for point in points], float).reshape(-1, 2)
    grown = (found + 0.5) * (view.shape[1] / shape[1], view.shape[0] / shape[0]) - 0.5
    return grown, np.asarray(words, np.float32) if points else np.zeros((0, 128), np.float32)
