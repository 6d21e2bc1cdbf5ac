"""Match keypoints of two views."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize, scale_shape
from ...types import RGB

_Points = NDArray[np.float64]

_KEYPOINT_SIDE_PX = 640
"""Longer side, in pixels, of the views in which keypoints are detected."""

_MAX_KEYPOINTS = 1000
"""Keypoints per view at most."""

_LOWE_RATIO = 0.8
"""Largest ratio of the distances of the best and second best match (Lowe, 2004)."""

MIN_MATCHES = 20
"""Number of matches from which they are used to decide about a pair."""

ROW_TOLERANCE_PX = 2.0
"""Largest row difference of matches in a rectified pair, in pixels of the detection."""


@dataclass(frozen=True)
class KeypointMatches:
    """Matched points of a pair.

    `left` and `right` hold x and y in pixels of their view, float64 (n, 2). `pixel_size` is the
    size of a pixel of the detection, in pixels of the views.
    """

    left: _Points
    right: _Points
    pixel_size: float

    def __len__(self) -> int:
        return len(self.left)

    @property
    def is_sufficient(self) -> bool:
        """Whether there are enough matches to decide about the pair."""
        return len(self) >= MIN_MATCHES

    @property
    def disparity(self) -> NDArray[np.float64]:
        """x_left - x_right in pixels, float64 (n,)."""
        return np.asarray(self.left[:, 0] - self.right[:, 0])

    @property
    def row_offsets(self) -> NDArray[np.float64]:
        """y_left - y_right in pixels, float64 (n,); 0 in a rectified pair."""
        return np.asarray(self.left[:, 1] - self.right[:, 1])

    def in_equal_rows(self) -> KeypointMatches:
        """The matches in equal rows, as in a rectified pair."""
        return self.select(np.abs(self.row_offsets) <= ROW_TOLERANCE_PX * self.pixel_size)

    def epipolar_inliers(self) -> KeypointMatches:
        """The matches that fit one fundamental matrix (MAGSAC++ of OpenCV)."""
        if len(self) < 8:
            return self.select(np.zeros(len(self), bool))
        try:
            _, kept = cv2.findFundamentalMat(
                self.left, self.right, cv2.USAC_MAGSAC, 1.5 * self.pixel_size, 0.999, 5000
            )
        except cv2.error:  # OpenCV asserts on degenerate points: no matrix fits them
            return self.select(np.zeros(len(self), bool))
        # OpenCV returns None where it finds no matrix. Its type hints omit this.
        found = np.ravel(kept) if np.size(kept) == len(self) else np.zeros(len(self))
        return self.select(found.astype(bool))

    def select(self, kept: NDArray[np.bool_]) -> KeypointMatches:
        """The matches where `kept`, boolean (n,), is True."""
        return KeypointMatches(self.left[kept], self.right[kept], self.pixel_size)


def match_keypoints(left: RGB, right: RGB) -> KeypointMatches:
    """Match SIFT keypoints that are each other's best match.

    Some matches are wrong; `KeypointMatches.epipolar_inliers` removes most of them.

    Parameters
    ----------
    left, right : ndarray
        The views, uint8 (h, w, 3).

    Returns
    -------
    KeypointMatches
        May be empty.
    """
    scale = min(1.0, _KEYPOINT_SIDE_PX / max(*left.shape[:2], *right.shape[:2]))
    detector = cv2.SIFT.create(_MAX_KEYPOINTS)
    (left_points, left_descriptors), (right_points, right_descriptors) = (
        _detect_keypoints(detector, view, scale) for view in (left, right)
    )
    if len(left_points) < 2 or len(right_points) < 2:
        no_points = np.zeros((0, 2))
        return KeypointMatches(no_points, no_points, 1 / scale)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    right_to_left = {
        match.queryIdx: match.trainIdx
        for match in matcher.match(right_descriptors, left_descriptors)
    }
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in matcher.knnMatch(left_descriptors, right_descriptors, k=2)
        if best.distance < _LOWE_RATIO * second.distance
        and right_to_left.get(best.trainIdx) == best.queryIdx
    ]
    index = np.array(pairs, int).reshape(-1, 2)
    return KeypointMatches(left_points[index[:, 0]], right_points[index[:, 1]], 1 / scale)


def _detect_keypoints(
    detector: cv2.SIFT, view: RGB, scale: float
) -> tuple[_Points, NDArray[np.float32]]:
    """Keypoints (n, 2) in pixels of `view`, and their descriptors (n, 128)."""
    shape = scale_shape(view.shape[:2], scale)
    gray = cv2.cvtColor(resize(view, shape), cv2.COLOR_RGB2GRAY)
    points, descriptors = detector.detectAndCompute(gray, np.zeros((0, 0), np.uint8))
    found = np.array([point.pt for point in points], float).reshape(-1, 2)
    in_view = (found + 0.5) * (view.shape[1] / shape[1], view.shape[0] / shape[0]) - 0.5
    return in_view, np.asarray(descriptors, np.float32) if points else np.zeros(
        (0, 128), np.float32
    )
