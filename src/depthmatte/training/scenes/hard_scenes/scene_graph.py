"""The graph of a hard scene: its layers, and what scene.json says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...cutout_image import CutoutImage
from ...data.assets import Assets
from ...types import RGBA, Rng
from ..camera_view import CameraView
from ..layer import Layer
from ..placement import Placement, SurfaceShape, place_cutout


@dataclass
class SceneGraph:
    """A scene being put together.

    `layers` are in no order, `notes` are what scene.json says of each. `used` holds the files
    already in the scene. `face` is the upper share of the visible subject that no held object
    may cover.
    """

    rng: Rng
    assets: Assets
    view: CameraView
    layers: list[Layer] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    used: set[Path | None] = field(default_factory=set)
    face: float = 0.18

    def add(
        self,
        kind: str,
        rgba: RGBA,
        placement: Placement,
        surface: SurfaceShape,
        file: Path | None = None,
        is_subject: bool = False,
    ) -> Layer | None:
        """Add a cut-out to the scene; None when it is out of sight."""
        layer = place_cutout(
            self.rng, kind, rgba, placement, surface, self.view.focal, self.view.shape, is_subject
        )
        if layer is not None:
            self.layers.append(layer)
            source = self.assets.name(file) if file else "drawn"
            self.notes.append(
                {"kind": kind, "meters": placement.meters, "own": is_subject, "source": source}
            )
        return layer

    def draw_unused(self, draw: Callable[[], CutoutImage | None]) -> CutoutImage | None:
        """A person who is not in the scene yet, as far as the assets allow."""
        person = draw()
        for _ in range(8):
            if person is None or person.source not in self.used:
                break
            person = draw()
        if person is not None:
            self.used.add(person.source)
        return person

    def row_at(self, meters: float, height: float) -> float:
        """Image row of a point `height` meters above the ground."""
        return self.view.row(meters) - height * self.view.focal / meters

    @property
    def subject(self) -> Layer:
        """The person whose alpha is asked for."""
        return next(layer for layer in self.layers if layer.is_subject)


def pick_free_column(graph: SceneGraph, wide: float) -> float:
    """A column next to the subject rather than wholly behind it."""
    subject = graph.subject
    left, right = subject.corner[1], subject.corner[1] + subject.rgba.shape[1]
    for _ in range(6):
        center = graph.rng.uniform(0.02, 0.98) * graph.view.shape[1]
        if not left < center < right or graph.rng.random() < 0.2:
            return float(center)
    side = left - 0.3 * wide if graph.rng.random() < 0.5 else right + 0.3 * wide
    return float(np.clip(side, 0, graph.view.shape[1]))
