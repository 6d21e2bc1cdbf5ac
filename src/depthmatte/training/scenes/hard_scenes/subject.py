"""The subject of a hard scene: chosen before the camera, which is set up for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...cutout_image import CutoutImage
from ...data.assets import Assets, PersonOutline
from ...types import Rng
from ..placement import Placement, SurfaceShape
from .scene_graph import SceneGraph

_MAX_ENLARGEMENT = 3.4
"""A portrait is never shown larger than this many times its file."""


@dataclass(frozen=True)
class SubjectPose:
    """The subject before the camera is set up.

    The person is `height` meters tall and stands at `meters`. `rows` is the height of the whole
    cut-out in pixels, `top` and `left` its first pixel.
    """

    person: CutoutImage
    height: float
    meters: float
    rows: float
    top: float
    left: float


def draw_standing_subject(
    rng: Rng, assets: Assets, shape: tuple[int, int], focal: float
) -> SubjectPose | None:
    """A person from head to foot, or down to where the lower frame cuts."""
    person = assets.draw_standing(rng)
    if person is None:
        return None
    share = rng.uniform(0.6, 1.4) if shape[0] > shape[1] else rng.uniform(0.75, 1.9)
    rows = min(share * shape[0], _MAX_ENLARGEMENT * person.rgba.shape[0])
    height = rng.uniform(1.5, 1.9)
    top = rng.uniform(0.04, max(0.08, min(0.3, 0.93 - rows / shape[0]))) * shape[0]
    columns = rows * person.rgba.shape[1] / person.rgba.shape[0]
    left = rng.uniform(0.3, 0.7) * shape[1] - columns / 2
    return SubjectPose(person, height, focal * height / rows, rows, top, left)


def draw_portrait_subject(
    rng: Rng, assets: Assets, shape: tuple[int, int], focal: float
) -> SubjectPose | None:
    """A person cut off by the frame, on the same sides as in the file."""
    upright = shape[0] > shape[1]

    def accepts(outline: PersonOutline) -> bool:
        wide = {"left", "right"} <= outline.touches
        return outline.aspect > 0.7 and (upright or not (wide or "top" in outline.touches))

    person = assets.draw_portrait(rng, accepts)
    if person is None:
        return None
    height, width = person.rgba.shape[:2]
    scale = rng.uniform(0.5, 0.92) * shape[0] / height
    if "top" in person.touches:
        scale = max(scale, 1.02 * shape[0] / height)
    if {"left", "right"} <= person.touches:
        scale = max(scale, 1.02 * shape[1] / width)
    if scale > _MAX_ENLARGEMENT * 1.15:
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
    meters = float(np.clip(focal * rng.uniform(0.45, 0.6) / wide, 0.45, 1.8))
    return SubjectPose(person, rng.uniform(1.5, 1.85), meters, rows, top, left)


def add_subject(graph: SceneGraph, pose: SubjectPose) -> None:
    """Add the one person whose alpha is asked for."""
    standing = not pose.person.touches
    surface = SurfaceShape(
        graph.rng.uniform(0.1, 0.2),
        graph.rng.uniform(0.06, 0.09),
        pose.person.touches,
        0.15 if standing else 0.45,
    )
    placement = Placement(pose.rows, pose.top, pose.left, pose.meters)
    graph.used.add(pose.person.source)
    graph.face = 0.18 if standing else 0.5
    graph.add("subject", pose.person.rgba, placement, surface, pose.person.source, is_subject=True)
