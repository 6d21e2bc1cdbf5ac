"""Intersect the rays of another camera with the surfaces around measured points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...camera import Camera, Intrinsics, relative_pose
from ...types import Float
from .point_cloud import PointCloud, rotated_rays
from .resize import SAME_SURFACE_TOLERANCE, Index
from .source_density import SourceGrid

_MIN_DEPTH = np.float32(1e-6)
"""Smallest depth in meters, to avoid a division by 0."""


def intersect_rays(cloud: PointCloud, nearest: Index, pixel: Index) -> Float:
    """Inverse depth where the rays of target pixels meet the surfaces around their points.

    A surface is the plane n . X = 1 in the depth camera's frame. A ray of the target meets it at
    1 / z = R n . ray / (1 + n . R' t). The result stays within SAME_SURFACE_TOLERANCE of the point.

    Parameters
    ----------
    cloud : PointCloud
        The points in the target's frame.
    nearest : ndarray
        Index of the point on each target pixel, flat.
    pixel : ndarray
        Flat indices of target pixels that have a point, (n,).

    Returns
    -------
    ndarray
        1 / z in the target's frame, float32 (n,).
    """
    point = nearest[pixel]
    rotation, shift = relative_pose(cloud.grid.camera, cloud.target)
    back = rotated_rays(cloud.target.intrinsics, np.ascontiguousarray(rotation.T).tobytes())
    numerator: Float = np.zeros(point.shape, np.float32)
    denominator: Float = np.ones(point.shape, np.float32)
    for plane, ray, step in zip(_surface_planes(cloud.grid), back, rotation.T @ shift, strict=True):
        normal = plane[point]
        denominator += normal * np.float32(step)
        numerator += normal * ray[pixel]
    inverse = cloud.inverse_depth[point]
    low, high = (
        inverse * np.float32(1 - SAME_SURFACE_TOLERANCE),
        inverse * np.float32(1 + SAME_SURFACE_TOLERANCE),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        surface = np.clip(numerator / denominator, low, high)
    # Where the lens model is not invertible, neither ray nor plane is known.
    return np.where(np.isfinite(surface), surface, inverse)


def _surface_planes(grid: SourceGrid) -> tuple[Float, Float, Float]:
    """Components of n of the plane n . X = 1 at every point, flat.

    In a picture 1 / z of a plane is linear. Its slopes are the first two components, and the
    third is the rest of 1 / z.
    """
    inverse = np.asarray(1 / np.maximum(grid.z, _MIN_DEPTH), np.float32)
    down, across = (_slope(inverse, axis).ravel() for axis in (0, 1))
    lens = grid.camera.intrinsics
    if grid.camera.has_distortion:
        xa, xd, ya, yd = _tangents(lens)
        x, y = across * xa + down * xd, across * ya + down * yd
    else:
        x, y = across * np.float32(grid.camera.fx), down * np.float32(grid.camera.fy)
    rest = inverse.ravel()
    ray_x, ray_y = rotated_rays(lens)[:2]
    rest -= x * ray_x
    rest -= y * ray_y
    return x, y, rest


def _slope(inverse: Float, axis: int) -> Float:
    """Change of 1 / z per pixel along an axis, from the neighbors on the same surface."""
    step = np.diff(inverse, axis=axis)
    before: tuple[slice, ...] = (slice(None, -1),)
    after: tuple[slice, ...] = (slice(1, None),)
    if axis == 1:
        before, after = (slice(None), *before), (slice(None), *after)
    same = np.abs(step) <= inverse[before] * np.float32(SAME_SURFACE_TOLERANCE)
    step *= same
    total, count = np.zeros_like(inverse), np.zeros_like(inverse)
    for side in (before, after):
        total[side] += step
        count[side] += same
    np.maximum(count, 1, out=count)
    total /= count
    return total


@lru_cache(maxsize=4)
def _tangents(lens: Intrinsics) -> Float:
    """Pixels across and down per unit of x / z and then of y / z, float32 (4, h * w)."""
    rays = Camera.from_intrinsics(lens).rays().astype(np.float64)
    height, width = rays.shape[:2]
    across = np.gradient(rays, axis=1) if width > 1 else rays * 0 + (1 / lens[1], 0)
    down = np.gradient(rays, axis=0) if height > 1 else rays * 0 + (0, 1 / lens[2])
    (ax, ay), (dx, dy) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    planes = np.stack([dy, -ay, -dx, ax]) / (ax * dy - ay * dx)
    return np.asarray(planes.reshape(4, -1), np.float32)
