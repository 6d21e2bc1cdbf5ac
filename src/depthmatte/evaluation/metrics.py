"""Metrics of an alpha matte against ground truth.

Every function takes `alpha` and `truth`, float32 (H, W) in [0, 1] of the same size, and returns
a float. MSE, SAD, gradient and connectivity are those of Rhemann et al., "A Perceptually
Motivated Online Benchmark for Image Matting", CVPR 2009. The last three are sums over the photo
divided by 1000, so that they grow with its size and compare only within one set.

Empty maps are allowed. Comparing two masks gives 1 when both are empty and 0 when only one is.
`band_error` is NaN when the truth has no transition, and means leave it out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..types import Float, Mask

_MASK_THRESHOLD = 0.5
"""Alpha and truth from which a pixel belongs to the mask."""

_BOUNDARY_DIAGONAL_SHARE = 0.02
"""Thickness of the boundary in boundary IoU, divided by the photo's diagonal."""

_BAND_DIAGONAL_SHARE = 0.01
"""Radius of the transition band, divided by the photo's diagonal."""

_SOLID_MARGIN = 0.05
"""Truth up to this value is solid background, and from 1 minus this value solid foreground."""


def mae(alpha: Float, truth: Float) -> float:
    """Return the mean absolute error, in [0, 1]."""
    return float(np.mean(cv2.absdiff(alpha, truth), dtype=np.float64))


def mse(alpha: Float, truth: Float) -> float:
    """Return the mean squared error, in [0, 1]."""
    return float(np.mean(np.square(alpha - truth), dtype=np.float64))


def sad(alpha: Float, truth: Float) -> float:
    """Return the sum of absolute differences / 1000, as usual in matting."""
    return float(np.sum(cv2.absdiff(alpha, truth), dtype=np.float64)) / 1000


def gradient_error(alpha: Float, truth: Float) -> float:
    """Return the sum of squared differences of gradient magnitudes / 1000 (Rhemann et al. 2009).

    Gradients are first derivatives of a Gaussian with sigma 1.4 pixels. Each derivative filter
    has unit energy, as in the definition of the benchmark.
    """
    difference = _gradient(alpha) - _gradient(truth)
    return float(np.sum(np.square(difference), dtype=np.float64)) / 1000


def _gradient(values: Float, sigma: float = 1.4, cut: float = 0.01) -> Float:
    """Return the gradient magnitude; the filter ends where the Gaussian falls below `cut`."""
    radius = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * cut)))
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    smooth = np.exp(-np.square(x) / (2 * sigma**2))
    smooth /= np.linalg.norm(smooth)
    slope = -x * smooth
    slope /= np.linalg.norm(slope)
    border = cv2.BORDER_REPLICATE
    across = cv2.sepFilter2D(values, cv2.CV_32F, slope, smooth, borderType=border)
    down = cv2.sepFilter2D(values, cv2.CV_32F, smooth, slope, borderType=border)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def connectivity_error(alpha: Float, truth: Float, step: float = 0.1) -> float:
    """Return the connectivity error / 1000 (Rhemann et al. 2009, theta 0.15, p 1).

    The level of a pixel is the highest threshold, in steps of `step`, at which it belongs to
    the largest 4-connected region that both maps share. Alpha that exceeds the level by 0.15
    or more counts as disconnected.
    """
    level = np.ones(alpha.shape, np.float32)
    undecided = np.ones(alpha.shape, bool)
    for number in range(1, round(1 / step) + 1):
        threshold = np.float32(number * step)
        source = _largest_component((alpha >= threshold) & (truth >= threshold))
        level[undecided & ~source] = (number - 1) * step
        undecided &= source
    difference = cv2.absdiff(_connectedness(alpha, level), _connectedness(truth, level))
    return float(np.sum(difference, dtype=np.float64)) / 1000


def _connectedness(values: Float, level: Float, theta: float = 0.15) -> Float:
    excess = values - level
    return np.asarray(1 - excess * (excess >= theta), np.float32)


def _largest_component(mask: Mask) -> Mask:
    """Return the largest 4-connected region of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    if count < 2:
        return np.zeros(mask.shape, bool)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def iou(alpha: Float, truth: Float) -> float:
    """Return the intersection over union of both masks, cut at 0.5, in [0, 1]."""
    return _overlap(alpha >= _MASK_THRESHOLD, truth >= _MASK_THRESHOLD)


def boundary_iou(alpha: Float, truth: Float) -> float:
    """Return the IoU of the inner boundaries of both masks (Cheng et al., CVPR 2021), in [0, 1].

    The boundary holds the mask pixels that are within 2 percent of the photo's diagonal of the
    outline. The border of the photo counts as outline.
    """
    thickness = max(1, round(_BOUNDARY_DIAGONAL_SHARE * math.hypot(*truth.shape)))
    return _overlap(
        _boundary(alpha >= _MASK_THRESHOLD, thickness),
        _boundary(truth >= _MASK_THRESHOLD, thickness),
    )


def _boundary(mask: Mask, thickness: int) -> Mask:
    square = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
    inner = cv2.erode(
        mask.view(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0)
    )
    return np.asarray(mask & ~inner.view(bool))


def _overlap(one: Mask, other: Mask) -> float:
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def s_measure(alpha: Float, truth: Float, balance: float = 0.5) -> float:
    """Return the structure measure (Fan et al., ICCV 2017), in [0, 1].

    It is `balance` times object similarity plus 1 - `balance` times region similarity. The
    truth is cut at 0.5. For an empty truth the measure is 1 - mean alpha, for a full one mean
    alpha.
    """
    mask = truth >= _MASK_THRESHOLD
    share = float(mask.mean())
    if share in (0.0, 1.0):
        mean = float(alpha.mean(dtype=np.float64))
        return mean if share else 1 - mean
    objects = share * _object_similarity(alpha[mask]) + (1 - share) * _object_similarity(
        1 - alpha[~mask]
    )
    return max(0.0, balance * objects + (1 - balance) * _region_similarity(alpha, mask))


def _object_similarity(values: Float) -> float:
    """Return how similar the values of one object are to a uniform 1."""
    mean = float(values.mean(dtype=np.float64))
    spread = float(values.std(dtype=np.float64, ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + spread)


def _region_similarity(alpha: Float, mask: Mask) -> float:
    """Return the area-weighted structural similarity of four quarters around the centroid."""
    moments = cv2.moments(mask.view(np.uint8), binaryImage=True)
    column = round(moments["m10"] / moments["m00"]) + 1
    row = round(moments["m01"] / moments["m00"]) + 1
    total = 0.0
    for rows in (slice(0, row), slice(row, None)):
        for columns in (slice(0, column), slice(column, None)):
            part = mask[rows, columns]
            if part.size:
                total += part.size * _similarity(alpha[rows, columns], part.astype(np.float32))
    return total / mask.size


def _similarity(one: Float, other: Float) -> float:
    """Return the structural similarity of two blocks, without stabilizing constants."""
    x, y = float(one.mean(dtype=np.float64)), float(other.mean(dtype=np.float64))
    count = max(one.size - 1, 1)
    from_x, from_y = one - np.float32(x), other - np.float32(y)
    xx = float(np.vdot(from_x, from_x)) / count
    yy = float(np.vdot(from_y, from_y)) / count
    xy = float(np.vdot(from_x, from_y)) / count
    above, below = 4 * x * y * xy, (x * x + y * y) * (xx + yy)
    if above:
        return above / below
    return 1.0 if below == 0 else 0.0


def band_error(alpha: Float, truth: Float) -> float:
    """Return the mean absolute error in the transition band of the truth; NaN without one."""
    inside = transition_band(truth)
    if not inside.any():
        return math.nan
    return float(np.mean(cv2.absdiff(alpha, truth)[inside], dtype=np.float64))


def transition_band(truth: Float, radius: float = _BAND_DIAGONAL_SHARE) -> Mask:
    """Return the transition band of the truth, bool (H, W).

    It holds the pixels near both solid background or transition, and solid foreground or
    transition. Near is within `radius` times the photo's diagonal.
    """
    reach = max(1.0, radius * math.hypot(*truth.shape))
    return np.asarray(
        _grow_mask(truth < 1 - _SOLID_MARGIN, reach) & _grow_mask(truth > _SOLID_MARGIN, reach)
    )


def _grow_mask(mask: Mask, reach: float) -> Mask:
    """Grow a mask by `reach` pixels; an empty one stays empty."""
    if not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= reach)


@dataclass(frozen=True)
class Metric:
    """One column of the tables: function, title, and whether lower or higher is better."""

    function: Callable[[Float, Float], float]
    title: str
    better: Literal["lower", "higher"]


METRICS: dict[str, Metric] = {
    "mae": Metric(mae, "MAE", "lower"),
    "mse": Metric(mse, "MSE", "lower"),
    "sad": Metric(sad, "SAD /1000", "lower"),
    "gradient": Metric(gradient_error, "Grad /1000", "lower"),
    "connectivity": Metric(connectivity_error, "Conn /1000", "lower"),
    "iou": Metric(iou, "IoU", "higher"),
    "boundary_iou": Metric(boundary_iou, "bIoU", "higher"),
    "s_measure": Metric(s_measure, "S", "higher"),
    "band": Metric(band_error, "band MAE", "lower"),
}


def compute_metrics(alpha: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """Compute every metric of `METRICS` for one photo.

    Parameters
    ----------
    alpha, truth : ndarray
        (H, W) in [0, 1].

    Returns
    -------
    dict of str to float
        Metric -> value.

    Raises
    ------
    InputError
        When the sizes differ or values lie outside [0, 1].
    """
    for name, values in (("alpha", alpha), ("truth", truth)):
        if values.ndim != 2 or not values.size:
            raise InputError(f"{name} must be (H, W) and not empty, got {values.shape}")
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError(f"{name} must be finite and lie in [0, 1]")
    if alpha.shape != truth.shape:
        raise InputError(f"alpha {alpha.shape} and truth {truth.shape} differ in size")
    pair = np.ascontiguousarray(alpha, np.float32), np.ascontiguousarray(truth, np.float32)
    return {name: metric.function(*pair) for name, metric in METRICS.items()}
