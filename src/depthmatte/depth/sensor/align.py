"""Register depth: move it from the depth camera to the photo's camera.

Depth pixel -> 3-D point of the depth camera -> world -> 3-D point of the photo's camera -> photo
pixel. The map is first made so dense that neighbors land less than a pixel apart. Otherwise the
background would show through near surfaces. Of all points on a pixel the nearest is taken. Its
depth is that of the surface where the pixel's ray meets it, so slanted planes come out exact. A
pixel that no point reached is projected back, to find whether the depth camera did not see it,
measured nothing there, or saw something in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...evidence import DepthStatus
from ...options import Interpolation
from ...types import Float
from .occlusion import classify_unreached, close_surface_gaps
from .point_cloud import PointCloud
from .ray_intersection import intersect_rays
from .resize import Index
from .source_density import SourceGrid


@dataclass(frozen=True)
class AlignedDepth:
    """Registered depth on the photo's grid (h, w)."""

    z: Float
    """Depth in meters along the photo camera's axis, float32; 0 where unknown."""
    validity: NDArray[np.uint8]
    """DepthStatus of each pixel, uint8."""
    origin: Index
    """Flat index of the depth pixel that a value or status comes from; -1 where there is none."""


def align_depth(
    z: Float,
    validity: NDArray[np.uint8],
    source: Camera,
    target: Camera,
    interpolation: Interpolation = "bilinear",
) -> AlignedDepth:
    """Register depth to another camera.

    Parameters
    ----------
    z : ndarray
        Depth in meters along the axis of `source`, float32 (h, w).
    validity : ndarray
        DepthStatus of each value, uint8 (h, w).
    source : Camera
        The depth camera.
    target : Camera
        The photo's camera.
    interpolation : str
        `nearest`: each pixel takes the depth of the point that landed on it. `bilinear`: it
        takes the depth of the surface around this point, at the pixel's center.

    Returns
    -------
    AlignedDepth
        On the grid of `target`.
    """
    cloud = PointCloud.from_grid(
        SourceGrid.from_depth(z, validity == DepthStatus.VALID, source, target), target
    )
    nearest = _nearest_point_per_pixel(cloud)
    known = np.where(nearest >= 0, cloud.inverse_depth[nearest], 0).reshape(target.shape)
    close_surface_gaps(cloud, nearest, known)
    status, points = classify_unreached(cloud, nearest, known, validity.ravel())
    reached = np.flatnonzero(nearest >= 0)
    if interpolation == "bilinear":
        inverse = intersect_rays(cloud, nearest, reached)
    else:
        inverse = cloud.inverse_depth[nearest[reached]]
    depth = np.zeros(nearest.shape, np.float32)
    depth[reached] = 1 / inverse
    origin = np.where(points >= 0, cloud.grid.origin.ravel()[points], -1)
    shape = target.shape
    return AlignedDepth(depth.reshape(shape), status.reshape(shape), origin.reshape(shape))


def _nearest_point_per_pixel(cloud: PointCloud) -> Index:
    """Index of the nearest point on each pixel of the target, flat; -1 where there is none."""
    target = cloud.target
    height, width = target.shape
    x, y = target.distort(cloud.x, cloud.y)
    u = x * np.float32(target.fx)
    u += np.float32(target.cx + 0.5)
    v = y * np.float32(target.fy)
    v += np.float32(target.cy + 0.5)
    inside = cloud.inverse_depth > 0
    inside &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
    limit = target.max_ideal_radius
    if np.isfinite(limit):
        inside &= cloud.x * cloud.x + cloud.y * cloud.y <= limit**2
    index = np.flatnonzero(inside)
    pixel = v[index].astype(np.int32) * width + u[index].astype(np.int32)
    # The bits of positive floats sort like the floats. The low 32 bits hold the point's index.
    key = cloud.inverse_depth.view(np.uint32)[index].astype(np.uint64) << np.uint64(32)
    key |= index.astype(np.uint64)
    best = np.zeros(height * width, np.uint64)
    np.maximum.at(best, pixel, key)
    return np.where(best > 0, (best & np.uint64(0xFFFFFFFF)).astype(np.intp), -1)
