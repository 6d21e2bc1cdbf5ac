"""What looks like people and is none: posters, screens, mirrors, statues, hanging clothes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from . import props
from .placing import Body, Spot
from .stage import Stage, free_column
from .stock import RGBA

FLAT = Body(bulge=0.0)


def _hang(stage: Stage, kind: str, rgba: RGBA, high: float, file: Path | None) -> None:
    """Something flat on the wall, `high` metres tall, at the height of eyes."""
    rng, view = stage.rng, stage.view
    metres = view.wall - 0.02
    rows = min(high * view.focal / metres, 0.9 * view.shape[0])
    columns = rows * rgba.shape[1] / rgba.shape[0]
    low = rng.uniform(0.1, 0.5) if high > 1.5 else rng.uniform(0.6, 1.2)
    top = stage.height(metres, low) - rows
    top = float(np.clip(top, -0.3 * rows, 0.75 * view.shape[0]))
    stage.add(
        kind, rgba, Spot(rows, top, free_column(stage, columns) - columns / 2, metres), FLAT, file
    )


def _framed(picture: NDArray[np.uint8], rim: int, colour: Any) -> RGBA:
    framed = cv2.copyMakeBorder(
        picture, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=[int(c) for c in colour]
    )
    return np.dstack([framed, np.full(framed.shape[:2], 255, np.uint8)])


def poster(stage: Stage) -> None:
    """One or two posters of people."""
    for _ in range(int(stage.rng.integers(1, 3))):
        picture, file = stage.stock.poster(stage.rng)
        rim = round(stage.rng.uniform(0, 0.04) * max(picture.shape))
        rgba = _framed(picture, rim, props.colour(stage.rng))
        _hang(stage, "poster", rgba, stage.rng.uniform(0.7, 2.3), file)


def screen(stage: Stage) -> None:
    """A lit screen that shows somebody."""
    picture, file = stage.stock.poster(stage.rng)
    rows, columns = picture.shape[:2]
    high = min(rows, round(columns * 9 / 16))
    top = round(stage.rng.uniform(0, 0.25) * (rows - high))
    cut = picture[top : top + high].astype(np.float32) * stage.rng.uniform(1.05, 1.3) + 12
    rgba = _framed(np.clip(cut, 0, 255).astype(np.uint8), max(4, columns // 45), (18, 18, 22))
    _hang(stage, "screen", rgba, stage.rng.uniform(0.6, 1.3), file)


def mirror(stage: Stage) -> None:
    """A mirror on the wall in which the subject is seen again, from the room's depth."""
    rng, view = stage.rng, stage.view
    lead = stage.subject
    wall = view.wall - 0.02
    behind_it = 2 * wall - lead.metres
    rows = rng.uniform(1.3, 2.0) * view.focal / wall
    columns = rows * rng.uniform(0.45, 0.8)
    rows, columns = min(rows, 0.9 * view.shape[0]), min(columns, 0.7 * view.shape[1])
    top = stage.height(wall, rng.uniform(0.1, 0.5)) - rows
    size = (round(rows), round(columns))
    place = resize(np.asarray(cv2.GaussianBlur(stage.stock.place(rng), (0, 0), 3)), size)
    glass = np.asarray(place * 0.75 + 25, np.float32)
    scale = lead.metres / behind_it
    figure = np.ascontiguousarray(lead.rgba[:, ::-1])
    small = max(2, round(figure.shape[1] * scale)), max(2, round(figure.shape[0] * scale))
    seen = np.asarray(cv2.resize(figure, small, interpolation=cv2.INTER_AREA), np.float32)
    seen[..., :3] *= 0.88
    y = round(view.horizon + (lead.corner[0] - view.horizon) * scale - top)
    x = round(rng.uniform(0.1, 0.6) * columns - small[0] / 2)
    _blend(glass, seen, y, x)
    rim = max(3, round(0.03 * columns))
    rgba = _framed(np.clip(glass, 0, 255).astype(np.uint8), rim, props.colour(rng))
    left = free_column(stage, columns) - columns / 2
    spot = Spot(rgba.shape[0], float(top - rim), left, wall)
    stage.add("mirror", rgba, spot, FLAT)


def _blend(sheet: NDArray[np.float32], figure: Any, top: int, left: int) -> None:
    """Premultiplied float over a sheet, cut at its borders."""
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(sheet.shape[0], top + figure.shape[0]), min(sheet.shape[1], left + figure.shape[1])
    if y0 < y1 and x0 < x1:
        part = figure[y0 - top : y1 - top, x0 - left : x1 - left]
        sheet[y0:y1, x0:x1] = sheet[y0:y1, x0:x1] * (1 - part[..., 3:]) + part[..., :3]


def statue(stage: Stage) -> None:
    """A figure of stone or bronze on a pedestal before the wall."""
    rng, view = stage.rng, stage.view
    metres = max(view.wall - rng.uniform(0.3, 0.7), stage.subject.metres + 0.8)
    high, pedestal = rng.uniform(1.5, 2.2), rng.uniform(0.15, 0.7)
    rows = high * view.focal / metres
    person = stage.fresh(lambda: stage.stock.far(rng, rows))
    if person is None or metres > view.wall:
        return
    grey = cv2.cvtColor(np.ascontiguousarray(person.rgba[..., :3]), cv2.COLOR_RGB2GRAY)
    stone = np.array([[205, 200, 188], [150, 150, 148], [120, 92, 60], [225, 225, 225]])
    tint = stone[int(rng.integers(len(stone)))]
    rgb = (0.35 + 0.65 * cv2.equalizeHist(grey)[..., None] / 255) * tint
    figure = np.dstack([rgb.astype(np.uint8), person.rgba[..., 3]])
    block = np.zeros((round(figure.shape[0] * pedestal / high), figure.shape[1], 4), np.uint8)
    block[...] = (*(tint * 0.8).astype(int), 255)
    block[: max(1, len(block) // 8), :, :3] = (tint * 0.95).astype(np.uint8)
    rgba = np.vstack([figure, block])
    rows *= rgba.shape[0] / figure.shape[0]
    columns = rows * rgba.shape[1] / rgba.shape[0]
    left = free_column(stage, columns) - columns / 2
    body = Body(0.15, 0.07)
    stage.add("statue", rgba, Spot(rows, view.row(metres) - rows, left, metres), body, person.file)


def clothes(stage: Stage) -> None:
    """A rail with clothes behind the subject."""
    rng, view = stage.rng, stage.view
    near = stage.subject.metres + 0.6
    metres = rng.uniform(near, max(near + 0.1, min(view.wall - 0.3, near + 2)))
    rail = rng.uniform(1.6, 1.9)
    count = int(rng.integers(2, 6))
    across = rng.uniform(0.28, 0.45) * view.focal / metres
    first = free_column(stage, across) - across * (count - 1) / 2
    bar = np.full((8, 64, 4), (90, 90, 95, 255), np.uint8)
    top = stage.height(metres, rail)
    wide = across * (count + 0.6)
    spot = Spot(wide * 8 / 64 * 0.12, top, first - 0.8 * across, metres + 0.01)
    bar = np.ascontiguousarray(np.repeat(bar, 9, axis=1))
    stage.add("rail", bar[:, : round(8 * wide / spot.rows)], spot, FLAT)
    for index in range(count):
        rgba, high = props.garment(rng, _cloth(stage))
        rows = high * view.focal / metres
        columns = rows * rgba.shape[1] / rgba.shape[0]
        left = first + index * across - columns / 2
        near_by = metres - 0.01 * index
        stage.add("clothes", rgba, Spot(rows, top, left, near_by), Body(0.06, 0.05))


def _cloth(stage: Stage) -> NDArray[np.uint8]:
    """A piece of what somebody wears, or a plain colour."""
    person = stage.stock.standing(stage.rng)
    if person is None:
        return np.full((8, 8, 3), props.colour(stage.rng), np.uint8)
    rows, columns = person.rgba.shape[:2]
    piece = person.rgba[round(0.22 * rows) : round(0.45 * rows), columns // 3 : 2 * columns // 3]
    cover = piece[..., 3] > 250
    fill = piece[cover].mean(axis=0)[:3] if cover.any() else props.colour(stage.rng)
    return np.where(cover[..., None], piece[..., :3], fill).astype(np.uint8)
