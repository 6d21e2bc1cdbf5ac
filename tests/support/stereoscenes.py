"""Pairs with exact truth, made by code: textured planes seen through any two cameras."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.camera import Camera
from depthmatte.types import Float


@cache
def texture(seed: int, size: int = 512) -> Float:
    """Noise with detail at several scales, float32 (size, size, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((n, n, 3), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        for n in (8, 32, 128, 256)
    ]
    mixed = sum(layers) / len(layers)
    return np.clip((mixed - mixed.mean()) * 2.5 + 0.5, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Plane:
    """z = distance + slope * x, `half` meters wide and high to each side of `middle` (x, y)."""

    distance: float
    half: float = np.inf
    middle: tuple[float, float] = (0.0, 0.0)
    slope: float = 0.0
    seed: int = 0


SCENE = (Plane(4.0, slope=0.3, seed=1), Plane(1.6, 0.3, (0.1, 0.05), seed=2))
"""A wall that turns away, and a square in front of it."""


def view(camera: Camera, planes: tuple[Plane, ...] = SCENE) -> tuple[NDArray[np.uint8], Float]:
    """What `camera` sees: uint8 (h, w, 3), and the depth along its own axis, float32 (h, w)."""
    rays = camera.rays().astype(np.float64)
    ahead = np.concatenate([rays, np.ones((*camera.shape, 1))], axis=-1) @ camera.rotation
    center = -camera.rotation.T @ camera.translation
    rgb = np.zeros((*camera.shape, 3), np.float32)
    depth = np.full(camera.shape, np.inf)
    for plane in planes:
        # center + t * ahead lies on z = distance + slope * x; t is the depth along the axis.
        rate = ahead[..., 2] - plane.slope * ahead[..., 0]
        with np.errstate(all="ignore"):
            t = (plane.distance + plane.slope * center[0] - center[2]) / rate
        x, y = (center[i] + t * ahead[..., i] for i in (0, 1))
        inside = np.maximum(abs(x - plane.middle[0]), abs(y - plane.middle[1])) <= plane.half
        front = (t > 0) & (t < depth) & inside
        depth = np.where(front, t, depth)
        rgb = np.where(front[..., None], _sampled(texture(plane.seed), x, y, plane), rgb)
    return np.rint(rgb * 255).astype(np.uint8), depth.astype(np.float32)


def _sampled(sheet: Float, x: NDArray[np.float64], y: NDArray[np.float64], plane: Plane) -> Float:
    """The sheet's color at (x, y) meters; a texel is about a pixel at the plane's distance."""
    scale = 350 / plane.distance
    where = ((v * scale + 256).astype(np.float32) for v in (x, y))
    return cv2.remap(sheet, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def camera(
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
    degrees: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shape: tuple[int, int] = (240, 320),
    focal: float = 300.0,
    distortion: tuple[float, ...] = (),
) -> Camera:
    """A camera at `at` meters, turned by `degrees` about x, y, z."""
    rotation = np.asarray(cv2.Rodrigues(np.radians(np.array(degrees)))[0], float)
    height, width = shape
    middle = (width - 1) / 2 + 3, (height - 1) / 2 - 2
    return Camera(
        shape, focal, focal, *middle, distortion, rotation, -rotation @ np.array(at, float)
    )
