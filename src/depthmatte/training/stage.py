"""The stage of a hard scene: who is on it, and the subject that the camera is set up for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .augment import Rng
from .hard_stock import HardStock, Outline, Person
from .painting import View
from .placing import Body, Spot, place
from .rendering import Layer
from .stock import RGBA

ENLARGED = 3.4
"""A portrait is never shown larger than this many times its file."""


@dataclass
class Stage:
    """A scene being cast: layers in no order, and what scene.json says of each.

    `used` holds the files already on stage; `face` is the upper share of the visible
    subject that nothing held may cover.
    """

    rng: Rng
    stock: HardStock
    view: View
    layers: list[Layer] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    used: set[Path] = field(default_factory=set)
    face: float = 0.18

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
        layer = place(self.rng, kind, rgba, spot, body, self.view.focal, self.view.shape, own)
        if layer is not None:
            self.layers.append(layer)
            source = self.stock.name(file) if file else "drawn"
            self.notes.append({"kind": kind, "metres": spot.metres, "own": own, "source": source})
        return layer

    def fresh(self, drawn: Callable[[], Person | None]) -> Person | None:
        """Somebody who is not on stage yet, as far as the stock allows."""
        person = drawn()
        for _ in range(8):
            if person is None or person.file not in self.used:
                break
            person = drawn()
        if person is not None:
            self.used.add(person.file)
        return person

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
    stage.used.add(lead.person.file)
    stage.face = 0.18 if standing else 0.5
    stage.add("subject", lead.person.rgba, spot, body, lead.person.file, own=True)


def free_column(stage: Stage, wide: float) -> float:
    """A column beside the subject rather than wholly behind it."""
    lead = stage.subject
    left, right = lead.corner[1], lead.corner[1] + lead.rgba.shape[1]
    for _ in range(6):
        centre = stage.rng.uniform(0.02, 0.98) * stage.view.shape[1]
        if not left < centre < right or stage.rng.random() < 0.2:
            return float(centre)
    side = left - 0.3 * wide if stage.rng.random() < 0.5 else right + 0.3 * wide
    return float(np.clip(side, 0, stage.view.shape[1]))
