"""The points of a depth map in the frame of another camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...camera import Camera, Intrinsics, relative_pose
from ...types import Float
from .resize import Index
from .source_density import SourceGrid

_MIN_DEPTH_M = np.float32(1e-3)
"""Smallest distance, in meters, at which a camera sees a point."""


@dataclass(frozen=True)
class PointCloud:
    """The points of `grid` in the frame of `target`.

    `x` and `y` hold x / z and y / z, `inverse_depth` holds 1 / z in 1 / meter; all are float32 and
    flat, and 0 where depth is unknown.
    """

    grid: SourceGrid
    target: Camera
    x: Float
    y: Float
    inverse_depth: Float

    @classmethod
    def from_grid(cls, grid: SourceGrid, target: Camera) -> PointCloud:
        """Move every point of `grid` to the frame of `target`."""
        rotation, shift = relative_pose(grid.camera, target)
        ray_x, ray_y, ray_z = rotated_rays(grid.camera.intrinsics, rotation.tobytes())
        z = grid.z.ravel()
        target_z = ray_z * z
        target_z += np.float32(shift[2])
        known = (z > 0) & (target_z > _MIN_DEPTH_M)  # False also for NaN, outside the lens model
        inverse = 1 / np.fmax(target_z, _MIN_DEPTH_M)
        inverse *= known
        x, y = ray_x * z, ray_y * z
        for values, step in ((x, shift[0]), (y, shift[1])):
            values += np.float32(step)
            values *= inverse
        return cls(grid, target, x, y, inverse)

    def lookup(self, pixel: Index, inverse: Float) -> tuple[Index, Float]:
        """Project pixels of the target back to the depth camera.

        Parameters
        ----------
        pixel : ndarray
            Flat indices of target pixels, (n,).
        inverse : ndarray
            Assumed 1 / z of these pixels, (n,).

        Returns
        -------
        index : ndarray
            Flat indices on the grid, (n,); -1 outside it.
        z : ndarray
            The depth that the depth camera would measure there, (n,), in meters.
        """
        camera = self.grid.camera
        rotation, shift = (part.astype(np.float32) for part in relative_pose(self.target, camera))
        x, y = (plane[pixel] for plane in rotated_rays(self.target.intrinsics)[:2])
        points = rotation @ (np.stack([x, y, np.ones_like(x)]) / inverse) + shift[:, None]
        z = points[2]
        height, width = camera.shape
        with np.errstate(all="ignore"):  # points behind the camera or outside its lens model
            x, y = points[0] / z, points[1] / z
            seen = (z > _MIN_DEPTH_M) & (np.hypot(x, y) <= camera.max_ideal_radius)
            x, y = camera.distort(x, y)
            u, v = x * camera.fx + (camera.cx + 0.5), y * camera.fy + (camera.cy + 0.5)
            seen &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
        u, v = np.where(seen, u, 0).astype(np.intp), np.where(seen, v, 0).astype(np.intp)
        return np.where(seen, v * width + u, -1), z


@lru_cache(maxsize=8)
def rotated_rays(lens: Intrinsics, rotation: bytes = np.eye(3).tobytes()) -> Float:
    """Rays of a camera's pixels, rotated to another camera's frame.

    Parameters
    ----------
    lens : Intrinsics
        Of the camera; hashable, because results are cached.
    rotation : bytes
        Rotation matrix, float64 (3, 3), as bytes.

    Returns
    -------
    ndarray
        float32 (3, h * w). Before the rotation z is 1.
    """
    rays = Camera.from_intrinsics(lens).rays().reshape(-1, 2).astype(np.float64)
    homogeneous = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    return np.asarray(np.frombuffer(rotation).reshape(3, 3) @ homogeneous.T, np.float32)
