"""Backdrops: a photographed place, or a room drawn from textures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...types import RGB, Float
from ..augment.geometry import Stack, random_crop
from ..cutout_image import max_channel
from ..types import Rng
from .camera_view import CameraView
from .renderer import Backdrop

_MARGIN = 96
"""Pixels around the photo that other cameras may see."""


def photo_backdrop(rng: Rng, place: RGB, view: CameraView) -> Backdrop:
    """A window of a photo, taken for ground and wall."""
    shape = (view.shape[0] + 2 * _MARGIN, view.shape[1] + 2 * _MARGIN)
    cut = random_crop(rng, Stack(place, ()), shape[1] > shape[0], least=0.6).rgb
    wide = min(cut.shape[1], round(cut.shape[0] * shape[1] / shape[0]))
    left = int(rng.integers(0, cut.shape[1] - wide + 1))
    picture = np.ascontiguousarray(cut[:, left : left + wide])
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    rgb = resize(np.ascontiguousarray(picture), shape).astype(np.float32)
    return Backdrop(rgb, _missing_depth(rng, rgb), _MARGIN, view.camera_height, view.wall)


def drawn_room(rng: Rng, place: RGB, floor: RGB, view: CameraView) -> Backdrop:
    """A wall and a floor in true perspective: paint, bricks, boards or a texture from a photo."""
    rows, columns = view.shape[0] + 2 * _MARGIN, view.shape[1] + 2 * _MARGIN
    x = (np.arange(columns) - _MARGIN - (view.shape[1] - 1) / 2) / view.focal
    y = (np.arange(rows) - _MARGIN - view.horizon) / view.focal
    reach = np.minimum(view.camera_height / np.maximum(y, 1e-6), view.wall)
    across = (x[None] * reach[:, None]).astype(np.float32)
    ground = np.broadcast_to((y * view.wall < view.camera_height)[:, None], across.shape)
    rgb = np.empty((rows, columns, 3), np.float32)
    edge = int(np.argmin(ground[:, 0])) if not ground[:, 0].all() else rows
    up = np.repeat((y[:edge, None] * view.wall).astype(np.float32), columns, axis=1)
    rgb[:edge] = _wall(rng, place, across[:edge], up - np.float32(view.camera_height))
    if edge < rows:
        away = np.repeat(reach[edge:, None].astype(np.float32), columns, axis=1)
        rgb[edge:] = _floor(rng, floor, across[edge:], away)
        board = max(1, round(rng.uniform(0.05, 0.14) * view.focal / view.wall))
        rgb[max(0, edge - board) : edge] = _paint_color(rng, 0.2, 0.95)
    shade = np.linspace(1.08, 0.9, rows)[:, None] * np.linspace(1, rng.uniform(0.75, 1), columns)
    rgb *= (shade if rng.random() < 0.5 else shade[:, ::-1])[..., None].astype(np.float32)
    return Backdrop(
        np.clip(rgb, 0, 255), _missing_depth(rng, rgb), _MARGIN, view.camera_height, view.wall
    )


def _wall(rng: Rng, place: RGB, across: Float, up: Float) -> Float:
    """Colors of a wall at meters across and up (negative above the floor)."""
    paint = _paint_color(rng, 0.35, 0.95)
    kind = rng.choice(["plain", "bricks", "panels", "texture"], p=[0.4, 0.15, 0.2, 0.25])
    if kind == "texture":
        return _tiled(place, across, up, rng.uniform(2.5, 5)) * 0.8 + paint * 0.2
    wall = np.broadcast_to(paint, (*across.shape, 3)).copy()
    if kind == "bricks":
        line = np.floor(up / 0.075)
        shift = across / 0.24 + 0.5 * (line % 2)
        tone = np.sin(np.floor(shift) * 12.9898 + line * 78.233) * 43758.5453 % 1
        gap = (np.abs(up / 0.075 - line - 0.5) > 0.42) | (np.abs(shift % 1 - 0.5) > 0.47)
        wall *= (0.85 + 0.3 * tone)[..., None]
        wall[gap] = wall[gap] * 0.4 + 110
    elif kind == "panels":
        wide = rng.uniform(0.12, 1.2)
        wall *= np.where(np.abs(across / wide % 1 - 0.5) > 0.5 - 0.008 / wide, 0.8, 1)[..., None]
        low = up > -rng.uniform(0.7, 1.2)
        wall[low] = wall[low] * 0.5 + _paint_color(rng, 0.3, 0.9) * 0.5
    return np.asarray(wall, np.float32)


def _floor(rng: Rng, texture: RGB, across: Float, away: Float) -> Float:
    """Colors of a floor at meters across and away."""
    kind = rng.choice(["boards", "tiles", "texture", "plain"], p=[0.35, 0.25, 0.25, 0.15])
    if kind == "texture":
        return (
            _tiled(texture, across, away, rng.uniform(1.5, 3)) * 0.7
            + _paint_color(rng, 0.2, 0.7) * 0.3
        )
    if kind == "boards":
        paint = np.array([170, 125, 85], np.float32) * np.float32(rng.uniform(0.45, 1.3))
        line = np.floor(across / 0.14)
        tone = np.sin(line * 12.9898 + np.floor(away / 1.2 + line * 0.37) * 4.1) * 43758.5453 % 1
        return np.asarray(paint * (0.8 + 0.35 * tone)[..., None], np.float32)
    paint = _paint_color(rng, 0.25, 0.9)
    if kind == "plain":
        return np.broadcast_to(paint, (*across.shape, 3)).copy()
    size = rng.uniform(0.3, 0.7)
    odd = (np.floor(across / size) + np.floor(away / size)) % 2
    return np.asarray(paint * (0.85 + rng.uniform(0.05, 0.3) * odd)[..., None], np.float32)


def _tiled(texture: RGB, x: Float, y: Float, meters: float) -> Float:
    """A photo repeated mirror-wise, `meters` wide."""
    rows, columns = texture.shape[:2]
    scale = columns / meters
    u, v = np.abs(x * scale % (2 * columns) - columns), np.abs(y * scale % (2 * rows) - rows)
    return np.asarray(
        cv2.remap(
            texture,
            np.minimum(u, columns - 1).astype(np.float32),
            np.minimum(v, rows - 1).astype(np.float32),
            cv2.INTER_LINEAR,
        ),
        np.float32,
    )


def _paint_color(rng: Rng, dark: float, bright: float) -> NDArray[np.float32]:
    """A wall's color: mostly pale."""
    hsv = [rng.integers(0, 180), 255 * rng.beta(1, 5), 255 * rng.uniform(dark, bright)]
    pixel = cv2.cvtColor(np.array([[hsv]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0]
    return np.asarray(pixel, np.float32)


def _missing_depth(rng: Rng, rgb: Float) -> Float:
    """How likely the backdrop returns no depth: black and shining things, here and there."""
    dark = np.clip((45 - max_channel(rgb)) / 30, 0, 1) * rng.uniform(0.05, 0.6)
    return np.asarray(dark, np.float32)
