"""A depth map at the density at which another camera sees it without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...camera import Camera
from ...lens_distortion import Matrix
from ...types import Float, Mask
from .resize import SAME_SURFACE_TOLERANCE, Index, resize_depth

_MAX_CELL_PX = 0.95
"""Pixels, upright and across, that one cell between neighbours may cover on the other camera's
grid: where it is 1, a cell fits into every pixel there, and so one of its corners."""

_MAX_DENSIFY_FACTOR = 16.0
_MAX_GRID_PIXELS = 2**22
"""Pixels a map is made denser to at most: memory must not follow a wild calibration."""

_COARSE_SAMPLES_PER_SIDE = 48
"""Rows and columns of the coarse look that finds the density."""

_REGION_PARTS_PER_SIDE = 8
"""Parts of a side that the visible region is rounded to: as a picture moves, the tables kept
for its grid stay good."""


@dataclass(frozen=True)
class SourceGrid:
    """Depth `z` float32 (h, w), 0 where unknown, on the grid of `camera`; `origin` holds, for
    every pixel, the flat index of the measured pixel it stands for.
    """

    camera: Camera
    z: Float
    origin: Index

    @classmethod
    def from_depth(cls, z: Float, valid: Mask, source: Camera, target: Camera) -> SourceGrid:
        """What `target` sees of a depth map taken by `source`, cells `APART` or less there.

        A coarser map is interpolated along its surfaces; a finer one stays, for thin things
        must not fall between its pixels.
        """
        landed, places = _project_coarse(z, valid, source, target)
        inside = _lands_inside(landed, target.shape)
        apart = _cell_size_px(landed, places, inside)
        values = np.where(valid, z, np.float32(0))
        origin = np.arange(z.size).reshape(z.shape)
        if apart <= _MAX_CELL_PX:
            return cls(source, values, origin)
        part = _visible_region(inside, places, z.shape)
        return _densify(
            cls(_crop_camera(source, part), values[part], origin[part]), apart / _MAX_CELL_PX
        )


def _densify(grid: SourceGrid, factor: float) -> SourceGrid:
    factor = min(2 ** (np.ceil(np.log2(factor) * 4) / 4), _MAX_DENSIFY_FACTOR)
    height, width = grid.z.shape
    factor = min(factor, max(1.0, float(np.sqrt(_MAX_GRID_PIXELS / (height * width)))))
    shape = (int(np.ceil(height * factor)), int(np.ceil(width * factor)))
    known = grid.z > 0
    # Over the picture of a plane 1 / z is linear, z is not.
    inverse = np.divide(1, grid.z, out=np.zeros_like(grid.z), where=known)
    inverse, index = resize_depth(inverse, known, shape)
    z = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    return SourceGrid(grid.camera.scaled(shape), z, grid.origin.ravel()[index])


def _crop_camera(camera: Camera, part: tuple[slice, slice]) -> Camera:
    rows, columns = part
    return replace(
        camera,
        shape=(rows.stop - rows.start, columns.stop - columns.start),
        cx=camera.cx - columns.start,
        cy=camera.cy - rows.start,
    )


def _project_coarse(z: Float, valid: Mask, source: Camera, target: Camera) -> tuple[Matrix, Matrix]:
    """Some pixels of the map (n, m): where they land on `target`, and (x, y, z) on the map."""
    height, width = z.shape
    x, y = np.meshgrid(
        np.arange(0, width, max(width // _COARSE_SAMPLES_PER_SIDE, 1)),
        np.arange(0, height, max(height // _COARSE_SAMPLES_PER_SIDE, 1)),
    )
    some = np.where(valid[y, x], z[y, x], np.nan)
    places = np.stack([x, y, some], axis=-1)
    return target.project(source.unproject(places[..., :2], some)), places


def _lands_inside(landed: Matrix, shape: tuple[int, int]) -> Mask:
    far = np.array(shape[::-1]) - 0.5
    return np.asarray(((landed > -0.5) & (landed < far)).all(axis=-1))


def _cell_size_px(landed: Matrix, places: Matrix, inside: Mask) -> float:
    """How wide or high nearly all cells between neighbours of one surface land, in pixels."""
    corner, z = (slice(None, -1), slice(None, -1)), places[..., 2]
    extent = np.zeros((*z[corner].shape, 2))
    whole = inside[corner].copy()
    for neighbour in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
        step = np.linalg.norm(places[neighbour][..., :2] - places[corner][..., :2], axis=-1)
        extent += np.abs(landed[neighbour] - landed[corner]) / step[..., None]
        # Neighbours beyond the fold of a lens land nowhere.
        whole &= np.isfinite(landed[neighbour]).all(axis=-1)
        whole &= (
            np.abs(z[neighbour] - z[corner])
            < np.minimum(SAME_SURFACE_TOLERANCE * step, 0.25) * z[corner]
        )
    widest = extent.max(axis=-1)[whole]
    return float(np.percentile(widest, 99)) if widest.size else _MAX_CELL_PX


def _visible_region(inside: Mask, places: Matrix, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the map around all that lands inside, in eighths of its sides."""
    spans = []
    for axis, size in enumerate(shape):
        hit = np.flatnonzero(inside.any(axis=1 - axis))
        lines = np.take(places[..., 1 - axis], 0, axis=1 - axis)
        around = lines[[max(hit[0] - 2, 0), min(hit[-1] + 2, len(lines) - 1)]]
        part = -(-size // _REGION_PARTS_PER_SIDE)
        low = int(around[0]) // part * part
        spans.append(slice(low, min(-(-(int(around[1]) + 1) // part) * part, size)))
    return spans[0], spans[1]
