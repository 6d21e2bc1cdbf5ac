"""Layers with relief seen by any pinhole camera: photo, second view and depth sensor alike.

World = frame of the photo's camera, metres, y down. A `Layer` is a picture standing upright
at one distance whose surface bulges towards the camera; a `Backdrop` is ground and wall
with the picture that lies on them. `look` intersects every ray with every surface, so
parallax and occlusion are exact for each camera. Colours are float32 in [0, 255] and, in
layers, already multiplied by alpha.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import Camera

Map = NDArray[np.float32]

WHOLE = (slice(None), slice(None))

STEPS = 4
"""Rounds of the search where a ray meets a bulging surface; each shrinks the error a lot."""


def brightest(rgb: Map) -> Map:
    """The largest of the first three channels, (h, w)."""
    return np.asarray(np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2]))


@dataclass(frozen=True)
class Layer:
    """One thing in the scene, as the photo's camera sees it.

    `rgba` float32 (h, w, 4): colours times alpha in [0, 255], alpha in [0, 1]. Its first
    pixel lies at `corner` (row, column) of the photo, which may be outside. The surface is
    `metres - relief` away; `relief` float32 (h, w) >= 0. `missing` float32 (h, w) in [0, 1]
    is how likely a depth sensor gets nothing back. With `own` it belongs to the subject.
    """

    kind: str
    rgba: Map
    corner: tuple[int, int]
    metres: float
    relief: Map
    missing: Map
    own: bool = False


@dataclass(frozen=True)
class Backdrop:
    """Ground `tall` metres under the camera, up to a wall `wall` metres off.

    `rgb` float32 (h, w, 3) is what the photo's camera would see of them, with `margin`
    pixels more on every side; `missing` (h, w) as in Layer.
    """

    rgb: Map
    missing: Map
    margin: int
    tall: float
    wall: float


@dataclass(frozen=True)
class Seen:
    """What a camera of (h, w) pixels sees.

    `rgb` float32 (h, w, 3); `metres` float32 (h, w) along the camera's own axis; `alpha`
    float32 (h, w): how much of each pixel is the subject; `owner` int16 (h, w): the index
    of the layer in front, -1 for the backdrop; `missing` float32 (h, w).
    """

    rgb: Map
    metres: Map
    alpha: Map
    owner: NDArray[np.int16]
    missing: Map


@dataclass(frozen=True)
class _Rays:
    """Rays of every pixel in the world: at depth z it sees `origin` (3,) + z * `way` (h, w, 3)."""

    origin: NDArray[np.float32]
    way: Map

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


def look(layers: list[Layer], backdrop: Backdrop, photo: Camera, camera: Camera) -> Seen:
    """The scene as `camera` sees it; `photo` is the camera that layers were drawn for.

    `layers` are painted in the given order, which must be from far to near.
    """
    rays = _Rays.of(camera)
    seen = _backdrop(backdrop, photo, rays)
    still = not rays.origin.any() and np.array_equal(photo.rotation, camera.rotation)
    same = still and photo == camera
    for index, layer in enumerate(layers):
        if same:
            _lay(seen, index, layer)
        else:
            _project(seen, index, layer, photo, camera, rays)
    return seen


def _backdrop(backdrop: Backdrop, photo: Camera, rays: _Rays) -> Seen:
    down, ahead = rays.way[..., 1], rays.way[..., 2]
    to_wall = (backdrop.wall - rays.origin[2]) / np.maximum(ahead, 1e-6)
    to_ground = (backdrop.tall - rays.origin[1]) / np.maximum(down, 1e-6)
    reach = np.minimum(to_wall, to_ground).astype(np.float32)
    u, v = _pixels(photo, rays, reach)
    shift = np.float32(backdrop.margin)
    rgb, missing = (_sampled(m, u + shift, v + shift) for m in (backdrop.rgb, backdrop.missing))
    alpha, owner = np.zeros(reach.shape, np.float32), np.full(reach.shape, -1, np.int16)
    return Seen(rgb, reach, alpha, owner, missing)


def _sampled(picture: Map, u: Map, v: Map, border: int = cv2.BORDER_REPLICATE) -> Map:
    return np.asarray(cv2.remap(picture, u, v, cv2.INTER_LINEAR, borderMode=border), np.float32)


def _pixels(
    photo: Camera, rays: _Rays, reach: Map, here: tuple[slice, slice] = WHOLE
) -> tuple[Map, Map]:
    """Where points `reach` along the rays lie in the photo: (u, v)."""
    way = rays.way[here]
    per_metre = np.reciprocal(rays.origin[2] + reach * way[..., 2])
    u = (rays.origin[0] + reach * way[..., 0]) * per_metre * photo.fx + photo.cx
    v = (rays.origin[1] + reach * way[..., 1]) * per_metre * photo.fy + photo.cy
    return u.astype(np.float32, copy=False), v.astype(np.float32, copy=False)


def _lay(seen: Seen, index: int, layer: Layer) -> None:
    """The photo's own camera: no search, no interpolation, so alpha stays exact."""
    rows, columns = seen.metres.shape
    (top, left), (height, width) = layer.corner, layer.rgba.shape[:2]
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(rows, top + height), min(columns, left + width)
    if y0 >= y1 or x0 >= x1:
        return
    here, part = np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    surface = np.float32(layer.metres) - layer.relief[part]
    _over(seen, here, index, layer.own, layer.rgba[part], surface, layer.missing[part])


def _project(
    seen: Seen, index: int, layer: Layer, photo: Camera, camera: Camera, rays: _Rays
) -> None:
    """Any other camera: follow each ray to the layer's surface, then take its colour there."""
    here = _reach(layer, photo, camera, seen.metres.shape)
    if here is None:
        return
    ahead = rays.way[here][..., 2]
    distance = np.full(ahead.shape, layer.metres, np.float32)
    top, left = layer.corner
    for step in range(STEPS + 1):
        reach = (distance - rays.origin[2]) / ahead
        u, v = _pixels(photo, rays, reach, here)
        u, v = u - left, v - top
        if step < STEPS:
            distance = np.float32(layer.metres) - _sampled(layer.relief, u, v)
    rgba = _sampled(layer.rgba, u, v, cv2.BORDER_CONSTANT)
    _over(seen, here, index, layer.own, rgba, reach, _sampled(layer.missing, u, v))


def _reach(
    layer: Layer, photo: Camera, camera: Camera, shape: tuple[int, ...]
) -> tuple[slice, slice] | None:
    """The part of a camera's picture that a layer can touch."""
    (top, left), (height, width) = layer.corner, layer.rgba.shape[:2]
    corners = []
    for z in (layer.metres, layer.metres - float(layer.relief.max())):
        for row in (top - 1, top + height):
            for column in (left - 1, left + width):
                x, y = (column - photo.cx) / photo.fx, (row - photo.cy) / photo.fy
                point = camera.rotation @ (np.array([x, y, 1]) * z) + camera.translation
                corners.append(point[:2] / max(point[2], 1e-6))
    found = np.array(corners) * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    x0, y0 = np.maximum(np.floor(found.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(found.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    return None if x0 >= x1 or y0 >= y1 else np.s_[y0:y1, x0:x1]


def _over(
    seen: Seen,
    here: tuple[slice, slice],
    index: int,
    own: bool,
    rgba: Map,
    metres: Map,
    missing: Map,
) -> None:
    """Paint over what is there; a pixel belongs to whoever covers more than half of it."""
    alpha = rgba[..., 3]
    rest = 1 - alpha
    seen.rgb[here] = seen.rgb[here] * rest[..., None] + rgba[..., :3]
    seen.alpha[here] = seen.alpha[here] * rest + (alpha if own else 0)
    solid = alpha > 0.5
    seen.metres[here][solid] = metres[solid]
    seen.owner[here][solid] = index
    seen.missing[here][solid] = missing[solid]
