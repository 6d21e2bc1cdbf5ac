"""Who and what stands where in a hard scene: each function puts one difficulty on stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from . import augment, props
from .augment import Rng
from .hard_stock import HardStock, Outline, Person
from .painting import View
from .placing import Body, Spot, place
from .rendering import Layer
from .stock import RGBA

ENLARGED = 3.4
"""A portrait is never shown larger than this many times its file."""

FLAT = Body(bulge=0.0)


@dataclass
class Stage:
    """A scene being cast: layers in no order, and what scene.json says of each."""

    rng: Rng
    stock: HardStock
    view: View
    layers: list[Layer] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        rgba: RGBA,
        spot: Spot,
        body: Body,
        file: Path | None = None,
        own: bool = False,
    ) -> Layer | None:
        """Put a cut-out on stage; None when it is out of sight."""
        layer = place(
            self.rng, kind, rgba, spot, body, self.view.focal, self.view.shape, own
        )
        if layer is not None:
            self.layers.append(layer)
            source = self.stock.name(file) if file else "drawn"
            self.notes.append({"kind": kind, "metres": spot.metres, "own": own, "source": source})
        return layer

    def height(self, metres: float, high: float) -> float:
        """Image row of a point `high` metres above the ground."""
        return self.view.row(metres) - high * self.view.focal / metres

    @property
    def subject(self) -> Layer:
        """The person whose alpha is asked for."""
        return next(layer for layer in self.layers if layer.own)


@dataclass(frozen=True)
class Lead:
    """The subject before the camera is set up: who, how large, where the head is.

    `rows` is the height of the whole cut-out in pixels, `top` and `left` its first pixel.
    """

    person: Person
    tall: float
    metres: float
    rows: float
    top: float
    left: float


def standing_lead(rng: Rng, stock: HardStock, shape: tuple[int, int], focal: float) -> Lead | None:
    """Somebody from head to foot, or down to where the lower frame cuts."""
    person = stock.standing(rng)
    if person is None:
        return None
    share = rng.uniform(0.6, 1.4) if shape[0] > shape[1] else rng.uniform(0.75, 1.9)
    rows = min(share * shape[0], ENLARGED * person.rgba.shape[0])
    tall = rng.uniform(1.5, 1.9)
    top = rng.uniform(0.04, max(0.08, min(0.3, 0.93 - rows / shape[0]))) * shape[0]
    columns = rows * person.rgba.shape[1] / person.rgba.shape[0]
    left = rng.uniform(0.3, 0.7) * shape[1] - columns / 2
    return Lead(person, tall, focal * tall / rows, rows, top, left)


def portrait_lead(rng: Rng, stock: HardStock, shape: tuple[int, int], focal: float) -> Lead | None:
    """Somebody cut off by the frame, on the same sides as in the file."""
    upright = shape[0] > shape[1]

    def fits(outline: Outline) -> bool:
        wide = {"left", "right"} <= outline.touches
        return outline.tall > 0.7 and (upright or not (wide or "top" in outline.touches))

    person = stock.portrait(rng, fits)
    if person is None:
        return None
    height, width = person.rgba.shape[:2]
    scale = rng.uniform(0.5, 0.92) * shape[0] / height
    if "top" in person.touches:
        scale = max(scale, 1.02 * shape[0] / height)
    if {"left", "right"} <= person.touches:
        scale = max(scale, 1.02 * shape[1] / width)
    if scale > ENLARGED * 1.15:
        return None
    rows, columns = height * scale, width * scale
    left = rng.uniform(0.35, 0.65) * shape[1] - columns / 2
    if "left" in person.touches:
        left = -rng.uniform(0, 0.06) * columns
        if "right" in person.touches:
            left = (shape[1] - columns) / 2
    elif "right" in person.touches:
        left = shape[1] - columns + rng.uniform(0, 0.06) * columns
    top = -0.01 * rows if "top" in person.touches else shape[0] - rows + rng.uniform(0, 0.04) * rows
    low = person.rgba[-max(1, height // 5) :, :, 3] > 127
    shoulders = np.flatnonzero(low.any(axis=0))
    wide = (np.ptp(shoulders) + 1) * scale
    metres = float(np.clip(focal * rng.uniform(0.45, 0.6) / wide, 0.45, 1.8))
    return Lead(person, rng.uniform(1.5, 1.85), metres, rows, top, left)


def subject(stage: Stage, lead: Lead) -> None:
    """The one person whose alpha is asked for."""
    standing = not lead.person.touches
    body = Body(
        stage.rng.uniform(0.1, 0.2),
        stage.rng.uniform(0.06, 0.09),
        lead.person.touches,
        0.15 if standing else 0.45,
    )
    spot = Spot(lead.rows, lead.top, lead.left, lead.metres)
    stage.add("subject", lead.person.rgba, spot, body, lead.person.file, own=True)


def person_at(
    stage: Stage, kind: str, metres: float, centre: float | None, person: Person | None = None
) -> Layer | None:
    """Somebody standing on the ground at a distance; `centre` is a column."""
    rng, view = stage.rng, stage.view
    rows = view.focal * rng.uniform(1.5, 1.9) / metres
    person = person or stage.stock.far(rng, rows)
    if person is None:
        return None
    rgba = person.rgba[:, ::-1] if rng.random() < 0.5 else person.rgba
    columns = rows * rgba.shape[1] / rgba.shape[0]
    left = (_free_column(stage, columns) if centre is None else centre) - columns / 2
    spot = Spot(rows, view.row(metres) - rows, left, metres)
    body = Body(rng.uniform(0.1, 0.18), rng.uniform(0.05, 0.08), head=0.15)
    return stage.add(kind, rgba, spot, body, person.file)


def _free_column(stage: Stage, wide: float) -> float:
    """A column beside the subject rather than wholly behind it."""
    lead = stage.subject
    left, right = lead.corner[1], lead.corner[1] + lead.rgba.shape[1]
    for _ in range(6):
        centre = stage.rng.uniform(0.02, 0.98) * stage.view.shape[1]
        if not left < centre < right or stage.rng.random() < 0.2:
            return float(centre)
    side = left - 0.3 * wide if stage.rng.random() < 0.5 else right + 0.3 * wide
    return float(np.clip(side, 0, stage.view.shape[1]))


def behind(stage: Stage) -> None:
    """One to three people clearly farther than the subject."""
    near = stage.subject.metres
    for _ in range(int(stage.rng.integers(1, 4))):
        metres = near * stage.rng.uniform(1.25, 2.2) + stage.rng.uniform(0.4, 1.5)
        if metres < stage.view.wall - 0.3:
            person_at(stage, "behind", metres, None)


def crowd(stage: Stage) -> None:
    """Many people far behind."""
    near = max(stage.subject.metres + 1.3, 3.0)
    far = min(stage.view.wall - 0.3, near + 8)
    for _ in range(int(stage.rng.integers(6, 12))):
        if far > near:
            person_at(
                stage,
                "crowd",
                stage.rng.uniform(near, far),
                stage.rng.uniform(-0.05, 1.05) * stage.view.shape[1],
            )


def queue(stage: Stage) -> None:
    """People in a line that leads away from the subject."""
    rng = stage.rng
    metres = stage.subject.metres + rng.uniform(0.9, 1.6)
    lead = stage.subject
    column = lead.corner[1] + rng.uniform(0.2, 0.8) * lead.rgba.shape[1]
    across = (column - stage.view.shape[1] / 2) * metres / stage.view.focal
    drift = float(rng.choice([-1, 1])) * rng.uniform(0.25, 0.55)
    for _ in range(int(rng.integers(4, 8))):
        across += drift
        if metres > stage.view.wall - 0.3:
            break
        centre = stage.view.shape[1] / 2 + across * stage.view.focal / metres
        person_at(stage, "queue", metres, centre)
        metres += rng.uniform(0.6, 1.1)


def passer_by(stage: Stage) -> None:
    """Somebody nearer than the subject of whom the side frame leaves a strip."""
    rng, view = stage.rng, stage.view
    metres = max(0.4, stage.subject.metres * rng.uniform(0.5, 0.75))
    rows = view.focal * rng.uniform(1.55, 1.9) / metres
    person = stage.stock.standing(rng)
    if person is None or metres > 0.85 * stage.subject.metres:
        return
    columns = rows * person.rgba.shape[1] / person.rgba.shape[0]
    shown = min(rng.uniform(0.1, 0.26) * view.shape[1], 0.6 * columns)
    lead = stage.subject
    room_left, room_right = lead.corner[1], view.shape[1] - lead.corner[1] - lead.rgba.shape[1]
    left_side = room_left > room_right
    centre = shown - columns / 2 if left_side else view.shape[1] - shown + columns / 2
    person_at(stage, "passer-by", metres, centre, person)


def _hang(stage: Stage, kind: str, rgba: RGBA, high: float, file: Path | None) -> None:
    """Something flat on the wall, `high` metres tall, at the height of eyes."""
    rng, view = stage.rng, stage.view
    metres = view.wall - 0.02
    rows = min(high * view.focal / metres, 0.9 * view.shape[0])
    columns = rows * rgba.shape[1] / rgba.shape[0]
    low = rng.uniform(0.1, 0.5) if high > 1.5 else rng.uniform(0.6, 1.2)
    top = stage.height(metres, low) - rows
    top = float(np.clip(top, -0.3 * rows, 0.75 * view.shape[0]))
    stage.add(kind, rgba, Spot(rows, top, _free_column(stage, columns) - columns / 2, metres), FLAT, file)


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
    glass = cv2.GaussianBlur(stage.stock.place(rng), (0, 0), 3).astype(np.float32)
    glass = resize(glass, size) * 0.75 + 25
    scale = lead.metres / behind_it
    figure = lead.rgba[:, ::-1]
    small = max(2, round(figure.shape[1] * scale)), max(2, round(figure.shape[0] * scale))
    figure = cv2.resize(figure, small, interpolation=cv2.INTER_AREA)
    y = round(view.horizon + (lead.corner[0] - view.horizon) * scale - top)
    x = round(rng.uniform(0.1, 0.6) * columns - small[0] / 2)
    _blend(glass, figure * np.float32([0.88, 0.88, 0.88, 1]), y, x)
    rim = max(3, round(0.03 * columns))
    rgba = _framed(np.clip(glass, 0, 255).astype(np.uint8), rim, props.colour(rng))
    left = _free_column(stage, columns) - columns / 2
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
    person = stage.stock.far(rng, rows)
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
    left = _free_column(stage, columns) - columns / 2
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
    first = _free_column(stage, across) - across * (count - 1) / 2
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


def held(stage: Stage) -> None:
    """One or two things in the subject's hands, or a chair before it: part of the subject."""
    lead = stage.subject
    for _ in range(1 if stage.rng.random() < 0.75 else 2):
        kinds = list(props.DRAWN) + ["thing", "thing"]
        kind = str(stage.rng.choice(kinds))
        found = _prop(stage, kind)
        if found is not None:
            _hold(stage, lead, kind, *found)


def _prop(stage: Stage, kind: str) -> tuple[RGBA, float, Path | None] | None:
    if kind in props.DRAWN:
        rgba, high = props.DRAWN[kind](stage.rng)
        return rgba, high, None
    thing = stage.stock.thing(stage.rng)
    if thing is None:
        return None
    rgba = thing[0]
    return rgba, stage.rng.uniform(0.12, 0.4) * min(1, rgba.shape[0] / rgba.shape[1]), thing[1]


def _hold(
    stage: Stage, lead: Layer, kind: str, rgba: RGBA, high: float, file: Path | None
) -> None:
    """Put a thing where it touches the subject's outline or hangs before the body."""
    rng, view = stage.rng, stage.view
    solid = lead.rgba[..., 3] > 0.5
    inside = np.flatnonzero(solid.any(axis=1)) + lead.corner[0]
    top, bottom = int(inside[0]), min(int(inside[-1]), view.shape[0] - 1)
    rgba = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    near = 0.35 if kind == "chair" else rng.uniform(0.02, 0.08)
    ranges = {"chair": (0.5, 0.6), "bag": (0.45, 0.75), "guitar": (0.4, 0.65), "box": (0.4, 0.65)}
    y = top + rng.uniform(*ranges.get(kind, (0.35, 0.75))) * (bottom - top)
    columns = np.flatnonzero(solid[int(np.clip(y - lead.corner[0], 0, solid.shape[0] - 1))])
    if not columns.size:
        return
    x0, x1 = columns[0] + lead.corner[1], columns[-1] + lead.corner[1]
    metres = max(0.3, lead.metres - float(lead.relief.max()) - near)
    rows = high * view.focal / metres
    wide = rows * rgba.shape[1] / rgba.shape[0]
    if kind in ("guitar", "box", "chair"):
        x = rng.uniform(0.3, 0.7) * (x0 + x1)
        x = float(np.clip(x, x0, x1))
    else:
        x = (x0 if rng.random() < 0.5 else x1) + rng.uniform(-0.35, 0.35) * wide
    middle = y
    if kind == "chair":
        middle = max(view.row(metres) - rows / 2, y)
    _shade(lead, rgba, rows, middle, x, rng.uniform(0.25, 0.5))
    spot = Spot(rows, middle - rows / 2, x - wide / 2, metres)
    body = Body(min(0.05, 0.3 * high), 0.03)
    stage.add(f"held {kind}", rgba, spot, body, file, own=True)


def _shade(lead: Layer, rgba: RGBA, rows: float, y: float, x: float, strength: float) -> None:
    """What is held throws a soft shadow on the subject."""
    size = max(2, round(rows * rgba.shape[1] / rgba.shape[0])), max(2, round(rows))
    cover = cv2.resize(np.ascontiguousarray(rgba[..., 3]), size).astype(np.float32) / 255
    pad = round(0.12 * max(size)) + 2
    cover = cv2.copyMakeBorder(cover, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.035 * max(size) + 1)
    top = round(y - cover.shape[0] / 2 + 0.03 * rows) - lead.corner[0]
    left = round(x - cover.shape[1] / 2) - lead.corner[1]
    y0, x0 = max(0, top), max(0, left)
    y1 = min(lead.rgba.shape[0], top + cover.shape[0])
    x1 = min(lead.rgba.shape[1], left + cover.shape[1])
    if y0 < y1 and x0 < x1:
        part = cover[y0 - top : y1 - top, x0 - left : x1 - left, None]
        lead.rgba[y0:y1, x0:x1, :3] *= 1 - np.float32(strength) * part


DISTRACTIONS: dict[str, Callable[[Stage], None]] = {
    "held": held,
    "behind": behind,
    "crowd": crowd,
    "queue": queue,
    "passer-by": passer_by,
    "poster": poster,
    "screen": screen,
    "statue": statue,
    "mirror": mirror,
    "clothes": clothes,
}
"""What can be put on stage, by tag."""

INDOORS = {"poster", "screen", "statue", "mirror", "clothes"}
"""Needs a wall."""


def toned(rng: Rng, layer: Layer) -> Layer:
    """A layer whose colours were drawn a little apart, as clothes and cameras differ."""
    if rng.random() < 0.5:
        return layer
    alpha = layer.rgba[..., 3:]
    straight = layer.rgba[..., :3] / np.maximum(alpha, 1e-3)
    rgb = augment.tone(rng, np.clip(straight, 0, 255).astype(np.uint8))
    layer.rgba[..., :3] = rgb * alpha
    return layer
