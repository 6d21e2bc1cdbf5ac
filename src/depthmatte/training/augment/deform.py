"""Deformation of cut-out people: bent bodies, stretched limbs, trailing cloth.

Labeled photos show people who stand still. People are float32 (h, w, 4), colors times alpha,
both 0 to 255.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import Mask, Values
from ..cutout_image import trim_to_mask
from ..types import Rng
from .options import DEFAULT_DEFORMATION, Deformation


def bend(rng: Rng, rgba: Values, shape: Deformation = DEFAULT_DEFORMATION) -> Values:
    """The person out of shape: rows sway, what reaches out is stretched and raised or lowered.

    The middle keeps its scale and the lowest row its height.
    """
    rows, columns = rgba.shape[:2]
    stretch, raised = rng.uniform(0, shape.stretch), rng.uniform(-shape.raised, shape.raised)
    sway, waves = rng.uniform(0, shape.sway), rng.uniform(*shape.sway_waves)
    start = rng.uniform(0, 2 * np.pi)
    size = round((1 + shape.raised) * rows), round((1 + stretch) * (1 + 2 * sway) * columns)
    v = (np.arange(size[0], dtype=np.float32)[:, None] + 0.5 - shape.raised * rows) / rows
    u = np.linspace(-1, 1, size[1], dtype=np.float32)[None] * np.float32(1 + 2 * sway)
    u = u + 2 * sway * np.sin(np.pi * waves * v + start, dtype=np.float32)
    # A cubic whose slope falls off from the middle: there a pixel stays a pixel.
    u = u * (1 + stretch) - stretch * u**3
    v = v + raised * u**2 * (1 - v)
    moved = cv2.remap(
        np.ascontiguousarray(rgba),
        np.asarray((u + 1) * columns / 2 - 0.5, np.float32),
        np.asarray(v * rows - 0.5, np.float32),
        cv2.INTER_LINEAR,
    )
    return trim_to_mask(moved, moved[..., 3] > 127)


def add_trailing_cloth(rng: Rng, rgba: Values, shape: Deformation = DEFAULT_DEFORMATION) -> Values:
    """The person with strips and flaps of cloth that fly off the body: ribbons, scarves, hems.

    They have colors of the person's own and belong to the person.
    """
    rows = len(rgba)
    room = round(shape.cloth_length[1] * rows)
    wide = np.asarray(cv2.copyMakeBorder(rgba, 0, 0, room, room, cv2.BORDER_CONSTANT))
    solid = wide[..., 3] > 127
    cloth = np.zeros_like(wide)
    for _ in range(int(rng.integers(*shape.cloth_count, endpoint=True))):
        row = min(rows - 1, int(rng.uniform(*shape.cloth_row) * rows))
        across = np.flatnonzero(solid[row])
        if across.size:
            _strip(rng, cloth, (row, across), _color(rng, wide, solid), shape)
    over, under = (cloth, wide) if rng.random() < shape.cloth_over_chance else (wide, cloth)
    whole = over + under * (1 - over[..., 3:] / 255)
    return trim_to_mask(whole, whole[..., 3] > 127)


def _color(rng: Rng, rgba: Values, solid: Mask) -> Values:
    """The person's color (3,) at a random place between head and feet."""
    rows = len(rgba)
    inner = np.argwhere(solid[int(0.2 * rows) : int(0.9 * rows)])
    if not len(inner):
        return rng.uniform(0, 255, 3)
    row, column = inner[int(rng.integers(len(inner)))]
    pixel = rgba[row + int(0.2 * rows), column]
    return np.asarray(pixel[:3] * 255 / max(float(pixel[3]), 1.0), np.float32)


def _strip(
    rng: Rng,
    cloth: Values,
    edge: tuple[int, NDArray[np.intp]],
    color: Values,
    shape: Deformation,
) -> None:
    """Paint one strip of `color` that starts in the body, at an `edge` of its, and leaves it.

    `edge` is a row and the columns where the body is in it.
    """
    row, across = edge
    rows = len(cloth)
    side = float(rng.choice([-1, 1]))
    inside = side * min(0.04 * rows, 0.3 * across.size)
    start = np.array([across[-1 if side > 0 else 0] - inside, row])
    angle = rng.uniform(*shape.cloth_angle)
    way = rng.uniform(*shape.cloth_length) * rows * np.array([side * np.cos(angle), np.sin(angle)])
    outline = _tapered(rng, start, way, rng.uniform(*shape.cloth_width) * rows, shape)
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.maximum(np.ceil(outline.max(axis=0)).astype(int) + 2, 0)
    here = cloth[top:bottom, left:right]
    if not here.size:
        return
    drawn: Any = np.zeros(here.shape[:2], np.uint8)
    fixed = np.rint((outline - (left, top)) * 16).astype(np.int32)
    cv2.fillPoly(drawn, [fixed], 255, cv2.LINE_AA, 4)
    alpha = drawn[..., None].astype(np.float32) / 255
    light = _folds(rng, here.shape[:2], start - (left, top), way, shape)
    here[..., :3] += alpha * (np.clip(light[..., None] * color, 0, 255) - here[..., :3])
    here[..., 3:] += alpha * (255 - here[..., 3:])


def _tapered(rng: Rng, start: Values, way: Values, width: float, shape: Deformation) -> Values:
    """The outline (n, 2) of a curved strip from `start` along `way`, `width` pixels at first."""
    t = np.linspace(0, 1, 12)[:, None]
    across = np.array([-way[1], way[0]])
    curve = start + t * way + rng.normal(0, shape.cloth_curve) * (t - t**2) * across
    half = width * (1 + t * rng.uniform(*shape.cloth_taper)) / 2 * across / np.linalg.norm(way)
    return np.concatenate([curve + half, (curve - half)[::-1]])


def _folds(
    rng: Rng, size: tuple[int, ...], start: Values, way: Values, shape: Deformation
) -> Values:
    """How bright cloth is (h, w): brighter here and darker there along its way, about 1."""
    y, x = np.indices(size, np.float32)
    part = ((x - start[0]) * way[0] + (y - start[1]) * way[1]) / (way @ way)
    waves = np.sin(rng.uniform(*shape.fold_waves) * part + rng.uniform(0, 6))
    return np.asarray(1 + rng.uniform(0, shape.fold_depth) * waves, np.float32)
