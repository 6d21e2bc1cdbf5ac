"""What the subject holds, or stands behind: it belongs to the subject's alpha."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from . import props
from .placing import Body, Spot
from .rendering import Layer
from .stage import Stage
from .stock import RGBA


def held(stage: Stage) -> None:
    """One or two things in the subject's hands, or a chair before it: part of the subject."""
    lead = stage.subject
    for _ in range(1 if stage.rng.random() < 0.75 else 2):
        kinds = [*props.DRAWN, "thing", "thing"]
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


def _hold(stage: Stage, lead: Layer, kind: str, rgba: RGBA, high: float, file: Path | None) -> None:
    """Put a thing where it touches the subject's outline or hangs before the body."""
    rng, view = stage.rng, stage.view
    rgba = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    near = 0.35 if kind == "chair" else rng.uniform(0.02, 0.08)
    metres = max(0.3, lead.metres - float(lead.relief.max()) - near)
    top, bottom = _span(stage, lead)
    rows = min(high * view.focal / metres, 0.55 * (bottom - top))
    wide = rows * rgba.shape[1] / rgba.shape[0]
    lowest = {"chair": 0.75, "bag": 0.75, "guitar": 0.6, "box": 0.6}.get(kind, 0.7)
    y = top + rng.uniform(0.35, lowest) * (bottom - top)
    y = max(y, top + 0.5 * rows + stage.face * (bottom - top))
    if kind == "chair":
        y = max(y, view.row(metres) - rows / 2)
    solid = lead.rgba[..., 3] > 0.5
    columns = np.flatnonzero(solid[int(np.clip(y - lead.corner[0], 0, solid.shape[0] - 1))])
    if not columns.size:
        return
    x0, x1 = columns[0] + lead.corner[1], columns[-1] + lead.corner[1]
    if kind in ("guitar", "box", "chair"):
        x = x0 + rng.uniform(0.25, 0.75) * (x1 - x0)
    else:
        x = (x0 if rng.random() < 0.5 else x1) + rng.uniform(-0.35, 0.35) * wide
    _shade(lead, rgba, rows, y, x, rng.uniform(0.25, 0.5))
    spot = Spot(rows, y - rows / 2, x - wide / 2, metres)
    body = Body(min(0.05, 0.3 * high), 0.03)
    stage.add(f"held {kind}", rgba, spot, body, file, own=True)


def _span(stage: Stage, lead: Layer) -> tuple[int, int]:
    """First and last photo row in which the subject is seen."""
    rows = np.flatnonzero((lead.rgba[..., 3] > 0.5).any(axis=1)) + lead.corner[0]
    return max(0, int(rows[0])), min(int(rows[-1]), stage.view.shape[0] - 1)


def _shade(lead: Layer, rgba: RGBA, rows: float, y: float, x: float, strength: float) -> None:
    """What is held throws a soft shadow on the subject."""
    size = max(2, round(rows * rgba.shape[1] / rgba.shape[0])), max(2, round(rows))
    solid = cv2.resize(np.ascontiguousarray(rgba[..., 3]), size)
    pad = round(0.12 * max(size)) + 2
    sheet = cv2.copyMakeBorder(solid, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    cover = cv2.GaussianBlur(sheet, (0, 0), 0.035 * max(size) + 1).astype(np.float32) / 255
    top = round(y - cover.shape[0] / 2 + 0.03 * rows) - lead.corner[0]
    left = round(x - cover.shape[1] / 2) - lead.corner[1]
    y0, x0 = max(0, top), max(0, left)
    y1 = min(lead.rgba.shape[0], top + cover.shape[0])
    x1 = min(lead.rgba.shape[1], left + cover.shape[1])
    if y0 < y1 and x0 < x1:
        part = cover[y0 - top : y1 - top, x0 - left : x1 - left, None]
        lead.rgba[y0:y1, x0:x1, :3] *= (1 - strength * part).astype(np.float32)
