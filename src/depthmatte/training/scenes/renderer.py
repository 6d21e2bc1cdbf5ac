"""The renderer: layers with relief as any camera sees them: photo, second view, depth sensor.

World = frame of the photo's camera, meters, y down. A `Layer` is a picture standing upright
at one distance whose surface bulges toward the camera; a `Backdrop` is ground and wall
with the picture on them. `render` intersects every ray with every surface, so
parallax and occlusion are exact for each camera. Colors are float32 in [0, 255] and, in
layers, already multiplied by alpha.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...camera import Camera
from ...types import Float
from .compositor import Composite
from .layer import Layer

_WHOLE = (slice(None), slice(None))

_RAY_STEPS = 4
"""Rounds of the search where a ray meets a bulging surface; each shrinks the error a lot."""


@dataclass(frozen=True)
class Backdrop:
    """Ground and wall of a scene with the picture on them.

    Attributes
    ----------
    rgb : ndarray
        float32 (h, w, 3), what the photo's camera would see of them.
    missing : ndarray
        float32 (h, w) in [0, 1], how likely a depth sensor gets nothing back.
    margin : int
        Pixels that `rgb` has more than the photo on every side.
    camera_height : float
        Meters from the camera down to the ground.
    wall : float
        Meters to the wall.
    """

    rgb: Float
    missing: Float
    margin: int
    camera_height: float
    wall: float


@dataclass(frozen=True)
class _Rays:
    """Rays of every pixel in the world: at depth z it sees `origin` (3,) + z * `way` (h, w, 3)."""

    origin: NDArray[np.float32]
    way: Float

    @classmethod
    def of(cls, camera: Camera) -> _Rays:
        rows, columns = camera.shape
        x = (np.arange(columns) - camera.cx) / camera.fx
        y = (np.arange(rows) - camera.cy) / camera.fy
        turn = camera.rotation.T
        way = np.empty((rows, columns, 3), np.float32)
        for axis in range(3):
            way[..., axis] = turn[axis, 0] * x + (turn[axis, 1] * y + turn[axis, 2])[:, None]
        return cls((-turn @ camera.translation).astype(np.float32), way)


def render(layers: list[Layer], backdrop: Backdrop, photo: Camera, camera: Camera) -> Composite:
    """Render a scene as one camera sees it.

    Parameters
    ----------
    layers : list of Layer
        From far to near.
    backdrop : Backdrop
    photo : Camera
        The camera that layers and backdrop were drawn for.
    camera : Camera
        The camera that looks.

    Returns
    -------
    Composite
    """
    rays = _Rays.of(camera)
    seen = _backdrop(backdrop, photo, rays)
    still = not rays.origin.any() and np.array_equal(photo.rotation, camera.rotation)
    same = still and photo == camera
    for index, layer in enumerate(layers):
        if same:
            seen.paint(index, layer)
        else:
            _project(seen, index, layer, photo, camera, rays)
    return seen


def _backdrop(backdrop: Backdrop, photo: Camera, rays: _Rays) -> Composite:
    down, ahead = rays.way[..., 1], rays.way[..., 2]
    to_wall = (backdrop.wall - rays.origin[2]) / np.maximum(ahead, 1e-6)
    to_ground = (backdrop.camera_height - rays.origin[1]) / np.maximum(down, 1e-6)
    reach = np.minimum(to_wall, to_ground).astype(np.float32)
    u, v = _pixels(photo, rays, reach)
    shift = np.float32(backdrop.margin)
    rgb, missing = (_sampled(m, u + shift, v + shift) for m in (backdrop.rgb, backdrop.missing))
    return Composite.of_backdrop(rgb, reach, missing)


def _sampled(picture: Float, u: Float, v: Float, border: int = cv2.BORDER_REPLICATE) -> Float:
    return np.asarray(cv2.remap(picture, u, v, cv2.INTER_LINEAR, borderMode=border), np.float32)


def _pixels(
    photo: Camera, rays: _Rays, reach: Float, here: tuple[slice, slice] = _WHOLE
) -> tuple[Float, Float]:
    """The photo's pixels (u, v) of points at `reach` along the rays."""
    way = rays.way[here]
    per_meter = np.reciprocal(rays.origin[2] + reach * way[..., 2])
    u = (rays.origin[0] + reach * way[..., 0]) * per_meter * photo.fx + photo.cx
    v = (rays.origin[1] + reach * way[..., 1]) * per_meter * photo.fy + photo.cy
    return u.astype(np.float32, copy=False), v.astype(np.float32, copy=False)


def _project(
    seen: Composite, index: int, layer: Layer, photo: Camera, camera: Camera, rays: _Rays
) -> None:
    """Any other camera: follow each ray to the layer's surface, then take its color there."""
    here = _touched_part(layer, photo, camera, seen.meters.shape)
    if here is None:
        return
    ahead = rays.way[here][..., 2]
    distance = np.full(ahead.shape, layer.meters, np.float32)
    top, left = layer.corner
    for step in range(_RAY_STEPS + 1):
        reach = (distance - rays.origin[2]) / ahead
        u, v = _pixels(photo, rays, reach, here)
        u, v = u - left, v - top
        if step < _RAY_STEPS:
            distance = np.float32(layer.meters) - _sampled(layer.relief, u, v)
    rgba = _sampled(layer.rgba, u, v, cv2.BORDER_CONSTANT)
    seen.over(here, index, layer.is_subject, rgba, reach, _sampled(layer.missing, u, v))


def _touched_part(
    layer: Layer, photo: Camera, camera: Camera, shape: tuple[int, ...]
) -> tuple[slice, slice] | None:
    """The part of a camera's picture that a layer can touch."""
    (top, left), (height, width) = layer.corner, layer.rgba.shape[:2]
    corners = []
    for z in (layer.meters, layer.meters - float(layer.relief.max())):
        for row in (top - 1, top + height):
            for column in (left - 1, left + width):
                x, y = (column - photo.cx) / photo.fx, (row - photo.cy) / photo.fy
                point = camera.rotation @ (np.array([x, y, 1]) * z) + camera.translation
                corners.append(point[:2] / max(point[2], 1e-6))
    found = np.array(corners) * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    x0, y0 = np.maximum(np.floor(found.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(found.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    return None if x0 >= x1 or y0 >= y1 else np.s_[y0:y1, x0:x1]
