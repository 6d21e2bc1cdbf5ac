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

from ..arrays import Float
from ..camera import Camera
from ..evidence import Reason
from ..options import Interpolation
from .cloud import Cloud
from .grid import Grid
from .scale import Index
from .surface import meet
from .unseen import close, explain


@dataclass(frozen=True)
class Aligned:
    """Depth on the photo's grid: `z` float32 (h, w) along the photo camera's axis, 0 where
    unknown; `validity` uint8 of Reason; `origin` the flat index of the depth pixel behind
    a value or a reason, -1 where there is none.
    """

    z: Float
    validity: NDArray[np.uint8]
    origin: Index


def align(
    z: Float,
    validity: NDArray[np.uint8],
    source: Camera,
    target: Camera,
    interpolation: Interpolation = "bilinear",
) -> Aligned:
    """Depth `z` (metres, on the grid of `source`) as the camera `target` sees it.

    With `nearest` every pixel takes the depth of the point that landed on it, with
    `bilinear` that of the surface around this point at the pixel's own centre.
    """
    cloud = Cloud.of(Grid.of(z, validity == Reason.VALID, source, target), target)
    winner = _front(cloud)
    known = np.where(winner >= 0, cloud.inverse[winner], 0).reshape(target.shape)
    close(cloud, winner, known)
    reasons, behind = explain(cloud, winner, known, validity.ravel())
    found = np.flatnonzero(winner >= 0)
    if interpolation == "bilinear":
        inverse = meet(cloud, winner, found)
    else:
        inverse = cloud.inverse[winner[found]]
    depth = np.zeros(winner.shape, np.float32)
    depth[found] = 1 / inverse
    origin = np.where(behind >= 0, cloud.grid.origin.ravel()[behind], -1)
    shape = target.shape
    return Aligned(depth.reshape(shape), reasons.reshape(shape), origin.reshape(shape))


def _front(cloud: Cloud) -> Index:
    """For every pixel of the target, flat: the index of the nearest point on it, or -1."""
    target = cloud.target
    height, width = target.shape
    x, y = target.distort(cloud.x, cloud.y)
    u = x * np.float32(target.fx)
    u += np.float32(target.cx + 0.5)
    v = y * np.float32(target.fy)
    v += np.float32(target.cy + 0.5)
    inside = cloud.inverse > 0
    inside &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
    limit = target.reach
    if np.isfinite(limit):
        inside &= cloud.x * cloud.x + cloud.y * cloud.y <= limit**2
    index = np.flatnonzero(inside)
    pixel = v[index].astype(np.int32) * width + u[index].astype(np.int32)
    # The bits of positive floats sort as they do; below them the point remembers itself.
    key = cloud.inverse.view(np.uint32)[index].astype(np.uint64) << np.uint64(32)
    key |= index.astype(np.uint64)
    best = np.zeros(height * width, np.uint64)
    np.maximum.at(best, pixel, key)
    return np.where(best > 0, (best & np.uint64(0xFFFFFFFF)).astype(np.intp), -1)
