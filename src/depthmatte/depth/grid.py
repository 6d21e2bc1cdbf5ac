"""A depth map at the density at which another camera sees it without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Matrix
from ..canvas import Float
from .scale import AGREE, Index, scale

Mask = NDArray[np.bool_]

APART = 0.7
"""Pixels between neighbours on the other camera's grid that leave none of its pixels out:
their diagonal is one pixel."""

_DENSEST = 16.0
_SAMPLES = 48
"""Rows and columns of the coarse look that finds the density."""

_PARTS = 8
"""Parts of a side that the visible region is rounded to: as a picture moves, the tables kept
for its grid stay good."""


@dataclass(frozen=True)
class Grid:
    """Depth `z` float32 (h, w), 0 where unknown, on the grid of `camera`; `origin` holds, for
    every pixel, the flat index of the measured pixel it stands for.
    """

    camera: Camera
    z: Float
    origin: Index

    @classmethod
    def of(cls, z: Float, valid: Mask, source: Camera, target: Camera) -> Grid:
        """What `target` sees of a depth map taken by `source`, neighbours `APART` or less there.

        A map much finer than needed is thinned, a coarser one interpolated along its surfaces.
        """
        landed, places = _coarse(z, valid, source, target)
        inside = _inside(landed, target.shape)
        apart = _apart(landed, places, inside)
        values = np.where(valid, z, np.float32(0))
        origin = np.arange(z.size).reshape(z.shape)
        if apart <= APART:
            step = max(int(APART / max(apart, APART / 8)), 1)
            thin = (slice(None, None, step),) * 2
            return cls(_thinned(source, step), values[thin], origin[thin])
        part = _region(inside, places, z.shape)
        return _denser(cls(_cropped(source, part), values[part], origin[part]), apart / APART)


def _denser(grid: Grid, factor: float) -> Grid:
    factor = min(2 ** (np.ceil(np.log2(factor) * 4) / 4), _DENSEST)
    height, width = grid.z.shape
    shape = (int(np.ceil(height * factor)), int(np.ceil(width * factor)))
    known = grid.z > 0
    # Over the picture of a plane 1 / z is linear, z is not.
    inverse = np.divide(1, grid.z, out=np.zeros_like(grid.z), where=known)
    inverse, index = scale(inverse, known, shape)
    z = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    return Grid(grid.camera.scaled(shape), z, grid.origin.ravel()[index])


def _thinned(camera: Camera, step: int) -> Camera:
    """The camera of every `step`-th row and column."""
    height, width = -(-camera.shape[0] // step), -(-camera.shape[1] // step)
    return replace(
        camera,
        shape=(height, width),
        fx=camera.fx / step,
        fy=camera.fy / step,
        cx=camera.cx / step,
        cy=camera.cy / step,
    )


def _cropped(camera: Camera, part: tuple[slice, slice]) -> Camera:
    rows, columns = part
    return replace(
        camera,
        shape=(rows.stop - rows.start, columns.stop - columns.start),
        cx=camera.cx - columns.start,
        cy=camera.cy - rows.start,
    )


def _coarse(z: Float, valid: Mask, source: Camera, target: Camera) -> tuple[Matrix, Matrix]:
    """Some pixels of the map (n, m): where they land on `target`, and (x, y, z) on the map."""
    height, width = z.shape
    x, y = np.meshgrid(
        np.arange(0, width, max(width // _SAMPLES, 1)),
        np.arange(0, height, max(height // _SAMPLES, 1)),
    )
    some = np.where(valid[y, x], z[y, x], np.nan)
    places = np.stack([x, y, some], axis=-1)
    return target.project(source.unproject(places[..., :2], some)), places


def _inside(landed: Matrix, shape: tuple[int, int]) -> Mask:
    far = np.array(shape[::-1]) - 0.5
    return np.asarray(((landed > -0.5) & (landed < far)).all(axis=-1))


def _apart(landed: Matrix, places: Matrix, inside: Mask) -> float:
    """How far apart nearly all neighbours on one surface land, in pixels of the target."""
    found = [np.zeros(1)]
    for axis in (0, 1):
        steps = np.linalg.norm(np.diff(places[..., :2], axis=axis), axis=-1)
        ends = [np.take(places[..., 2], np.arange(*span), axis) for span in _ends(places, axis)]
        reach = np.minimum(AGREE * steps, 0.25) * np.minimum(*ends)
        seen = [np.take(inside, np.arange(*span), axis) for span in _ends(places, axis)]
        together = (np.abs(ends[0] - ends[1]) < reach) & (seen[0] | seen[1])
        moved = np.linalg.norm(np.diff(landed, axis=axis), axis=-1)
        found.append((moved / steps)[together & np.isfinite(moved)])
    return float(np.percentile(np.concatenate(found), 99))


def _ends(places: Matrix, axis: int) -> tuple[tuple[int, int], tuple[int, int]]:
    count = places.shape[axis]
    return (0, count - 1), (1, count)


def _region(inside: Mask, places: Matrix, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the map around all that lands inside, in eighths of its sides."""
    spans = []
    for axis, size in enumerate(shape):
        hit = np.flatnonzero(inside.any(axis=1 - axis))
        lines = np.take(places[..., 1 - axis], 0, axis=1 - axis)
        around = lines[[max(hit[0] - 2, 0), min(hit[-1] + 2, len(lines) - 1)]]
        part = -(-size // _PARTS)
        low = int(around[0]) // part * part
        spans.append(slice(low, min(-(-(int(around[1]) + 1) // part) * part, size)))
    return spans[0], spans[1]
