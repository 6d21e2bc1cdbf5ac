"""Disparity -> distance: z = focal * baseline / (disparity + doffs)."""

from __future__ import annotations

import numpy as np

from ...evidence import DepthStatus
from ...types import Float, Mask
from ...values import Depth
from .matching import StereoMatch

_MIN_DISPARITY_PX = 0.5
"""Disparity in pixels below which a distance counts as infinite."""

_DEPTH_RATIO_RANGE = (1.5, 50.0)
"""Least and largest ratio of the farthest to the nearest distance that relative depth spans.

The least keeps the noise of a flat wall from being stretched into a scene.
"""

_SHIFTED_PAIR_DEPTH_RATIO = 10.0
"""That ratio for pairs that were shifted sideways: nobody knows their infinity."""


def triangulate(found: StereoMatch) -> Depth:
    """Depth on the photo's own pixels (h, w): metres with a calibration, else relative.

    Without a baseline d is log distance between the scene's nearest (0) and farthest (1)
    part, which is what the monocular network gives, so that one set of thresholds serves
    both. Infinite distances are cut off with the reason TOO_FAR; what the other view does
    not see has the reason SHADOW.
    """
    pixels, prob, pair = found.disparity.pixels, found.disparity.prob, found.pair
    if pair.baseline is None:
        z, far = _relative_depth(pixels, prob, found.shifted)
    else:
        z, far = _metric_depth(found, pair.focal * pair.baseline)
    reasons = (
        (prob == 0, DepthStatus.MISSING),
        (far, DepthStatus.TOO_FAR),
        (found.hidden, DepthStatus.OCCLUDED),
    )
    validity = np.full(z.shape, DepthStatus.VALID, np.uint8)
    for where, reason in reasons:
        validity[where] = reason
    if not prob.any():
        validity[:] = DepthStatus.MISSING
    return Depth(z, prob, pair.baseline is not None, "stereo", validity)


def _metric_depth(found: StereoMatch, strength: float) -> tuple[Float, Mask]:
    """Metres along the photo's own axis, and where they are cut off.

    `strength` is the disparity of a thing one metre away.
    """
    parallax = found.disparity.pixels + np.float32(found.pair.doffs)
    z = np.float32(strength) / np.maximum(parallax, np.float32(_MIN_DISPARITY_PX))
    if found.pair.tilt is not None:
        z = z / found.pair.tilt
    return np.asarray(z, np.float32), parallax < _MIN_DISPARITY_PX


def _relative_depth(pixels: Float, prob: Float, shifted: bool) -> tuple[Float, Mask]:
    """Log distance in [0, 1], and where it is cut off."""
    known = pixels[prob >= min(0.5, float(prob.max()))] if prob.any() else np.ones(1, np.float32)
    low, high = (float(value) for value in np.percentile(known, (0.5, 99.5)))
    if shifted:
        # Such that the farthest lies WINDOW times as far as the nearest.
        rest = (high - _SHIFTED_PAIR_DEPTH_RATIO * low) / (_SHIFTED_PAIR_DEPTH_RATIO - 1)
        low, high, pixels = low + rest, high + rest, pixels + np.float32(rest)
    least, most = _DEPTH_RATIO_RANGE
    high = max(high, _MIN_DISPARITY_PX)
    low = min(max(low, _MIN_DISPARITY_PX, high / most), high / least)
    ratio = np.log(high / np.maximum(pixels, np.float32(low))) / np.log(high / low)
    return np.clip(ratio, 0, 1).astype(np.float32), pixels < low - _MIN_DISPARITY_PX
