"""Resample a depth map so densely that another camera sees it without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...camera import Camera
from ...lens_distortion import Matrix
from ...types import Float, Mask
from .resize import SAME_SURFACE_TOLERANCE, Index, resize_depth

_MAX_CELL_PX = 0.95
"""Largest height and width, in target pixels, of a cell between neighbors. Below 1 each pixel holds
a corner of a cell."""

_MAX_DENSIFY_FACTOR = 16.0
"""Largest factor by which each side of a map grows."""

_MAX_GRID_PIXELS = 2**22
"""Largest number of pixels of a denser map. It limits memory if the calibration is wrong."""

_COARSE_SAMPLES_PER_SIDE = 48
"""Number of rows and columns that are projected to find the density."""

_REGION_PARTS_PER_SIDE = 8
"""Number of parts per side that the visible region is rounded to, so that cached tables stay usable
when the camera moves a little."""


@dataclass(frozen=True)
class SourceGrid:
    """Depth on the grid of `camera`.

    `z` is in meters, float32 (h, w), 0 where unknown. `origin` holds the flat index of the measured
    pixel that each pixel comes from.
    """

    camera: Camera
    z: Float
    origin: Index

    @classmethod
    def from_depth(cls, z: Float, valid: Mask, source: Camera, target: Camera) -> SourceGrid:
        """Make a depth map so dense that its cells cover less than a pixel of `target`.

        A coarse map is interpolated along its surfaces. A fine map stays as it is, because thin
        objects must not be lost.

        Parameters
        ----------
        z : ndarray
            Depth in meters, float32 (h, w).
        valid : ndarray
            Where depth is valid, boolean (h, w).
        source : Camera
            The depth camera.
        target : Camera
            The other camera.

        Returns
        -------
        SourceGrid
            The part of the map that `target` sees, or all of a fine map.
        """
        projected, samples = _project_coarse(z, valid, source, target)
        inside = _lands_inside(projected, target.shape)
        cell_px = _cell_size_px(projected, samples, inside)
        values = np.where(valid, z, np.float32(0))
        origin = np.arange(z.size).reshape(z.shape)
        if cell_px <= _MAX_CELL_PX:
            return cls(source, values, origin)
        part = _visible_region(inside, samples, z.shape)
        return _densify(
            cls(_crop_camera(source, part), values[part], origin[part]), cell_px / _MAX_CELL_PX
        )


def _densify(grid: SourceGrid, factor: float) -> SourceGrid:
    """The grid with each side about `factor` times as long, rounded up to quarter powers of 2."""
    factor = min(2 ** (np.ceil(np.log2(factor) * 4) / 4), _MAX_DENSIFY_FACTOR)
    height, width = grid.z.shape
    factor = min(factor, max(1.0, float(np.sqrt(_MAX_GRID_PIXELS / (height * width)))))
    shape = (int(np.ceil(height * factor)), int(np.ceil(width * factor)))
    known = grid.z > 0
    # In the picture of a plane 1 / z is linear, z is not.
    inverse = np.divide(1, grid.z, out=np.zeros_like(grid.z), where=known)
    inverse, index = resize_depth(inverse, known, shape)
    z = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    return SourceGrid(grid.camera.scaled(shape), z, grid.origin.ravel()[index])


def _crop_camera(camera: Camera, part: tuple[slice, slice]) -> Camera:
    """The camera of a part of the picture."""
    rows, columns = part
    return replace(
        camera,
        shape=(rows.stop - rows.start, columns.stop - columns.start),
        cx=camera.cx - columns.start,
        cy=camera.cy - rows.start,
    )


def _project_coarse(z: Float, valid: Mask, source: Camera, target: Camera) -> tuple[Matrix, Matrix]:
    """Project some pixels (n, m): their place on `target`, and their (x, y, z) on the map."""
    height, width = z.shape
    x, y = np.meshgrid(
        np.arange(0, width, max(width // _COARSE_SAMPLES_PER_SIDE, 1)),
        np.arange(0, height, max(height // _COARSE_SAMPLES_PER_SIDE, 1)),
    )
    sample_z = np.where(valid[y, x], z[y, x], np.nan)
    samples = np.stack([x, y, sample_z], axis=-1)
    return target.project(source.unproject(samples[..., :2], sample_z)), samples


def _lands_inside(projected: Matrix, shape: tuple[int, int]) -> Mask:
    """Which points (x, y) lie inside a picture of `shape`."""
    end = np.array(shape[::-1]) - 0.5
    return np.asarray(((projected > -0.5) & (projected < end)).all(axis=-1))


def _cell_size_px(projected: Matrix, samples: Matrix, inside: Mask) -> float:
    """Width or height, in target pixels, of cells between neighbors of one surface (99 %)."""
    corner, z = (slice(None, -1), slice(None, -1)), samples[..., 2]
    extent = np.zeros((*z[corner].shape, 2))
    whole = inside[corner].copy()
    for neighbor in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
        step = np.linalg.norm(samples[neighbor][..., :2] - samples[corner][..., :2], axis=-1)
        extent += np.abs(projected[neighbor] - projected[corner]) / step[..., None]
        # Neighbors outside the lens model have no projection.
        whole &= np.isfinite(projected[neighbor]).all(axis=-1)
        whole &= (
            np.abs(z[neighbor] - z[corner])
            < np.minimum(SAME_SURFACE_TOLERANCE * step, 0.25) * z[corner]
        )
    widest = extent.max(axis=-1)[whole]
    return float(np.percentile(widest, 99)) if widest.size else _MAX_CELL_PX


def _visible_region(inside: Mask, samples: Matrix, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the map that hold all samples inside, in eighths of its sides."""
    spans = []
    for axis, size in enumerate(shape):
        hit = np.flatnonzero(inside.any(axis=1 - axis))
        lines = np.take(samples[..., 1 - axis], 0, axis=1 - axis)
        around = lines[[max(hit[0] - 2, 0), min(hit[-1] + 2, len(lines) - 1)]]
        part = -(-size // _REGION_PARTS_PER_SIDE)
        low = int(around[0]) // part * part
        spans.append(slice(low, min(-(-(int(around[1]) + 1) // part) * part, size)))
    return spans[0], spans[1]
