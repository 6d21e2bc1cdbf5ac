"""The points of a depth map as another camera has them before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...camera import Camera, Intrinsics, relative_pose
from ...types import Float
from .resize import Index
from .source_density import SourceGrid

_MIN_DEPTH_M = np.float32(1e-3)
"""Metres before a camera under which it sees nothing."""


@dataclass(frozen=True)
class PointCloud:
    """A grid's points in the target's frame, flat: x / z, y / z and 1 / z (0 where unknown)."""

    grid: SourceGrid
    target: Camera
    x: Float
    y: Float
    inverse_depth: Float

    @classmethod
    def from_grid(cls, grid: SourceGrid, target: Camera) -> PointCloud:
        """Every point of `grid` moved into the frame of `target`."""
        rotation, shift = relative_pose(grid.camera, target)
        ray_x, ray_y, ray_z = rotated_rays(grid.camera.intrinsics, rotation.tobytes())
        z = grid.z.ravel()
        ahead = ray_z * z
        ahead += np.float32(shift[2])
        known = (z > 0) & (ahead > _MIN_DEPTH_M)  # False also for NaN, beyond the lens
        inverse = 1 / np.fmax(ahead, _MIN_DEPTH_M)
        inverse *= known
        x, y = ray_x * z, ray_y * z
        for values, step in ((x, shift[0]), (y, shift[1])):
            values += np.float32(step)
            values *= inverse
        return cls(grid, target, x, y, inverse)

    def lookup(self, pixel: Index, inverse: Float) -> tuple[Index, Float]:
        """Where the depth camera sees the target's pixels if they are at 1 / z = `inverse`.

        `pixel` is flat. Returns flat indices on the grid, -1 outside it, and the depths to
        expect there.
        """
        camera = self.grid.camera
        rotation, shift = (part.astype(np.float32) for part in relative_pose(self.target, camera))
        x, y = (plane[pixel] for plane in rotated_rays(self.target.intrinsics)[:2])
        points = rotation @ (np.stack([x, y, np.ones_like(x)]) / inverse) + shift[:, None]
        z = points[2]
        height, width = camera.shape
        with np.errstate(all="ignore"):  # what is behind the camera or beyond its lens
            x, y = points[0] / z, points[1] / z
            seen = (z > _MIN_DEPTH_M) & (np.hypot(x, y) <= camera.max_ideal_radius)
            x, y = camera.distort(x, y)
            u, v = x * camera.fx + (camera.cx + 0.5), y * camera.fy + (camera.cy + 0.5)
            seen &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
        u, v = np.where(seen, u, 0).astype(np.intp), np.where(seen, v, 0).astype(np.intp)
        return np.where(seen, v * width + u, -1), z


@lru_cache(maxsize=8)
def rotated_rays(lens: Intrinsics, rotation: bytes = np.eye(3).tobytes()) -> Float:
    """Where a camera's pixels look, turned into another's frame: float32 (3, h * w)."""
    own = Camera.from_intrinsics(lens).rays().reshape(-1, 2).astype(np.float64)
    whole = np.concatenate([own, np.ones((len(own), 1))], axis=1)
    return np.asarray(np.frombuffer(rotation).reshape(3, 3) @ whole.T, np.float32)
