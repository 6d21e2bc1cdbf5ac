"""Filters: box, Gaussian, disc, normalised convolution, hole filling, guided filter; the relief
of what is known, and its nearest value.

Unless it says otherwise a function takes float32 (h, w) or (h, w, C) and returns new ones. Radii
and deviations are in pixels. Beyond the border the outermost pixels are mirrored.
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
    """Mean over a square window of (2 * radius + 1) pixels a side."""
    side = 2 * radius + 1
    return _same(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), values)


def gaussian_filter(values: Float, sigma: float) -> Float:
    """Gaussian blur of standard deviation `sigma`; 0 returns a copy."""
    if sigma <= 0:
        return values.copy()
    return _same(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), values)


def disc_filter(values: Float, radius: float) -> Float:
    """Mean over a disc, as a wide-open lens blurs; its rim is anti-aliased.

    `radius` may be fractional; under half a pixel the values return as they are.
    """
    if radius < 0.5:
        return values.copy()
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    kernel /= kernel.sum()
    return _same(cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT), values)


def local_range(values: Float, radius: int) -> Float:
    """Largest minus smallest value within a square window: 0 where a map is flat."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return _same(cv2.dilate(values, window) - cv2.erode(values, window), values)


def known_local_range(depth: Float, known: Mask, side: int) -> Float:
    """How far known d, in [0, 1] and 0 where not known, reaches apart in a square of `side`
    pixels; below 0 where nothing in it is known.
    """
    window = np.ones((side, side), np.uint8)
    low = cv2.erode(np.where(known, depth, np.float32(2)), window)
    return np.asarray(cv2.dilate(depth, window) - low, np.float32)


def fill_nearest(values: NDArray[Any], known: Mask) -> NDArray[Any]:
    """Values (h, w) of any kind, every pixel as the nearest known one; as they were where
    nothing is known.
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
    """The middle value of at least one number, NaN where one is NaN: what `np.median` says, which
    loads a large part of NumPy when it is first called.
    """
    half = values.size // 2
    middle = [half] if values.size % 2 else [half - 1, half]
    ordered = np.partition(values, [*middle, -1], axis=None)
    return float("nan") if ordered[-1] != ordered[-1] else float(np.mean(ordered[middle]))


def normalized_convolution(
    values: Float, weights: Float, blur: Callable[[Float], Float]
) -> tuple[Float, Float]:
    """Normalised convolution: the blurred mean of the valid pixels alone, and their share.

    `weights` (h, w) in [0, 1] says how valid each pixel is; a pixel of weight 0 never
    reaches the mean, whatever it holds (even NaN). Returns (mean, share); where share is 0 no valid
    pixel was near and the mean is 0. Knutsson and Westin, CVPR 1993.
    """
    return _mean(_weigh(values, weights), weights, blur)


def _mean(weighed: Float, weights: Float, blur: Callable[[Float], Float]) -> tuple[Float, Float]:
    """`normalized` of values that are weighed already."""
    share = np.maximum(blur(weights), 0)
    near = share > _TINY
    scale = np.where(near, 1 / np.where(near, share, 1), 0).astype(np.float32)
    return _times(blur(weighed), scale), np.where(near, share, 0).astype(np.float32)


def fill_pull_push(values: Float, weights: Float) -> Float:
    """Continue the valid pixels smoothly into the invalid ones (pull-push).

    Each halving averages valid pixels only; on the way back every level keeps what it
    knows and takes the rest from the coarser one. Pixels of weight 1 are returned
    unchanged; without any valid pixel the result is 0. Gortler et al., SIGGRAPH 1996.
    """
    if max(weights.shape) == 1:
        return _weigh(values, (weights > 0).astype(np.float32))
    return _pull_push(_weigh(values, weights), weights)


def _pull_push(known: Float, weights: Float) -> Float:
    """`fill` of values that are weighed already, and take the result."""
    smaller = ((weights.shape[0] + 1) // 2, (weights.shape[1] + 1) // 2)
    mean, share = _mean(known, weights, lambda part: _resized(part, smaller))
    # One valid child in four is enough to trust a coarse pixel: holes close from their rim.
    share = np.minimum(share * 4, np.float32(1))
    if max(smaller) == 1:
        coarse = _times(mean, (share > 0).astype(np.float32))
    else:
        coarse = _pull_push(_times(mean, share), share)
    known += _times(_resized(coarse, weights.shape), 1 - weights)
    return known


class WindowMoments(NamedTuple):
    """What windows of a colour `guide` and a `target` hold: the means of the guide's planes and of
    the target, and the covariance of each plane with the target.
    """

    means: list[Float]
    target_mean: Float
    covariances: list[Float]

    @classmethod
    def from_windows(cls, guide: Sequence[Float], target: Float, radius: int) -> WindowMoments:
        """`guide` is three planes (h, w), `target` (h, w)."""
        means, level = [box_filter(plane, radius) for plane in guide], box_filter(target, radius)
        slants = [
            box_filter(plane * target, radius) - mean * level
            for plane, mean in zip(guide, means, strict=True)
        ]
        return cls(means, level, slants)

    def solve_slopes(self, guide: Sequence[Float], radius: int, eps: float) -> list[Float]:
        """Three planes a of `guided_coefficients` before they are averaged."""
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        means = self.means
        cov = [box_filter(guide[i] * guide[j], radius) - means[i] * means[j] for i, j in pairs]
        return _solve(cov, self.covariances, eps)


def guided_coefficients(
    guide: Float, target: Float, radius: int, eps: float
) -> tuple[Float, Float]:
    """Fit `target` (h, w) as a linear function of the colour `guide` (h, w, 3) in each window.

    Returns (a, b) with a (h, w, 3) and b (h, w) so that a . guide + b approximates
    `target`, averaged over the windows that cover a pixel. `eps` is the variance of the
    guide (in [0, 1] squared) below which a window is taken for flat. He, Sun and Tang,
    "Guided Image Filtering", TPAMI 2013, equations 14 and 15.
    """
    planes = [np.ascontiguousarray(guide[..., channel]) for channel in range(3)]
    moments = WindowMoments.from_windows(planes, target, radius)
    a = moments.solve_slopes(planes, radius, eps)
    b = moments.target_mean - dot_planes(a, moments.means)
    return np.stack([box_filter(plane, radius) for plane in a], axis=-1), box_filter(b, radius)


def dot_planes(first: Sequence[Float], second: Sequence[Float]) -> Float:
    """The sum of the products of three planes each."""
    (a, b, c), (x, y, z) = first, second
    return np.asarray(a * x + b * y + c * z, np.float32)


def _solve(cov: Sequence[Float], slant: Sequence[Float], eps: float) -> list[Float]:
    """Solve (cov + eps I) a = slant per pixel; cov holds the six entries of the upper triangle."""
    rr, rg, rb, gg, gb, bb = cov
    rr, gg, bb = rr + eps, gg + eps, bb + eps
    first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    determinant = rr * first + rg * second + rb * third
    inverse = [
        [first, second, third],
        [second, rr * bb - rb * rb, rg * rb - rr * gb],
        [third, rg * rb - rr * gb, rr * gg - rg * rg],
    ]
    return [dot_planes(row, slant) / determinant for row in inverse]


def _weigh(values: Float, weights: Float) -> Float:
    """values * weights, and 0 where the weight is 0, whatever the value."""
    valid = np.zeros(values.shape, np.float32)
    cv2.copyTo(np.asarray(values, np.float32), (weights > 0).astype(np.uint8), valid)
    return _times(valid, weights)


def _times(values: Float, weights: Float) -> Float:
    """values * weights, where all values are finite."""
    if values.ndim == 2:
        return values * weights
    wide = repeat_channels(weights, values.shape[2])
    return np.multiply(values, wide, out=wide)


def repeat_channels(plane: Float, channels: int) -> Float:
    """A plane (h, w) as often side by side as there are channels, (h, w, channels).

    NumPy multiplies by that several times faster than by (h, w, 1).
    """
    return _same(cv2.merge([plane] * channels), plane[..., None])


def _resized(values: Float, shape: tuple[int, int]) -> Float:
    return _same(resize(values, shape), values)


def _same(result: object, values: Float) -> Float:
    """OpenCV drops a last axis of one channel: give the caller's number of axes back."""
    array = np.asarray(result, np.float32)
    return array[..., None] if array.ndim < values.ndim else array
