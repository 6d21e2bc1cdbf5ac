"""What looks like people and is none: posters, screens, mirrors, statues, hanging clothes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....canvas import resize
from ...cutout_image import paste
from ...types import RGBA
from ..placement import Placement, SurfaceShape
from .drawn_objects import draw_garment, random_object_color
from .scene_graph import SceneGraph, pick_free_column

_FLAT_SURFACE = SurfaceShape(bulge=0.0)


def _add_on_wall(graph: SceneGraph, kind: str, rgba: RGBA, high: float, file: Path | None) -> None:
    """Something flat on the wall, `high` meters tall, at the height of eyes."""
    rng, view = graph.rng, graph.view
    meters = view.wall - 0.02
    rows = min(high * view.focal / meters, 0.9 * view.shape[0])
    columns = rows * rgba.shape[1] / rgba.shape[0]
    low = rng.uniform(0.1, 0.5) if high > 1.5 else rng.uniform(0.6, 1.2)
    top = graph.row_at(meters, low) - rows
    top = float(np.clip(top, -0.3 * rows, 0.75 * view.shape[0]))
    graph.add(
        kind,
        rgba,
        Placement(rows, top, pick_free_column(graph, columns) - columns / 2, meters),
        _FLAT_SURFACE,
        file,
    )


def _framed(picture: NDArray[np.uint8], rim: int, color: Any) -> RGBA:
    framed = cv2.copyMakeBorder(
        picture, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=[int(c) for c in color]
    )
    return np.dstack([framed, np.full(framed.shape[:2], 255, np.uint8)])


def add_posters(graph: SceneGraph) -> None:
    """One or two posters of people."""
    for _ in range(int(graph.rng.integers(1, 3))):
        picture, file = graph.assets.draw_picture(graph.rng)
        rim = round(graph.rng.uniform(0, 0.04) * max(picture.shape))
        rgba = _framed(picture, rim, random_object_color(graph.rng))
        _add_on_wall(graph, "poster", rgba, graph.rng.uniform(0.7, 2.3), file)


def add_screen(graph: SceneGraph) -> None:
    """A lit screen that shows a person."""
    picture, file = graph.assets.draw_picture(graph.rng)
    rows, columns = picture.shape[:2]
    high = min(rows, round(columns * 9 / 16))
    top = round(graph.rng.uniform(0, 0.25) * (rows - high))
    cut = picture[top : top + high].astype(np.float32) * graph.rng.uniform(1.05, 1.3) + 12
    rgba = _framed(np.clip(cut, 0, 255).astype(np.uint8), max(4, columns // 45), (18, 18, 22))
    _add_on_wall(graph, "screen", rgba, graph.rng.uniform(0.6, 1.3), file)


def add_mirror(graph: SceneGraph) -> None:
    """A mirror on the wall in which the subject is seen again, from the room's depth."""
    rng, view = graph.rng, graph.view
    subject = graph.subject
    wall = view.wall - 0.02
    behind_it = 2 * wall - subject.meters
    rows = rng.uniform(1.3, 2.0) * view.focal / wall
    columns = rows * rng.uniform(0.45, 0.8)
    rows, columns = min(rows, 0.9 * view.shape[0]), min(columns, 0.7 * view.shape[1])
    top = graph.row_at(wall, rng.uniform(0.1, 0.5)) - rows
    size = (round(rows), round(columns))
    place = resize(np.asarray(cv2.GaussianBlur(graph.assets.draw_background(rng), (0, 0), 3)), size)
    glass = np.asarray(place * 0.75 + 25, np.float32)
    scale = subject.meters / behind_it
    figure = np.ascontiguousarray(subject.rgba[:, ::-1])
    small = max(2, round(figure.shape[1] * scale)), max(2, round(figure.shape[0] * scale))
    seen = np.asarray(cv2.resize(figure, small, interpolation=cv2.INTER_AREA), np.float32)
    seen[..., :3] *= 0.88
    y = round(view.horizon + (subject.corner[0] - view.horizon) * scale - top)
    x = round(rng.uniform(0.1, 0.6) * columns - small[0] / 2)
    paste(glass, seen, (y, x))
    rim = max(3, round(0.03 * columns))
    rgba = _framed(np.clip(glass, 0, 255).astype(np.uint8), rim, random_object_color(rng))
    left = pick_free_column(graph, columns) - columns / 2
    placement = Placement(rgba.shape[0], float(top - rim), left, wall)
    graph.add("mirror", rgba, placement, _FLAT_SURFACE)


def add_statue(graph: SceneGraph) -> None:
    """A figure of stone or bronze on a pedestal before the wall."""
    rng, view = graph.rng, graph.view
    meters = max(view.wall - rng.uniform(0.3, 0.7), graph.subject.meters + 0.8)
    high, pedestal = rng.uniform(1.5, 2.2), rng.uniform(0.15, 0.7)
    rows = high * view.focal / meters
    person = graph.draw_unused(lambda: graph.assets.draw_distant(rng, rows))
    if person is None or meters > view.wall:
        return
    gray = cv2.cvtColor(np.ascontiguousarray(person.rgba[..., :3]), cv2.COLOR_RGB2GRAY)
    stone = np.array([[205, 200, 188], [150, 150, 148], [120, 92, 60], [225, 225, 225]])
    tint = stone[int(rng.integers(len(stone)))]
    rgb = (0.35 + 0.65 * cv2.equalizeHist(gray)[..., None] / 255) * tint
    figure = np.dstack([rgb.astype(np.uint8), person.rgba[..., 3]])
    block = np.zeros((round(figure.shape[0] * pedestal / high), figure.shape[1], 4), np.uint8)
    block[...] = (*(tint * 0.8).astype(int), 255)
    block[: max(1, len(block) // 8), :, :3] = (tint * 0.95).astype(np.uint8)
    rgba = np.vstack([figure, block])
    rows *= rgba.shape[0] / figure.shape[0]
    columns = rows * rgba.shape[1] / rgba.shape[0]
    left = pick_free_column(graph, columns) - columns / 2
    surface = SurfaceShape(0.15, 0.07)
    placement = Placement(rows, view.row(meters) - rows, left, meters)
    graph.add("statue", rgba, placement, surface, person.source)


def add_clothes(graph: SceneGraph) -> None:
    """A rail with clothes behind the subject."""
    rng, view = graph.rng, graph.view
    near = graph.subject.meters + 0.6
    meters = rng.uniform(near, max(near + 0.1, min(view.wall - 0.3, near + 2)))
    rail = rng.uniform(1.6, 1.9)
    count = int(rng.integers(2, 6))
    across = rng.uniform(0.28, 0.45) * view.focal / meters
    first = pick_free_column(graph, across) - across * (count - 1) / 2
    bar = np.full((8, 64, 4), (90, 90, 95, 255), np.uint8)
    top = graph.row_at(meters, rail)
    wide = across * (count + 0.6)
    placement = Placement(wide * 8 / 64 * 0.12, top, first - 0.8 * across, meters + 0.01)
    bar = np.ascontiguousarray(np.repeat(bar, 9, axis=1))
    graph.add("rail", bar[:, : round(8 * wide / placement.rows)], placement, _FLAT_SURFACE)
    for index in range(count):
        rgba, high = draw_garment(rng, _cloth(graph))
        rows = high * view.focal / meters
        columns = rows * rgba.shape[1] / rgba.shape[0]
        left = first + index * across - columns / 2
        near_by = meters - 0.01 * index
        graph.add("clothes", rgba, Placement(rows, top, left, near_by), SurfaceShape(0.06, 0.05))


def _cloth(graph: SceneGraph) -> NDArray[np.uint8]:
    """A piece of a person's clothes, or a plain color."""
    person = graph.assets.draw_standing(graph.rng)
    if person is None:
        return np.full((8, 8, 3), random_object_color(graph.rng), np.uint8)
    rows, columns = person.rgba.shape[:2]
    piece = person.rgba[round(0.22 * rows) : round(0.45 * rows), columns // 3 : 2 * columns // 3]
    cover = piece[..., 3] > 250
    fill = piece[cover].mean(axis=0)[:3] if cover.any() else random_object_color(graph.rng)
    return np.where(cover[..., None], piece[..., :3], fill).astype(np.uint8)
