"""Distractors: people clearly farther than the subject, or nearer and cut off by the frame."""

from __future__ import annotations

from collections.abc import Callable

from ...cutout_image import CutoutImage
from ..layer import Layer
from ..placement import Placement, SurfaceShape
from .held_objects import add_held_objects
from .lookalikes import add_clothes, add_mirror, add_posters, add_screen, add_statue
from .scene_graph import SceneGraph, pick_free_column


def add_person_at(
    graph: SceneGraph,
    kind: str,
    meters: float,
    center: float | None,
    person: CutoutImage | None = None,
) -> Layer | None:
    """A person standing on the ground at a distance; `center` is a column."""
    rng, view = graph.rng, graph.view
    rows = view.focal * rng.uniform(1.5, 1.9) / meters
    person = person or graph.draw_unused(lambda: graph.assets.draw_distant(rng, rows))
    if person is None:
        return None
    rgba = person.rgba[:, ::-1] if rng.random() < 0.5 else person.rgba
    columns = rows * rgba.shape[1] / rgba.shape[0]
    left = (pick_free_column(graph, columns) if center is None else center) - columns / 2
    placement = Placement(rows, view.row(meters) - rows, left, meters)
    surface = SurfaceShape(rng.uniform(0.1, 0.18), rng.uniform(0.05, 0.08), head=0.15)
    return graph.add(kind, rgba, placement, surface, person.source)


def add_people_behind(graph: SceneGraph) -> None:
    """One to three people clearly farther than the subject."""
    near = graph.subject.meters
    for _ in range(int(graph.rng.integers(1, 4))):
        meters = near * graph.rng.uniform(1.25, 2.2) + graph.rng.uniform(0.4, 1.5)
        if meters < graph.view.wall - 0.3:
            add_person_at(graph, "behind", meters, None)


def add_crowd(graph: SceneGraph) -> None:
    """Many people far behind."""
    near = max(graph.subject.meters + 1.3, 3.0)
    far = min(graph.view.wall - 0.3, near + 8)
    for _ in range(int(graph.rng.integers(6, 12))):
        if far > near:
            add_person_at(
                graph,
                "crowd",
                graph.rng.uniform(near, far),
                graph.rng.uniform(-0.05, 1.05) * graph.view.shape[1],
            )


def add_queue(graph: SceneGraph) -> None:
    """People in a line that leads away from the subject."""
    rng = graph.rng
    meters = graph.subject.meters + rng.uniform(0.9, 1.6)
    subject = graph.subject
    column = subject.corner[1] + rng.uniform(0.2, 0.8) * subject.rgba.shape[1]
    across = (column - graph.view.shape[1] / 2) * meters / graph.view.focal
    drift = float(rng.choice([-1, 1])) * rng.uniform(0.25, 0.55)
    for _ in range(int(rng.integers(4, 8))):
        across += drift
        if meters > graph.view.wall - 0.3:
            break
        center = graph.view.shape[1] / 2 + across * graph.view.focal / meters
        add_person_at(graph, "queue", meters, center)
        meters += rng.uniform(0.6, 1.1)


def add_passer_by(graph: SceneGraph) -> None:
    """A person nearer than the subject, of whom the side frame leaves a strip."""
    rng, view = graph.rng, graph.view
    meters = max(0.4, graph.subject.meters * rng.uniform(0.5, 0.75))
    rows = view.focal * rng.uniform(1.55, 1.9) / meters
    person = graph.draw_unused(lambda: graph.assets.draw_standing(rng))
    if person is None or meters > 0.85 * graph.subject.meters:
        return
    columns = rows * person.rgba.shape[1] / person.rgba.shape[0]
    shown = min(rng.uniform(0.1, 0.26) * view.shape[1], 0.6 * columns)
    subject = graph.subject
    room_left = subject.corner[1]
    room_right = view.shape[1] - subject.corner[1] - subject.rgba.shape[1]
    left_side = room_left > room_right
    center = shown - columns / 2 if left_side else view.shape[1] - shown + columns / 2
    add_person_at(graph, "passer-by", meters, center, person)


DISTRACTORS: dict[str, Callable[[SceneGraph], None]] = {
    "held": add_held_objects,
    "behind": add_people_behind,
    "crowd": add_crowd,
    "queue": add_queue,
    "passer-by": add_passer_by,
    "poster": add_posters,
    "screen": add_screen,
    "statue": add_statue,
    "mirror": add_mirror,
    "clothes": add_clothes,
}
"""What can be added to a scene, by tag."""

INDOOR_TAGS = {"poster", "screen", "statue", "mirror", "clothes"}
"""Tags of what needs a wall."""
