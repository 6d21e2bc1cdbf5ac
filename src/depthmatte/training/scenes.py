"""Composite scenes whose depth is known: people stood on backgrounds at drawn distances.

A pinhole camera looks along a ground plane under a drawn horizon. A standing person of
`tall` metres at z metres is `focal * tall / z` pixels high and has the feet on the ground
row of z; a portrait cut off by the frame fills the front; things stand before and behind;
posters and screens with people on them hang at their wall's depth, so that looking like a
person is no proof of being near. Painted from far to near, so order and occlusion are
exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import PRESET, resize
from ..maps import log_distance
from ..photo import RGB
from . import augment
from .augment import Rng, Stack
from .painting import FARTHEST, Map, Painting, View
from .stock import RGBA, Stock, at_height

Mask = NDArray[np.bool_]

CROWD = 0.45
"""Share of training scenes with a row of people behind everybody else. Test scenes have none:
their numbers stay comparable."""

POSTER = 3.0
"""Weight of a poster's pixels: rare, and the proof that the network does not just segment."""


def log_depth(metres: Map) -> Map:
    """Metres -> d in [0, 1]: log distance between the scene's nearest and farthest part."""
    return log_distance(np.minimum(metres, np.float32(FARTHEST)))


@dataclass(frozen=True)
class Scene:
    """A finished composite of (h, w) pixels.

    `metres` is the true depth, `sure` how far it is to be trusted (the background's depth
    is only a guess at what the picture shows). `people` and `posters` are visible areas;
    a poster that is more than half hidden is not listed.
    """

    rgb: RGB
    metres: Map
    sure: Map
    people: list[tuple[Mask, float]]
    posters: list[Mask]

    @cached_property
    def d(self) -> Map:
        """True relative depth, as the network is asked for it."""
        return log_depth(self.metres)

    @property
    def valid(self) -> Mask:
        """Where the truth is exact: people, things and posters, not the scenery."""
        return self.sure >= 1


def _toned(rng: Rng, rgba: RGBA) -> RGBA:
    """Mirror and colour one layer on its own."""
    rgba = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    rgb = augment.tone(rng, rgba[..., :3]) if rng.random() < 0.7 else rgba[..., :3]
    return np.dstack([rgb, rgba[..., 3]])


def _scenery(rng: Rng, stock: Stock, shape: tuple[int, int]) -> RGB:
    picture = stock.place(rng)
    cut = augment.window(rng, Stack(picture, ()), shape[1] > shape[0], least=0.4).rgb
    return np.asarray(resize(cut, shape), np.uint8)


def _layers(
    rng: Rng, stock: Stock, view: View, crowd: float
) -> list[tuple[float, Callable[[Painting], None]]]:
    """What stands in the scene: (metres, how to paint it), in no order."""
    layers: list[tuple[float, Callable[[Painting], None]]] = []
    close = rng.random() < 0.45
    if close:
        layers.append(_bust(rng, stock, view, rng.uniform(0.5, 1.4)))
    many = int(rng.choice([0, 1, 2, 3] if close else [1, 2, 3, 4]))
    metres = rng.uniform(1.8, 5.0)
    for _ in range(many):
        if metres > 0.95 * view.wall:
            break
        layers.append(_person(rng, stock, view, metres))
        metres *= rng.uniform(1.0, 1.15) if rng.random() < 0.2 else rng.uniform(1.2, 2.2)
    if crowd and metres < 0.9 * view.wall and rng.random() < crowd:
        for share in np.linspace(-0.1, 1.1, int(rng.integers(5, 13))):
            apart = metres * rng.uniform(1.0, 1.15)
            seated = rng.random() < 0.5
            layers.append(_person(rng, stock, view, apart, share + rng.normal(0, 0.04), seated))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
        layers.append(_thing(rng, stock, view))
    return layers


def _bust(
    rng: Rng, stock: Stock, view: View, metres: float
) -> tuple[float, Callable[[Painting], None]]:
    """A portrait cut off by the lower frame."""
    rgba = _toned(rng, stock.bust(rng))
    rows, columns = view.shape
    rgba = at_height(rgba, rng.uniform(0.5, 0.98) * rows)
    left = rng.integers(-rgba.shape[1] // 3, max(1, columns - 2 * rgba.shape[1] // 3))
    return metres, lambda p: p.paint("person", metres, rgba, (rows - rgba.shape[0], int(left)))


def _person(
    rng: Rng,
    stock: Stock,
    view: View,
    metres: float,
    place: float | None = None,
    seated: bool = False,
) -> tuple[float, Callable[[Painting], None]]:
    """Somebody standing on the ground plane, or seated: then only the upper part shows.

    `place` is the share of the picture's width where the person's middle is, else drawn.
    """
    rgba, tall = _toned(rng, stock.person(rng)), rng.uniform(1.5, 1.9)
    if seated:
        rgba, tall = rgba[: round(0.65 * len(rgba))], 0.65 * tall
    rgba = at_height(rgba, view.focal * tall / metres)
    feet = view.row(metres)
    centre = (rng.uniform(0.05, 0.95) if place is None else place) * view.shape[1]
    shaded = rng.random() < 0.5

    def paint(painting: Painting) -> None:
        if shaded:
            painting.shadow(feet, centre, rgba.shape[1] * 0.5)
        corner = (round(feet) - rgba.shape[0], round(centre - rgba.shape[1] / 2))
        painting.paint("person", metres, rgba, corner)

    return metres, paint


def _thing(rng: Rng, stock: Stock, view: View) -> tuple[float, Callable[[Painting], None]]:
    """Some object, held up close or standing on the ground."""
    rgba = _toned(rng, stock.thing(rng))
    if rng.random() < 0.5:
        metres = rng.uniform(0.35, 0.6)
        rgba = at_height(rgba, rng.uniform(0.15, 0.45) * view.shape[0])
        bottom = rng.uniform(0.7, 1.15) * view.shape[0]
    else:
        metres = rng.uniform(1.5, min(8.0, 0.9 * view.wall))
        rgba = at_height(rgba, view.focal * rng.uniform(0.3, 1.2) / metres)
        bottom = view.row(metres)
    left = round(rng.uniform(-0.2, 1.0) * view.shape[1])
    return metres, lambda p: p.paint("thing", metres, rgba, (round(bottom) - rgba.shape[0], left))


def _poster(rng: Rng, stock: Stock, view: View) -> tuple[RGBA, tuple[int, int]]:
    """A picture of people (now and then of a place) in a frame, and where it hangs."""
    picture = stock.poster(rng)
    rows = min(view.focal * rng.uniform(0.5, 2.2) / view.wall, 0.75 * view.shape[0])
    rgb = _toned(rng, np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
    rgba = at_height(rgb, rows)
    if rng.random() < 0.6:
        rim = max(1, round(rng.uniform(0.01, 0.05) * rows))
        rgba[..., :3][_rim(rgba.shape[:2], rim)] = rng.integers(0, 256, 3)
    floor = min(view.row(view.wall), view.shape[0] * 0.95)
    bottom = rng.uniform(0.6, 1.0) * floor
    left = round(rng.uniform(-0.15, 0.9) * view.shape[1])
    return rgba, (round(bottom) - rgba.shape[0], left)


def _rim(shape: tuple[int, int], width: int) -> Mask:
    rim = np.ones(shape, bool)
    rim[width:-width, width:-width] = False
    return rim


def _trust_wall(painting: Painting, view: View) -> None:
    """Around a poster the wall's depth is exact: that is what the poster must equal."""
    shown = (painting.owner >= 0).astype(np.uint8)
    reach = max(3, round(0.08 * max(view.shape)))
    around = cv2.dilate(shown, np.ones((reach, reach), np.uint8)) > 0
    painting.sure[around & (painting.metres >= view.wall)] = 1


def compose(rng: Rng, stock: Stock, shape: tuple[int, int] = PRESET, crowd: float = CROWD) -> Scene:
    """Draw one scene of (h, w) = `shape` pixels, with the chance `crowd` of a crowd behind."""
    view = View.draw(rng, shape)
    painting = Painting(
        _scenery(rng, stock, shape).astype(np.float32),
        view.ground(),
        np.full(shape, 0.25, np.float32),
        np.full(shape, -1, np.int16),
    )
    hung = int(rng.choice([0, 1, 2], p=[0.25, 0.45, 0.3])) if view.wall < 12 else 0
    for _ in range(hung):
        rgba, corner = _poster(rng, stock, view)
        painting.paint("poster", view.wall, rgba, corner)
    if hung:
        _trust_wall(painting, view)
        painting.sure[painting.owner >= 0] = POSTER
    if rng.random() < 0.35:
        painting.soften(rng.uniform(0.5, 3))
    for _, paint in sorted(_layers(rng, stock, view, crowd), key=lambda layer: -layer[0]):
        paint(painting)
    people, posters = [], []
    for index, (kind, metres, painted) in enumerate(painting.names):
        mask = painting.owner == index
        if kind == "person" and mask.any():
            people.append((mask, metres))
        elif kind == "poster" and mask.sum() > painted / 2:
            posters.append(mask)
    return Scene(
        np.clip(painting.rgb + 0.5, 0, 255).astype(np.uint8),
        painting.metres,
        painting.sure,
        people,
        posters,
    )


def held_out_scenes(data: Path, count: int, seed: int = 0) -> Iterator[Scene]:
    """Scenes from people, things and backgrounds that training never sees."""
    stock = Stock.of(data, "test")
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        yield compose(rng, stock, PRESET if index % 4 else PRESET[::-1], crowd=0)
