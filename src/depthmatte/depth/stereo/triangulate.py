"""Depth from disparity: z = focal * baseline / (disparity + doffs)."""

from __future__ import annotations

import numpy as np

from ...evidence import DepthStatus
from ...types import Float, Mask
from ...values import Depth
from .matching import StereoMatch

_MIN_DISPARITY_PX = 0.5
"""Disparity, in pixels, below which the distance counts as infinite."""

_DEPTH_RATIO_RANGE = (1.5, 50.0)
"""Smallest and largest ratio of the farthest to the nearest distance in relative depth.

The smallest prevents the noise of a flat wall from being stretched to the full range.
"""

_SHIFTED_PAIR_DEPTH_RATIO = 10.0
"""That ratio for pairs shifted sideways, whose disparity at infinity is unknown."""


def triangulate(found: StereoMatch) -> Depth:
    """Compute depth from a matched pair.

    Parameters
    ----------
    found : StereoMatch
        Disparity on the photo's pixels (h, w).

    Returns
    -------
    Depth
        On the photo's pixels (h, w): in meters with a calibration. Otherwise relative: the log
        distance between the scene's nearest (0) and farthest (1) part, as from the depth
        network. Infinite distances have status TOO_FAR. Pixels that the other view does not see
        have status OCCLUDED.
    """
    pixels, prob, pair = found.disparity.pixels, found.disparity.prob, found.pair
    if pair.baseline is None:
        z, far = _relative_depth(pixels, prob, found.shifted)
    else:
        z, far = _metric_depth(found, pair.focal * pair.baseline)
    statuses = (
        (prob == 0, DepthStatus.MISSING),
        (far, DepthStatus.TOO_FAR),
        (found.hidden, DepthStatus.OCCLUDED),
    )
    validity = np.full(z.shape, DepthStatus.VALID, np.uint8)
    for where, status in statuses:
        validity[where] = status
    if not prob.any():
        validity[:] = DepthStatus.MISSING
    return Depth(z, prob, pair.baseline is not None, "stereo", validity)


def _metric_depth(found: StereoMatch, unit_disparity: float) -> tuple[Float, Mask]:
    """Depth in meters along the photo's axis, and where it is cut off.

    `unit_disparity` is the disparity, in pixels, of a point one meter away.
    """
    parallax = found.disparity.pixels + np.float32(found.pair.doffs)
    z = np.float32(unit_disparity) / np.maximum(parallax, np.float32(_MIN_DISPARITY_PX))
    if found.pair.tilt is not None:
        z = z / found.pair.tilt
    return np.asarray(z, np.float32), parallax < _MIN_DISPARITY_PX


def _relative_depth(pixels: Float, prob: Float, shifted: bool) -> tuple[Float, Mask]:
    """Log distance in [0, 1], and where it is cut off."""
    known = pixels[prob >= min(0.5, float(prob.max()))] if prob.any() else np.ones(1, np.float32)
    low, high = (float(value) for value in np.percentile(known, (0.5, 99.5)))
    if shifted:
        # The offset makes the farthest distance 10 times the nearest.
        offset = (high - _SHIFTED_PAIR_DEPTH_RATIO * low) / (_SHIFTED_PAIR_DEPTH_RATIO - 1)
        low, high, pixels = low + offset, high + offset, pixels + np.float32(offset)
    min_ratio, max_ratio = _DEPTH_RATIO_RANGE
    high = max(high, _MIN_DISPARITY_PX)
    low = min(max(low, _MIN_DISPARITY_PX, high / max_ratio), high / min_ratio)
    ratio = np.log(high / np.maximum(pixels, np.float32(low))) / np.log(high / low)
    return np.clip(ratio, 0, 1).astype(np.float32), pixels < low - _MIN_DISPARITY_PX
