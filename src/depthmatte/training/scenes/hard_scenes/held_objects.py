"""Objects that the subject holds or stands behind: they belong to the subject's alpha."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ...cutout_image import overlap
from ...types import RGBA
from ..layer import Layer
from ..placement import Placement, SurfaceShape
from .drawn_objects import DRAWN_OBJECTS
from .scene_graph import SceneGraph


def add_held_objects(graph: SceneGraph) -> None:
    """One or two objects in the subject's hands, or a chair before it."""
    subject = graph.subject
    for _ in range(1 if graph.rng.random() < 0.75 else 2):
        kinds = [*DRAWN_OBJECTS, "thing", "thing"]
        kind = str(graph.rng.choice(kinds))
        found = _draw_object(graph, kind)
        if found is not None:
            _add_held(graph, subject, kind, *found)


def _draw_object(graph: SceneGraph, kind: str) -> tuple[RGBA, float, Path | None] | None:
    if kind in DRAWN_OBJECTS:
        rgba, high = DRAWN_OBJECTS[kind](graph.rng)
        return rgba, high, None
    found = graph.assets.draw_object(graph.rng)
    if found is None:
        return None
    rgba = found.rgba
    return rgba, graph.rng.uniform(0.12, 0.4) * min(1, rgba.shape[0] / rgba.shape[1]), found.source


def _add_held(
    graph: SceneGraph, subject: Layer, kind: str, rgba: RGBA, high: float, file: Path | None
) -> None:
    """Add an object where it touches the subject's outline or hangs before the body."""
    rng, view = graph.rng, graph.view
    rgba = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    near = 0.35 if kind == "chair" else rng.uniform(0.02, 0.08)
    meters = max(0.3, subject.meters - float(subject.relief.max()) - near)
    top, bottom = _visible_rows(graph, subject)
    rows = min(high * view.focal / meters, 0.55 * (bottom - top))
    wide = rows * rgba.shape[1] / rgba.shape[0]
    lowest = {"chair": 0.75, "bag": 0.75, "guitar": 0.6, "box": 0.6}.get(kind, 0.7)
    y = top + rng.uniform(0.35, lowest) * (bottom - top)
    y = max(y, top + 0.5 * rows + graph.face * (bottom - top))
    if kind == "chair":
        y = max(y, view.row(meters) - rows / 2)
    solid = subject.rgba[..., 3] > 0.5
    columns = np.flatnonzero(solid[int(np.clip(y - subject.corner[0], 0, solid.shape[0] - 1))])
    if not columns.size:
        return
    x0, x1 = columns[0] + subject.corner[1], columns[-1] + subject.corner[1]
    if kind in ("guitar", "box", "chair"):
        x = x0 + rng.uniform(0.25, 0.75) * (x1 - x0)
    else:
        x = (x0 if rng.random() < 0.5 else x1) + rng.uniform(-0.35, 0.35) * wide
    _shade(subject, rgba, rows, y, x, rng.uniform(0.25, 0.5))
    placement = Placement(rows, y - rows / 2, x - wide / 2, meters)
    surface = SurfaceShape(min(0.05, 0.3 * high), 0.03)
    graph.add(f"held {kind}", rgba, placement, surface, file, is_subject=True)


def _visible_rows(graph: SceneGraph, subject: Layer) -> tuple[int, int]:
    """First and last photo row in which the subject is seen."""
    rows = np.flatnonzero((subject.rgba[..., 3] > 0.5).any(axis=1)) + subject.corner[0]
    return max(0, int(rows[0])), min(int(rows[-1]), graph.view.shape[0] - 1)


def _shade(subject: Layer, rgba: RGBA, rows: float, y: float, x: float, strength: float) -> None:
    """The soft shadow of a held object on the subject; in place."""
    size = max(2, round(rows * rgba.shape[1] / rgba.shape[0])), max(2, round(rows))
    solid = cv2.resize(np.ascontiguousarray(rgba[..., 3]), size)
    pad = round(0.12 * max(size)) + 2
    sheet = cv2.copyMakeBorder(solid, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    cover = cv2.GaussianBlur(sheet, (0, 0), 0.035 * max(size) + 1).astype(np.float32) / 255
    top = round(y - cover.shape[0] / 2 + 0.03 * rows) - subject.corner[0]
    left = round(x - cover.shape[1] / 2) - subject.corner[1]
    found = overlap(subject.rgba.shape, cover.shape, (top, left))
    if found is not None:
        here, part = found
        subject.rgba[(*here, slice(3))] *= (1 - strength * cover[part][..., None]).astype(
            np.float32
        )
