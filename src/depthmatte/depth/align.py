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
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, Lens, distort, pose, reach
from ..canvas import Float
from ..evidence import Reason
from .grid import Grid
from .scale import AGREE, Index, Interpolation

Mask = NDArray[np.bool_]

_CLOSEST = 1e-3
"""Metres before the camera under which nothing is seen."""


@dataclass(frozen=True)
class Aligned:
    """Depth on the photo's grid: `z` float32 (h, w) along the photo camera's axis, 0 where
    unknown; `validity` uint8 of Reason; `origin` the flat index of the depth pixel behind
    a value or a reason, -1 where there is none.
    """

    z: Float
    validity: NDArray[np.uint8]
    origin: Index


@dataclass(frozen=True)
class _Cloud:
    """A grid's points in the target's frame, flat: x / z, y / z and 1 / z (0 where unknown)."""

    grid: Grid
    target: Camera
    x: Float
    y: Float
    inverse: Float


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
    cloud = _move(Grid.of(z, validity == Reason.VALID, source, target), target)
    winner = _front(cloud)
    _close(cloud, winner)
    reasons, behind = _explain(cloud, winner, validity.ravel())
    found = np.flatnonzero(winner >= 0)
    inverse = (_at_centres if interpolation == "bilinear" else _as_landed)(cloud, winner, found)
    depth = np.zeros(winner.shape, np.float32)
    depth[found] = 1 / inverse
    origin = np.where(behind >= 0, cloud.grid.origin.ravel()[behind], -1)
    shape = target.shape
    return Aligned(depth.reshape(shape), reasons.reshape(shape), origin.reshape(shape))


def _move(grid: Grid, target: Camera) -> _Cloud:
    camera = grid.camera
    rotation, shift = pose(camera, target)
    rays = _rays(camera.lens, rotation.tobytes())
    z = grid.z.ravel()
    ahead = rays[2] * z
    ahead += np.float32(shift[2])
    seen = (z > 0) & (ahead > _CLOSEST)  # False also for NaN, beyond the lens
    inverse = np.divide(1, ahead, out=np.zeros_like(z), where=seen)
    flat = []
    for ray, step in zip(rays[:2], shift[:2], strict=True):
        values = ray * z
        values += np.float32(step)
        values *= inverse
        flat.append(values)
    return _Cloud(grid, target, flat[0], flat[1], inverse)


@lru_cache(maxsize=8)
def _rays(lens: Lens, rotation: bytes = np.eye(3).tobytes()) -> Float:
    """Where a camera's pixels look, turned into another's frame: float32 (3, h * w)."""
    rays = Camera(*lens).rays().reshape(-1, 2).astype(np.float64)
    whole = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    return np.asarray(np.frombuffer(rotation).reshape(3, 3) @ whole.T, np.float32)


def _front(cloud: _Cloud) -> Index:
    """For every pixel of the target, flat: the index of the nearest point on it, or -1."""
    target = cloud.target
    height, width = target.shape
    x, y = distort(cloud.x, cloud.y, target.distortion)
    u = x * np.float32(target.fx)
    u += np.float32(target.cx + 0.5)
    v = y * np.float32(target.fy)
    v += np.float32(target.cy + 0.5)
    inside = cloud.inverse > 0
    inside &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
    limit = reach(target.distortion)
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


def _as_landed(cloud: _Cloud, winner: Index, pixel: Index) -> Float:
    """1 / z of the points that won the pixels."""
    return cloud.inverse[winner[pixel]]


def _at_centres(cloud: _Cloud, winner: Index, pixel: Index) -> Float:
    """1 / z where the pixels' own rays meet the surfaces around the points that won them.

    Over a picture 1 / z of a plane is linear: its slope among neighbours on the same surface
    gives the plane n . X = 1 in the depth camera's frame, and so in the photo camera's.
    """
    point, inverse = winner[pixel], _reciprocal(cloud.grid.z)
    here = inverse.ravel()[point]
    down, across = (_slope(inverse, axis).ravel()[point] for axis in (0, 1))
    ray_x, ray_y = (plane[point] for plane in _rays(cloud.grid.camera.lens)[:2])
    x, y = _per_ray(cloud.grid.camera, point, across, down)
    rotation, shift = pose(cloud.grid.camera, cloud.target)
    plane = rotation.astype(np.float32) @ np.stack([x, y, here - x * ray_x - y * ray_y])
    to_x, to_y = (plane[pixel] for plane in _rays(cloud.target.lens)[:2])
    met = plane[0] * to_x + plane[1] * to_y + plane[2]
    x, y, z = shift.astype(np.float32)
    met /= x * plane[0] + y * plane[1] + z * plane[2] + 1
    landed = cloud.inverse[point]
    low, high = landed * np.float32(1 - AGREE), landed * np.float32(1 + AGREE)
    return np.asarray(np.clip(met, low, high))


def _slope(inverse: Float, axis: int) -> Float:
    """Change of 1 / z per pixel along an axis, out of the neighbours on the same surface."""
    step = np.diff(inverse, axis=axis)
    before: tuple[slice, ...] = (slice(None, -1),)
    after: tuple[slice, ...] = (slice(1, None),)
    if axis == 1:
        before, after = (slice(None), *before), (slice(None), *after)
    same = np.abs(step) <= inverse[before] * np.float32(AGREE)
    step *= same
    total, count = np.zeros_like(inverse), np.zeros_like(inverse)
    for side in (before, after):
        total[side] += step
        count[side] += same
    np.maximum(count, 1, out=count)
    total /= count
    return total


def _per_ray(camera: Camera, point: Index, across: Float, down: Float) -> tuple[Float, Float]:
    """Slopes per pixel across and down the picture -> slopes per unit of x / z and y / z."""
    if not any(camera.distortion):
        return across * np.float32(camera.fx), down * np.float32(camera.fy)
    xa, xd, ya, yd = (plane[point] for plane in _tangents(camera.lens))
    return across * xa + down * xd, across * ya + down * yd


@lru_cache(maxsize=4)
def _tangents(lens: Lens) -> Float:
    """Pixels across and down per unit of x / z, then per unit of y / z: float32 (4, h * w)."""
    rays = Camera(*lens).rays().astype(np.float64)
    height, width = rays.shape[:2]
    across = np.gradient(rays, axis=1) if width > 1 else rays * 0 + (1 / lens[1], 0)
    down = np.gradient(rays, axis=0) if height > 1 else rays * 0 + (0, 1 / lens[2])
    (ax, ay), (dx, dy) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    planes = np.stack([dy, -ay, -dx, ax]) / (ax * dy - ay * dx)
    return np.asarray(planes.reshape(4, -1), np.float32)


def _look(cloud: _Cloud, pixel: Index, inverse: Float) -> tuple[Index, Float]:
    """Where the depth camera sees the target's pixels if they are at 1 / z = `inverse`.

    Returns the index on its grid, -1 outside it, and the depth to expect there.
    """
    camera = cloud.grid.camera
    rotation, shift = pose(cloud.target, camera)
    x, y = (plane[pixel] for plane in _rays(cloud.target.lens)[:2])
    points = np.stack([x, y, np.ones_like(x)]) / inverse
    ahead = rotation.astype(np.float32) @ points + shift.astype(np.float32)[:, None]
    height, width = camera.shape
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        x, y = ahead[0] / ahead[2], ahead[1] / ahead[2]
        seen = (ahead[2] > _CLOSEST) & (np.hypot(x, y) <= reach(camera.distortion))
        x, y = distort(x, y, camera.distortion)
        u, v = x * camera.fx + camera.cx + 0.5, y * camera.fy + camera.cy + 0.5
        seen &= (u >= 0) & (u < width) & (v >= 0) & (v < height)
    u, v = np.where(seen, u, 0).astype(np.intp), np.where(seen, v, 0).astype(np.intp)
    return np.where(seen, v * width + u, -1), ahead[2]


def _close(cloud: _Cloud, winner: Index) -> None:
    """Pixels amid a nearer surface that the depth camera sees as closed are given to it."""
    inverse = np.where(winner >= 0, cloud.inverse[winner], 0).reshape(cloud.target.shape)
    ahead = np.zeros_like(inverse)
    for before, after, middle in (
        (inverse[:, :-2], inverse[:, 2:], (slice(None), slice(1, -1))),
        (inverse[:-2], inverse[2:], (slice(1, -1), slice(None))),
    ):
        low, high = np.minimum(before, after), np.maximum(before, after)
        apart = (low < inverse[middle] * (1 + AGREE)) | (high - low > high * AGREE)
        np.maximum(ahead[middle], np.where(apart, 0, low), out=ahead[middle])
    pixel = np.flatnonzero((ahead > 0) & (inverse > 0))
    place, expected = _look(cloud, pixel, ahead.ravel()[pixel])
    there = np.where(place >= 0, cloud.grid.z.ravel()[place], 0)
    closed = np.abs(there - expected) <= expected * AGREE
    winner[pixel[closed]] = place[closed]


def _explain(
    cloud: _Cloud, winner: Index, validity: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Index]:
    """Why pixels were not reached: a flat map of Reason and of the grid points that tell.

    Where the depth camera sees the very surface that is around a pixel, the pixel was only
    slipped past: `winner` is mended there.
    """
    reasons = np.where(winner >= 0, Reason.VALID, Reason.MISSING).astype(np.uint8)
    points, measured = winner.copy(), cloud.grid.z.ravel()
    pixel = np.flatnonzero(winner < 0)
    guess = _farther_side(np.where(winner >= 0, cloud.inverse[winner], 0), cloud.target, pixel)
    pixel, guess = pixel[guess > 0], guess[guess > 0]
    for _ in range(2):
        place, expected = _look(cloud, pixel, guess)
        there = np.where(place >= 0, measured[place], 0)
        points[pixel] = place
        reasons[pixel] = Reason.MISSING
        unknown = (place >= 0) & (there == 0)
        reasons[pixel[unknown]] = validity[cloud.grid.origin.ravel()[place[unknown]]]
        hidden = (there > 0) & (there < expected * (1 - AGREE))
        reasons[pixel[hidden]] = Reason.SHADOW
        same = (there > 0) & (np.abs(there - expected) <= expected * AGREE)
        winner[pixel[same]] = place[same]
        reasons[pixel[same]] = Reason.VALID
        # Something farther is seen through the pixel: ask again at that depth.
        farther = there > expected * (1 + AGREE)
        reasons[pixel[farther]] = Reason.SHADOW
        farther &= cloud.inverse[place] > 0
        pixel, guess = pixel[farther], cloud.inverse[place[farther]]
    return reasons, points


def _farther_side(inverse: Float, target: Camera, pixel: Index) -> Float:
    """1 / z of the farther of the nearest known pixels to the left and right of `pixel`, all
    that are unknown; above and below where its row knows none.
    """
    height, width = target.shape
    guess = _farther(inverse, pixel, width)
    alone = guess == 0
    if alone.any():
        row, column = np.divmod(pixel, width)
        turned = column * height + row
        order = np.argsort(turned)
        upright = np.empty_like(guess)
        flat = inverse.reshape(target.shape).T.ravel()
        upright[order] = _farther(flat, turned[order], height)
        guess[alone] = upright[alone]
    return guess


def _farther(inverse: Float, pixel: Index, width: int) -> Float:
    """The smaller of the known values before and after every run of unknown pixels in a row."""
    start = np.ones(pixel.size, bool)
    start[1:] = (np.diff(pixel) > 1) | (pixel[1:] % width == 0)
    begin, end = pixel[start], pixel[np.append(start[1:], True)[: pixel.size]]
    left = np.where(begin % width > 0, inverse[begin - 1], 0)
    right = np.where((end + 1) % width > 0, inverse[np.minimum(end + 1, inverse.size - 1)], 0)
    both = np.minimum(left, right)
    farther = np.where(both > 0, both, np.maximum(left, right))
    return np.asarray(farther[np.cumsum(start) - 1])


def _reciprocal(z: Float) -> Float:
    """1 / z, and 0 where z is 0."""
    return np.divide(1, z, out=np.zeros_like(z), where=z > 0)
