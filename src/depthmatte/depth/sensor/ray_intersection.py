"""The surface around measured points, met by the rays of another camera."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...camera import Camera, Intrinsics, relative_pose
from ...types import Float
from .point_cloud import PointCloud, rotated_rays
from .resize import SAME_SURFACE_TOLERANCE, Index
from .source_density import SourceGrid

_MIN_DEPTH = np.float32(1e-6)


def intersect_rays(cloud: PointCloud, winner: Index, pixel: Index) -> Float:
    """1 / z where the rays of flat `pixel` meet the surfaces around the points that won them.

    A surface is the plane n . X = 1 in the depth camera's frame, so in the target's at
    1 / z = R n . ray / (1 + n . R' t). It is not followed farther than neighbours agree.
    """
    point = winner[pixel]
    rotation, shift = relative_pose(cloud.grid.camera, cloud.target)
    back = rotated_rays(cloud.target.intrinsics, np.ascontiguousarray(rotation.T).tobytes())
    met: Float = np.zeros(point.shape, np.float32)
    past: Float = np.ones(point.shape, np.float32)
    for plane, ray, step in zip(_surface_planes(cloud.grid), back, rotation.T @ shift, strict=True):
        part = plane[point]
        past += part * np.float32(step)
        met += part * ray[pixel]
    landed = cloud.inverse_depth[point]
    low, high = (
        landed * np.float32(1 - SAME_SURFACE_TOLERANCE),
        landed * np.float32(1 + SAME_SURFACE_TOLERANCE),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        surface = np.clip(met / past, low, high)
    # Beside the fold of a lens neither ray nor plane is known.
    return np.where(np.isfinite(surface), surface, landed)


def _surface_planes(grid: SourceGrid) -> tuple[Float, Float, Float]:
    """n (3) of the plane n . X = 1 at every point, flat: over a picture 1 / z of a plane is
    linear, so its slopes are the first two, and the third is what they leave.
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
    """Change of 1 / z per pixel along an axis, out of the neighbours on the same surface."""
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
    """Pixels across and down per unit of x / z, then per unit of y / z: float32 (4, h * w)."""
    own = Camera.from_intrinsics(lens).rays().astype(np.float64)
    height, width = own.shape[:2]
    across = np.gradient(own, axis=1) if width > 1 else own * 0 + (1 / lens[1], 0)
    down = np.gradient(own, axis=0) if height > 1 else own * 0 + (0, 1 / lens[2])
    (ax, ay), (dx, dy) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    planes = np.stack([dy, -ay, -dx, ax]) / (ax * dy - ay * dx)
    return np.asarray(planes.reshape(4, -1), np.float32)
