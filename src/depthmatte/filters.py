"""Image filters: blurs, normalized convolution, hole filling and the guided filter.

Unless stated otherwise a function takes float32 (h, w) or (h, w, C) and returns a new array of
the same shape. Radii and standard deviations are in pixels. The border is mirrored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import resize
from .types import Float, Mask

_TINY = 1e-6


def box_filter(values: Float, radius: int) -> Float:
    """Return the mean over a square window with sides of (2 * radius + 1) pixels."""
    side = 2 * radius + 1
    return _same(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), values)


def gaussian_filter(values: Float, sigma: float) -> Float:
    """Blur with a Gaussian of standard deviation `sigma`; 0 returns a copy."""
    if sigma <= 0:
        return values.copy()
    return _same(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), values)


def disc_filter(values: Float, radius: float) -> Float:
    """Return the mean over an anti-aliased disc, as a lens out of focus blurs.

    `radius` may be fractional. Below half a pixel a copy is returned.
    """
    if radius < 0.5:
        return values.copy()
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    kernel /= kernel.sum()
    return _same(cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT), values)


def local_range(values: Float, radius: int) -> Float:
    """Return the largest minus the smallest value in a square window around each pixel."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return _same(cv2.dilate(values, window) - cv2.erode(values, window), values)


def known_local_range(depth: Float, known: Mask, side: int) -> Float:
    """Return the range of known depth in a square window around each pixel.

    Parameters
    ----------
    depth : ndarray
        float32 (h, w) in [0, 1]; 0 where not known.
    known : ndarray
        bool (h, w).
    side : int
        Side of the window in pixels.

    Returns
    -------
    ndarray
        float32 (h, w); negative where the window holds no known depth.
    """
    window = np.ones((side, side), np.uint8)
    low = cv2.erode(np.where(known, depth, np.float32(2)), window)
    return np.asarray(cv2.dilate(depth, window) - low, np.float32)


def fill_nearest(values: NDArray[Any], known: Mask) -> NDArray[Any]:
    """Replace every pixel by the nearest known one.

    Parameters
    ----------
    values : ndarray
        (h, w) of any type.
    known : ndarray
        bool (h, w).

    Returns
    -------
    ndarray
        (h, w) of the same type; a copy of `values` when nothing is known.
    """
    if not known.any():
        return values.copy()
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(label.max()) + 1, values.dtype)
    owner[label[known]] = values[known]
    return np.asarray(owner[label])


def median_value(values: NDArray[Any]) -> float:
    """Return the median of at least one number; NaN when one of them is NaN.

    `np.median` gives the same value but loads a large part of NumPy on its first call.
    """
    half = values.size // 2
    middle = [half] if values.size % 2 else [half - 1, half]
    ordered = np.partition(values, [*middle, -1], axis=None)
    return float("nan") if ordered[-1] != ordered[-1] else float(np.mean(ordered[middle]))


def normalized_convolution(
    values: Float, weights: Float, blur: Callable[[Float], Float]
) -> tuple[Float, Float]:
    """Blur the valid pixels alone (Knutsson and Westin, CVPR 1993).

    Parameters
    ----------
    values : ndarray
        float32 (h, w) or (h, w, C). Pixels of weight 0 may hold any value, even NaN.
    weights : ndarray
        Validity of each pixel, float32 (h, w) in [0, 1].
    blur : callable
        A linear filter, such as `box_filter` with a radius.

    Returns
    -------
    mean : ndarray
        The weighted mean around each pixel; 0 where no valid pixel is near.
    share : ndarray
        The blurred weights, float32 (h, w).
    """
    return _normalized_mean(_weigh(values, weights), weights, blur)


def _normalized_mean(
    weighted: Float, weights: Float, blur: Callable[[Float], Float]
) -> tuple[Float, Float]:
    """Return `normalized_convolution` of values that are already multiplied by the weights."""
    share = np.maximum(blur(weights), 0)
    near = share > _TINY
    scale = np.where(near, 1 / np.where(near, share, 1), 0).astype(np.float32)
    return _times(blur(weighted), scale), np.where(near, share, 0).astype(np.float32)


def fill_pull_push(values: Float, weights: Float) -> Float:
    """Fill invalid pixels smoothly from the valid ones (pull-push, Gortler et al., 1996).

    Each halving averages valid pixels only. On the way back every level keeps its valid pixels
    and takes the others from the coarser level.

    Parameters
    ----------
    values : ndarray
        float32 (h, w) or (h, w, C).
    weights : ndarray
        Validity of each pixel, float32 (h, w) in [0, 1].

    Returns
    -------
    ndarray
        float32 of the same shape. Pixels of weight 1 are unchanged. 0 without a valid pixel.
    """
    if max(weights.shape) == 1:
        return _weigh(values, (weights > 0).astype(np.float32))
    return _pull_push(_weigh(values, weights), weights)


def _pull_push(known: Float, weights: Float) -> Float:
    """Fill values that are already multiplied by the weights, in place."""
    smaller = ((weights.shape[0] + 1) // 2, (weights.shape[1] + 1) // 2)
    mean, share = _normalized_mean(known, weights, lambda part: _resized(part, smaller))
    # One valid pixel in four makes a coarse pixel valid, so that holes close from their edge.
    share = np.minimum(share * 4, np.float32(1))
    if max(smaller) == 1:
        coarse = _times(mean, (share > 0).astype(np.float32))
    else:
        coarse = _pull_push(_times(mean, share), share)
    known += _times(_resized(coarse, weights.shape), 1 - weights)
    return known


class WindowMoments(NamedTuple):
    """Window statistics of a color guide and a target, for the guided filter.

    `means` are those of the guide's planes, `target_mean` that of the target, and `covariances`
    those of each plane with the target. All are float32 (h, w).
    """

    means: list[Float]
    target_mean: Float
    covariances: list[Float]

    @classmethod
    def from_windows(cls, guide: Sequence[Float], target: Float, radius: int) -> WindowMoments:
        """Measure three planes (h, w) of a guide and a target (h, w)."""
        means = [box_filter(plane, radius) for plane in guide]
        target_mean = box_filter(target, radius)
        covariances = [
            box_filter(plane * target, radius) - mean * target_mean
            for plane, mean in zip(guide, means, strict=True)
        ]
        return cls(means, target_mean, covariances)

    def solve_slopes(self, guide: Sequence[Float], radius: int, eps: float) -> list[Float]:
        """Return the three planes of a in `guided_coefficients`, before they are averaged."""
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        means = self.means
        cov = [box_filter(guide[i] * guide[j], radius) - means[i] * means[j] for i, j in pairs]
        return _solve(cov, self.covariances, eps)


def guided_coefficients(
    guide: Float, target: Float, radius: int, eps: float
) -> tuple[Float, Float]:
    """Fit a target as a linear function of a color guide in each window.

    This is the guided filter of He, Sun and Tang, "Guided Image Filtering", TPAMI 2013,
    equations 14 and 15.

    Parameters
    ----------
    guide : ndarray
        float32 (h, w, 3) in [0, 1].
    target : ndarray
        float32 (h, w).
    radius : int
        Radius of the square window in pixels.
    eps : float
        Variance of the guide below which a window counts as flat.

    Returns
    -------
    a : ndarray
        float32 (h, w, 3), averaged over the windows that cover a pixel.
    b : ndarray
        float32 (h, w), so that a . guide + b approximates the target.
    """
    planes = [np.ascontiguousarray(guide[..., channel]) for channel in range(3)]
    moments = WindowMoments.from_windows(planes, target, radius)
    a = moments.solve_slopes(planes, radius, eps)
    b = moments.target_mean - dot_planes(a, moments.means)
    return np.stack([box_filter(plane, radius) for plane in a], axis=-1), box_filter(b, radius)


def dot_planes(first: Sequence[Float], second: Sequence[Float]) -> Float:
    """Return the dot product of two vectors of three planes (h, w)."""
    (a, b, c), (x, y, z) = first, second
    return np.asarray(a * x + b * y + c * z, np.float32)


def _solve(cov: Sequence[Float], vector: Sequence[Float], eps: float) -> list[Float]:
    """Solve (cov + eps I) a = vector per pixel; cov holds the upper triangle, six planes."""
    rr, rg, rb, gg, gb, bb = cov
    rr, gg, bb = rr + eps, gg + eps, bb + eps
    first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    determinant = rr * first + rg * second + rb * third
    inverse = [
        [first, second, third],
        [second, rr * bb - rb * rb, rg * rb - rr * gb],
        [third, rg * rb - rr * gb, rr * gg - rg * rg],
    ]
    return [dot_planes(row, vector) / determinant for row in inverse]


def _weigh(values: Float, weights: Float) -> Float:
    """Return values * weights, and 0 where the weight is 0, even for NaN."""
    valid = np.zeros(values.shape, np.float32)
    cv2.copyTo(np.asarray(values, np.float32), (weights > 0).astype(np.uint8), valid)
    return _times(valid, weights)


def _times(values: Float, weights: Float) -> Float:
    """Return values * weights for finite values."""
    if values.ndim == 2:
        return values * weights
    wide = repeat_channels(weights, values.shape[2])
    return np.multiply(values, wide, out=wide)


def repeat_channels(plane: Float, channels: int) -> Float:
    """Repeat a plane (h, w) to (h, w, channels); NumPy multiplies it faster than (h, w, 1)."""
    return _same(cv2.merge([plane] * channels), plane[..., None])


def _resized(values: Float, shape: tuple[int, int]) -> Float:
    return _same(resize(values, shape), values)


def _same(result: object, values: Float) -> Float:
    """Restore the last axis of one channel, which OpenCV drops."""
    array = np.asarray(result, np.float32)
    return array[..., None] if array.ndim < values.ndim else array
