"""Pixels that no depth landed on: slipped past, hidden, or not measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import DepthStatus
from ...types import Float
from .point_cloud import PointCloud
from .resize import SAME_SURFACE_TOLERANCE, Index


def close_surface_gaps(cloud: PointCloud, winner: Index, inverse: Float) -> None:
    """Give pixels amid a nearer surface to it, where the depth camera sees it closed.

    `inverse` is 1 / z (h, w) of the target as far as it is known, 0 elsewhere; `winner` is
    mended in place.
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
        ahead = np.minimum(one, other)
        amid = (np.abs(one - other) <= ahead * SAME_SURFACE_TOLERANCE) & (flat[pixel] > 0)
        pixel, ahead = pixel[amid], ahead[amid]
        place, expected = cloud.lookup(pixel, ahead)
        there = np.where(
            (place >= 0) & (cloud.inverse_depth[place] > 0), cloud.grid.z.ravel()[place], 0
        )
        closed = np.abs(there - expected) <= expected * SAME_SURFACE_TOLERANCE
        winner[pixel[closed]] = place[closed]


def classify_unreached(
    cloud: PointCloud, winner: Index, inverse: Float, validity: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Index]:
    """Why pixels were not reached: a flat map of Reason and of the grid's points that tell.

    A pixel is looked up at the depth of the farther of its neighbours: outside the depth
    camera's view, or where that measured nothing, it is what `validity` (flat, of the
    measured map) says; where something nearer stood in the way it is in SHADOW. Where that
    very surface is seen the pixel was only slipped past, and `winner` is mended in place.
    """
    reasons = np.where(winner >= 0, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    points, measured = winner.copy(), cloud.grid.z.ravel()
    pixel = np.flatnonzero(winner < 0)
    guess = _farther_neighbor(inverse.ravel(), cloud.target, pixel)
    pixel, guess = pixel[guess > 0], guess[guess > 0]
    for _ in range(2):
        place, expected = cloud.lookup(pixel, guess)
        there = np.where(place >= 0, measured[place], 0)
        points[pixel], reasons[pixel] = place, DepthStatus.MISSING
        unknown = (place >= 0) & (there == 0)
        reasons[pixel[unknown]] = validity[cloud.grid.origin.ravel()[place[unknown]]]
        reasons[pixel[there > 0]] = DepthStatus.OCCLUDED
        here = (there > 0) & (cloud.inverse_depth[place] > 0)
        same = here & (np.abs(there - expected) <= expected * SAME_SURFACE_TOLERANCE)
        winner[pixel[same]] = place[same]
        reasons[pixel[same]] = DepthStatus.VALID
        # Something farther is seen through the pixel: ask again at that depth.
        farther = here & (there > expected * (1 + SAME_SURFACE_TOLERANCE))
        pixel, guess = pixel[farther], cloud.inverse_depth[place[farther]]
    return reasons, points


def _farther_neighbor(inverse: Float, target: Camera, pixel: Index) -> Float:
    """1 / z of the farther of the nearest known pixels to the left and right of `pixel`, all
    that are unknown; above and below where its row knows none.
    """
    height, width = target.shape
    guess = _farther_in_row(inverse, pixel, width)
    alone = guess == 0
    if alone.any():
        row, column = np.divmod(pixel, width)
        turned = column * height + row
        order = np.argsort(turned)
        upright = np.empty_like(guess)
        flat = inverse.reshape(target.shape).T.ravel()
        upright[order] = _farther_in_row(flat, turned[order], height)
        guess[alone] = upright[alone]
    return guess


def _farther_in_row(inverse: Float, pixel: Index, width: int) -> Float:
    """The smaller of the known values before and after every run of unknown pixels in a row."""
    start = np.ones(pixel.size, bool)
    start[1:] = (np.diff(pixel) > 1) | (pixel[1:] % width == 0)
    begin, end = pixel[start], pixel[np.append(start[1:], True)[: pixel.size]]
    left = np.where(begin % width > 0, inverse[begin - 1], 0)
    right = np.where((end + 1) % width > 0, inverse[np.minimum(end + 1, inverse.size - 1)], 0)
    both = np.minimum(left, right)
    farther = np.where(both > 0, both, np.maximum(left, right))
    return np.asarray(farther[np.cumsum(start) - 1])
