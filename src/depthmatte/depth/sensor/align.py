"""Depth moved from the camera that measured it to the one that took the photo (row A11).

Depth pixel -> depth camera 3-D -> world -> photo camera 3-D -> photo pixel. The map is
first brought to a density at which neighbours land less than a pixel apart, so that nothing
behind shines through a near surface; of all that lands on a pixel the nearest wins, and its
value is taken where the pixel's own ray meets the surface, so a slanted plane comes out
exact. A pixel that nothing reached is looked up backwards: did the other camera look there
at all, did it measure nothing, or was something in its way?
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
    """Depth on the photo's grid: `z` float32 (h, w) along the photo camera's axis, 0 where
    unknown; `validity` uint8 of Reason; `origin` the flat index of the depth pixel behind
    a value or a reason, -1 where there is none.
    """

    z: Float
    validity: NDArray[np.uint8]
    origin: Index


def align_depth(
    z: Float,
    validity: NDArray[np.uint8],
    source: Camera,
    target: Camera,
    interpolation: Interpolation = "bilinear",
) -> AlignedDepth:
    """Depth `z` (metres, on the grid of `source`) as the camera `target` sees it.

    With `nearest` every pixel takes the depth of the point that landed on it, with
    `bilinear` that of the surface around this point at the pixel's own centre.
    """
    cloud = PointCloud.from_grid(
        SourceGrid.from_depth(z, validity == DepthStatus.VALID, source, target), target
    )
    winner = _nearest_point_per_pixel(cloud)
    known = np.where(winner >= 0, cloud.inverse_depth[winner], 0).reshape(target.shape)
    close_surface_gaps(cloud, winner, known)
    reasons, behind = classify_unreached(cloud, winner, known, validity.ravel())
    found = np.flatnonzero(winner >= 0)
    if interpolation == "bilinear":
        inverse = intersect_rays(cloud, winner, found)
    else:
        inverse = cloud.inverse_depth[winner[found]]
    depth = np.zeros(winner.shape, np.float32)
    depth[found] = 1 / inverse
    origin = np.where(behind >= 0, cloud.grid.origin.ravel()[behind], -1)
    shape = target.shape
    return AlignedDepth(depth.reshape(shape), reasons.reshape(shape), origin.reshape(shape))


def _nearest_point_per_pixel(cloud: PointCloud) -> Index:
    """For every pixel of the target, flat: the index of the nearest point on it, or -1."""
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
    # The bits of positive floats sort as they do; below them the point remembers itself.
    key = cloud.inverse_depth.view(np.uint32)[index].astype(np.uint64) << np.uint64(32)
    key |= index.astype(np.uint64)
    best = np.zeros(height * width, np.uint64)
    np.maximum.at(best, pixel, key)
    return np.where(best > 0, (best & np.uint64(0xFFFFFFFF)).astype(np.intp), -1)
