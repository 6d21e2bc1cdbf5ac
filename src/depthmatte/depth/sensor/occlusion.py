"""Classify photo pixels that no depth point reached: missed, occluded or not measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import DepthStatus
from ...types import Float
from .point_cloud import PointCloud
from .resize import SAME_SURFACE_TOLERANCE, Index


def close_surface_gaps(cloud: PointCloud, nearest: Index, inverse: Float) -> None:
    """Close one-pixel gaps in near surfaces, through which a farther point was taken.

    A gap is closed where the depth camera sees the near surface without a hole.

    Parameters
    ----------
    cloud : PointCloud
        The points in the target's frame.
    nearest : ndarray
        Index of the point on each target pixel, flat, -1 where there is none. Changed in place.
    inverse : ndarray
        1 / z of the target's pixels, float32 (h, w), 0 where unknown.
    """
    flat, width = inverse.ravel(), inverse.shape[1]
    for before, middle, after, stride in (
        (inverse[:, :-2], inverse[:, 1:-1], inverse[:, 2:], 1),
        (inverse[:-2], inverse[1:-1], inverse[2:], width),
    ):
        row, column = np.nonzero(
            np.minimum(before, after) > middle * np.float32(1 + SAME_SURFACE_TOLERANCE)
        )
        pixel = (row + stride // width) * width + column + stride % width
        one, other = flat[pixel - stride], flat[pixel + stride]
        surface = np.minimum(one, other)
        in_gap = (np.abs(one - other) <= surface * SAME_SURFACE_TOLERANCE) & (flat[pixel] > 0)
        pixel, surface = pixel[in_gap], surface[in_gap]
        point, expected = cloud.lookup(pixel, surface)
        measured = np.where(
            (point >= 0) & (cloud.inverse_depth[point] > 0), cloud.grid.z.ravel()[point], 0
        )
        closed = np.abs(measured - expected) <= expected * SAME_SURFACE_TOLERANCE
        nearest[pixel[closed]] = point[closed]


def classify_unreached(
    cloud: PointCloud, nearest: Index, inverse: Float, validity: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Index]:
    """Find why pixels of the target were not reached.

    Each pixel is projected to the depth camera, at the depth of the farther of its neighbors.
    Outside the depth camera's view it is MISSING. Where the depth camera measured nothing it
    gets the status of that depth pixel. Where the depth camera sees something nearer it is
    OCCLUDED. Where the camera sees the expected surface, the pixel was only missed, and that point
    is taken.

    Parameters
    ----------
    cloud : PointCloud
        The points in the target's frame.
    nearest : ndarray
        Index of the point on each target pixel, flat, -1 where there is none. Changed in place.
    inverse : ndarray
        1 / z of the target's pixels, float32 (h, w), 0 where unknown.
    validity : ndarray
        DepthStatus of the measured map, flat.

    Returns
    -------
    status : ndarray
        DepthStatus of each target pixel, uint8, flat.
    points : ndarray
        Index of the point that the status comes from, flat; -1 where there is none.
    """
    status = np.where(nearest >= 0, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    points, measured = nearest.copy(), cloud.grid.z.ravel()
    pixel = np.flatnonzero(nearest < 0)
    guess = _farther_neighbor(inverse.ravel(), cloud.target, pixel)
    pixel, guess = pixel[guess > 0], guess[guess > 0]
    for _ in range(2):
        point, expected = cloud.lookup(pixel, guess)
        z = np.where(point >= 0, measured[point], 0)
        points[pixel], status[pixel] = point, DepthStatus.MISSING
        unknown = (point >= 0) & (z == 0)
        status[pixel[unknown]] = validity[cloud.grid.origin.ravel()[point[unknown]]]
        status[pixel[z > 0]] = DepthStatus.OCCLUDED
        known = (z > 0) & (cloud.inverse_depth[point] > 0)
        same = known & (np.abs(z - expected) <= expected * SAME_SURFACE_TOLERANCE)
        nearest[pixel[same]] = point[same]
        status[pixel[same]] = DepthStatus.VALID
        # The depth camera sees something farther there: try again at that depth.
        farther = known & (z > expected * (1 + SAME_SURFACE_TOLERANCE))
        pixel, guess = pixel[farther], cloud.inverse_depth[point[farther]]
    return status, points


def _farther_neighbor(inverse: Float, target: Camera, pixel: Index) -> Float:
    """1 / z of the farther of the nearest known pixels to the left and right.

    `pixel` holds all unknown pixels, flat and ascending. Where a row has no known pixels, those
    above and below are used.
    """
    height, width = target.shape
    guess = _farther_in_row(inverse, pixel, width)
    unknown = guess == 0
    if unknown.any():
        row, column = np.divmod(pixel, width)
        transposed = column * height + row
        order = np.argsort(transposed)
        vertical = np.empty_like(guess)
        flat = inverse.reshape(target.shape).T.ravel()
        vertical[order] = _farther_in_row(flat, transposed[order], height)
        guess[unknown] = vertical[unknown]
    return guess


def _farther_in_row(inverse: Float, pixel: Index, width: int) -> Float:
    """The smaller of the known values before and after each run of unknown pixels in a row."""
    start = np.ones(pixel.size, bool)
    start[1:] = (np.diff(pixel) > 1) | (pixel[1:] % width == 0)
    begin, end = pixel[start], pixel[np.append(start[1:], True)[: pixel.size]]
    left = np.where(begin % width > 0, inverse[begin - 1], 0)
    right = np.where((end + 1) % width > 0, inverse[np.minimum(end + 1, inverse.size - 1)], 0)
    both = np.minimum(left, right)
    farther = np.where(both > 0, both, np.maximum(left, right))
    return np.asarray(farther[np.cumsum(start) - 1])
