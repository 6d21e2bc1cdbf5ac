"""Who else is in a hard scene: people clearly farther than the subject, or nearer and cut off."""

from __future__ import annotations

from collections.abc import Callable

from .hanging import clothes, mirror, poster, screen, statue
from .hard_stock import Person
from .holding import held
from .placing import Body, Spot
from .rendering import Layer
from .stage import Stage, free_column


def person_at(
    stage: Stage, kind: str, metres: float, centre: float | None, person: Person | None = None
) -> Layer | None:
    """Somebody standing on the ground at a distance; `centre` is a column."""
    rng, view = stage.rng, stage.view
    rows = view.focal * rng.uniform(1.5, 1.9) / metres
    person = person or stage.fresh(lambda: stage.stock.far(rng, rows))
    if person is None:
        return None
    rgba = person.rgba[:, ::-1] if rng.random() < 0.5 else person.rgba
    columns = rows * rgba.shape[1] / rgba.shape[0]
    left = (free_column(stage, columns) if centre is None else centre) - columns / 2
    spot = Spot(rows, view.row(metres) - rows, left, metres)
    body = Body(rng.uniform(0.1, 0.18), rng.uniform(0.05, 0.08), head=0.15)
    return stage.add(kind, rgba, spot, body, person.file)


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
    person = stage.fresh(lambda: stage.stock.standing(rng))
    if person is None or metres > 0.85 * stage.subject.metres:
        return
    columns = rows * person.rgba.shape[1] / person.rgba.shape[0]
    shown = min(rng.uniform(0.1, 0.26) * view.shape[1], 0.6 * columns)
    lead = stage.subject
    room_left, room_right = lead.corner[1], view.shape[1] - lead.corner[1] - lead.rgba.shape[1]
    left_side = room_left > room_right
    centre = shown - columns / 2 if left_side else view.shape[1] - shown + columns / 2
    person_at(stage, "passer-by", metres, centre, person)


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
