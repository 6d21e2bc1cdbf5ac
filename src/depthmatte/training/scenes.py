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
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import PRESET, resize, scaled
from ..errors import InputError
from ..photo import RGB
from . import augment
from .augment import Rng, Stack
from .data import (
    VALIDATION,
    Labelled,
    Split,
    backgrounds,
    cutouts,
    objects,
    pairs,
    read_rgb,
    read_rgba,
    trim,
)

RGBA = NDArray[np.uint8]
Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

FARTHEST = 60.0
"""Metres beyond which distances no longer count apart."""

LARGEST = 512
"""Material is kept at this many pixels on its longer side."""

POSTER = 3.0
"""Weight of a poster's pixels: rare, and the proof that the network does not just segment."""

RANGE = 2.0
"""A scene spans at least this ratio of distances, so a flat wall is not stretched."""


def log_depth(metres: Map) -> Map:
    """Metres -> d in [0, 1]: log distance between the scene's nearest and farthest part."""
    logs = np.log(np.minimum(metres, FARTHEST))
    near, far = np.percentile(logs, (1, 99))
    d = (logs - near) / max(far - near, np.log(RANGE))
    return np.asarray(np.clip(d, 0, 1), np.float32)


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


@dataclass(frozen=True)
class Stock:
    """The material of one split: files only, read when a scene needs them."""

    scenery: list[Path]
    standing: list[Path]
    standing_photos: list[Labelled]
    busts: list[Labelled]
    things: list[Path]

    @classmethod
    def of(cls, data: Path, split: Split) -> Stock:
        """Training and test draw from different people, things and backgrounds."""

        def part(group: str) -> list[Labelled]:
            return [
                item
                for index, item in enumerate(pairs(data, group))
                if (index % VALIDATION == 0) == (split == "test")
            ]

        return cls(
            backgrounds(data, split),
            cutouts(data, split),
            part("ccp"),
            part("picsart"),
            objects(data, split),
        )


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most `LARGEST` pixels on the longer side: more is lost on a canvas anyway."""
    scale = LARGEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    if picture.shape[2] == 4:
        return _scaled(picture, picture.shape[0] * scale)
    height, width = picture.shape[:2]
    return np.asarray(resize(picture, scaled((height, width), scale)), np.uint8)


@lru_cache(maxsize=600)
def _cutout(path: Path) -> RGBA:
    return _small(read_rgba(path))


@lru_cache(maxsize=300)
def _picture(path: Path) -> RGB:
    return _small(read_rgb(path))


@lru_cache(maxsize=2000)
def _masked(item: Labelled) -> RGBA:
    """A labelled photo as RGBA; the rim is drawn in a little, it shows the old background."""
    rgb, mask = item.read()
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255
    alpha = np.clip(soft * 1.7 - 0.7, 0, 1) * 255
    return _small(trim(np.dstack([rgb, alpha.astype(np.uint8)])))


def _pick(rng: Rng, sequence: list[Any]) -> Any:
    return sequence[int(rng.integers(len(sequence)))]


@dataclass(frozen=True)
class View:
    """The drawn camera: `focal` and `horizon` in pixels, `tall` and `wall` in metres."""

    shape: tuple[int, int]
    focal: float
    horizon: float
    tall: float
    wall: float

    @classmethod
    def draw(cls, rng: Rng, shape: tuple[int, int]) -> View:
        """Indoors a wall a few metres off, outdoors open ground."""
        indoors = rng.random() < 0.55
        return cls(
            shape,
            rng.uniform(0.8, 1.5) * max(shape),
            rng.uniform(0.28, 0.6) * shape[0],
            rng.uniform(1.1, 1.7),
            rng.uniform(3.5, 10) if indoors else rng.uniform(15, FARTHEST),
        )

    def row(self, metres: float) -> float:
        """Image row of the ground at a distance."""
        return self.horizon + self.focal * self.tall / metres

    def ground(self) -> Map:
        """Metres of the empty scene: ground below the horizon, the wall behind it."""
        below = np.maximum(np.arange(self.shape[0]) + 0.5 - self.horizon, 1e-3)
        column = np.minimum(self.focal * self.tall / below, self.wall)
        return np.repeat(column.astype(np.float32)[:, None], self.shape[1], axis=1)


@dataclass
class Painting:
    """A scene being painted from far to near; `owner` numbers what each pixel shows."""

    rgb: NDArray[np.float32]
    metres: Map
    sure: Map
    owner: NDArray[np.int16]
    names: list[tuple[str, float, int]] = field(default_factory=list)

    def paint(self, kind: str, metres: float, rgba: RGBA, corner: tuple[int, int]) -> None:
        """Lay RGBA with its top left at `corner` (row, column), cut at the frame."""
        rows, columns = self.metres.shape
        top, left = corner
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(rows, top + rgba.shape[0]), min(columns, left + rgba.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        part = rgba[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = part[..., 3:].astype(np.float32) / 255
        here = np.s_[y0:y1, x0:x1]
        self.rgb[here] += alpha * (part[..., :3] - self.rgb[here])
        solid = alpha[..., 0] > 0.5
        self.metres[here][solid] = metres
        self.sure[here][solid] = 1
        self.owner[here][solid] = len(self.names)
        self.names.append((kind, metres, int(solid.sum())))

    def shadow(self, row: float, column: float, width: float) -> None:
        """A soft contact shadow under feet; it changes pixels, not depth."""
        shade: Any = np.zeros(self.metres.shape, np.float32)
        axes = (max(1, round(width)), max(1, round(width * 0.18)))
        cv2.ellipse(shade, (round(column), round(row)), axes, 0, 0, 360, 1.0, -1)
        shade = cv2.GaussianBlur(shade, (0, 0), max(1.0, width * 0.15))
        self.rgb *= 1 - 0.45 * shade[..., None]

    def soften(self, sigma: float) -> None:
        """Out of focus so far: what is painted next stays sharp."""
        self.rgb = np.asarray(cv2.GaussianBlur(self.rgb, (0, 0), sigma), np.float32)


def _scaled(rgba: RGBA, height: float) -> RGBA:
    """RGBA at a height in pixels; colours are weighted by opacity so no halo appears."""
    rows = max(2, round(height))
    columns = max(2, round(rgba.shape[1] * rows / rgba.shape[0]))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    heavy = resize(np.dstack([rgba[..., :3] * alpha, alpha]), (rows, columns))
    alpha = heavy[..., 3:]
    colour = heavy[..., :3] / np.maximum(alpha, 1e-3)
    return np.asarray(np.clip(np.dstack([colour, alpha * 255]), 0, 255), np.uint8)


def _toned(rng: Rng, rgba: RGBA) -> RGBA:
    """Mirror and colour one layer on its own."""
    rgba = rgba[:, ::-1] if rng.random() < 0.5 else rgba
    rgb = augment.tone(rng, rgba[..., :3]) if rng.random() < 0.7 else rgba[..., :3]
    return np.dstack([rgb, rgba[..., 3]])


def _scenery(rng: Rng, stock: Stock, shape: tuple[int, int]) -> RGB:
    picture = _picture(_pick(rng, stock.scenery))
    cut = augment.window(rng, Stack(picture, ()), shape[1] > shape[0], least=0.4).rgb
    return np.asarray(resize(cut, shape), np.uint8)


def _standing(rng: Rng, stock: Stock) -> RGBA:
    """Somebody from head to foot: much taller than wide, so desks among the files fall out."""
    for _ in range(20):
        if rng.random() < 0.6:
            rgba = _cutout(_pick(rng, stock.standing))
        else:
            rgba = _masked(_pick(rng, stock.standing_photos))
        if rgba.shape[0] > 1.7 * rgba.shape[1]:
            return rgba
    raise InputError("the cut-outs hold no standing person; give the data folder")


def _layers(rng: Rng, stock: Stock, view: View) -> list[tuple[float, Callable[[Painting], None]]]:
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
    for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
        layers.append(_thing(rng, stock, view))
    return layers


def _bust(
    rng: Rng, stock: Stock, view: View, metres: float
) -> tuple[float, Callable[[Painting], None]]:
    """A portrait cut off by the lower frame."""
    rgba = _toned(rng, _masked(_pick(rng, stock.busts)))
    rows, columns = view.shape
    rgba = _scaled(rgba, rng.uniform(0.5, 0.98) * rows)
    left = rng.integers(-rgba.shape[1] // 3, max(1, columns - 2 * rgba.shape[1] // 3))
    return metres, lambda p: p.paint("person", metres, rgba, (rows - rgba.shape[0], int(left)))


def _person(
    rng: Rng, stock: Stock, view: View, metres: float
) -> tuple[float, Callable[[Painting], None]]:
    """Somebody standing on the ground plane."""
    rgba = _scaled(_toned(rng, _standing(rng, stock)), view.focal * rng.uniform(1.5, 1.9) / metres)
    feet = view.row(metres)
    centre = rng.uniform(0.05, 0.95) * view.shape[1]
    shaded = rng.random() < 0.5

    def paint(painting: Painting) -> None:
        if shaded:
            painting.shadow(feet, centre, rgba.shape[1] * 0.5)
        corner = (round(feet) - rgba.shape[0], round(centre - rgba.shape[1] / 2))
        painting.paint("person", metres, rgba, corner)

    return metres, paint


def _thing(rng: Rng, stock: Stock, view: View) -> tuple[float, Callable[[Painting], None]]:
    """Some object, held up close or standing on the ground."""
    rgba = _toned(rng, _cutout(_pick(rng, stock.things)))
    if rng.random() < 0.5:
        metres = rng.uniform(0.35, 0.6)
        rgba = _scaled(rgba, rng.uniform(0.15, 0.45) * view.shape[0])
        bottom = rng.uniform(0.7, 1.15) * view.shape[0]
    else:
        metres = rng.uniform(1.5, min(8.0, 0.9 * view.wall))
        rgba = _scaled(rgba, view.focal * rng.uniform(0.3, 1.2) / metres)
        bottom = view.row(metres)
    left = round(rng.uniform(-0.2, 1.0) * view.shape[1])
    return metres, lambda p: p.paint("thing", metres, rgba, (round(bottom) - rgba.shape[0], left))


def _poster(rng: Rng, stock: Stock, view: View) -> tuple[RGBA, tuple[int, int]]:
    """A picture of people (now and then of a place) in a frame, and where it hangs."""
    if rng.random() < 0.8:
        picture, _ = _pick(rng, stock.busts + stock.standing_photos).read()
    else:
        picture = _picture(_pick(rng, stock.scenery))
    rows = min(view.focal * rng.uniform(0.5, 2.2) / view.wall, 0.75 * view.shape[0])
    rgb = _toned(rng, np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
    rgba = _scaled(rgb, rows)
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


def compose(rng: Rng, stock: Stock, shape: tuple[int, int] = PRESET) -> Scene:
    """Draw one scene of (h, w) = `shape` pixels."""
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
    for _, paint in sorted(_layers(rng, stock, view), key=lambda layer: -layer[0]):
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
        yield compose(rng, stock, PRESET if index % 4 else PRESET[::-1])
