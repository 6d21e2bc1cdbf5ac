"""Hard scenes with exact truth: what a matte network takes for the portrait and depth tells apart.

A scene holds one subject, who is the only one in `alpha` together with what is held, among
people who are clearly farther or nearer, pictures and figures of people, and bad light. Its
depth is known exactly, so a depth sensor beside the photo's camera and the right view of a
stereo pair are rendered from the same layers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ..camera import Camera, Rig
from ..errors import InputError
from ..photo import RGB
from . import backdrops
from .augment import Rng
from .casting import DISTRACTIONS, INDOORS
from .data import Split
from .hard_stock import HardStock
from .light import Exposure, brightened, dim, harmonise, tone
from .painting import View
from .placing import blurred
from .rendering import Backdrop, Layer, Map, Seen, look
from .rigging import sensor_beside
from .sensor_noise import sense
from .stage import Lead, Stage, portrait_lead, standing_lead, subject

UPRIGHT = (1024, 768)
"""(height, width) of an upright photo; landscape shots are turned."""

LIGHTS = ("low_light", "backlight", "noise")
LEADS = (*DISTRACTIONS, *LIGHTS, "landscape")
"""Every tag; scene number i surely has tag i modulo their number, others come by chance."""

FLAT = ("poster", "screen", "mirror")
"""Has its own light and throws no shadow."""

CHANCE = 0.2
TRIES = 12

WIDEST = 150
"""Pixels of disparity that the nearest thing may have: stereo matchers search no farther."""

SMALLEST, HIDDEN = 0.025, 0.45
"""A subject covers this share of the photo and shows this share of itself."""


@dataclass(frozen=True)
class HardScene:
    """A scene of (H, W) pixels.

    `rgb` uint8 (H, W, 3); `alpha` float32 (H, W) in [0, 1], exact; `depth` float32 (H, W),
    true metres. `sensor` float32 (h, w): metres in whole mm on the depth camera's own grid,
    0 where missing; `sensor_rig` as calibrated, that is with the error that real rigs have.
    `right` uint8 (H, W, 3): the right view of a rectified pair, exact in `stereo_rig`.
    `info` is what scene.json holds.
    """

    rgb: RGB
    alpha: Map
    depth: Map
    sensor: Map
    sensor_rig: Rig
    right: RGB
    stereo_rig: Rig
    info: dict[str, Any]


def draw(stock: HardStock, split: Split, seed: int, index: int) -> HardScene:
    """Scene number `index` of a seed: the same on every machine with the same files.

    Raises InputError when the folder's photos give no usable subject.
    """
    for attempt in range(TRIES):
        rng = np.random.default_rng((seed, index, split == "test", attempt))
        scene = _attempt(rng, stock, index, strict=attempt < TRIES - 1)
        if scene is not None:
            scene.info.update(seed=seed, index=index, split=split)
            return scene
    raise InputError(
        f"{stock.root}: no photo gives a subject; masks must show one whole person each"
    )


def _attempt(rng: Rng, stock: HardStock, index: int, strict: bool) -> HardScene | None:
    tags = _tags(rng, index)
    shape = UPRIGHT[::-1] if "landscape" in tags else UPRIGHT
    focal = rng.uniform(0.95, 1.5) * UPRIGHT[0]
    kinds = [standing_lead, portrait_lead]
    if rng.random() < 0.45:
        kinds.reverse()
    lead = kinds[0](rng, stock, shape, focal) or kinds[1](rng, stock, shape, focal)
    if lead is None:
        return None
    view = _view(rng, lead, shape, focal, tags)
    stage = Stage(rng, stock, view)
    subject(stage, lead)
    for tag, put in DISTRACTIONS.items():
        if tag in tags:
            put(stage)
    order = sorted(range(len(stage.layers)), key=lambda i: -stage.layers[i].metres)
    stage.notes = [stage.notes[i] for i in order]
    layers, backdrop = _lit(stage, [stage.layers[i] for i in order], tags)
    photo = Camera(shape, focal, focal, (shape[1] - 1) / 2, view.horizon)
    seen = look(layers, backdrop, photo, photo)
    tags = _visible(stage, seen, tags)
    if strict and not _usable(stage, seen, layers, LEADS[index % len(LEADS)] in tags):
        return None
    return _finish(rng, stage, layers, backdrop, photo, seen, tags)


def _tags(rng: Rng, index: int) -> set[str]:
    """The tag whose turn it is, and some others."""
    tags = {tag for tag in LEADS if rng.random() < CHANCE}
    if "low_light" in tags:
        tags.discard("backlight")
    lead = LEADS[index % len(LEADS)]
    tags -= (
        {"low_light"} if lead == "backlight" else {"backlight"} if lead == "low_light" else set()
    )
    return tags | {lead}


def _view(rng: Rng, lead: Lead, shape: tuple[int, int], focal: float, tags: set[str]) -> View:
    """A camera at eye level that sees the subject as drawn; a room that holds everybody."""
    tall = rng.uniform(1.2, 1.65)
    horizon = lead.top + focal * (lead.tall - tall) / lead.metres
    horizon = float(np.clip(horizon, 0.1 * shape[0], 0.8 * shape[0]))
    tall = lead.tall - (horizon - lead.top) * lead.metres / focal
    least = 3.5 if tags & {"crowd", "queue"} else 1.5
    indoors = bool(tags & INDOORS) or rng.random() < 0.5
    wall = lead.metres + rng.uniform(least, 6) if indoors else rng.uniform(15, 60)
    return View(shape, focal, horizon, tall, float(max(wall, 2.5)))


def _lit(stage: Stage, layers: list[Layer], tags: set[str]) -> tuple[list[Layer], Backdrop]:
    """Layers and backdrop in the scene's light and focus."""
    rng, view = stage.rng, stage.view
    backdrop = _backdrop(stage, tags)
    place = tone(backdrop.rgb)
    strength = rng.uniform(0.4, 0.9)
    for layer in layers:
        if layer.kind in FLAT:
            continue
        harmonise(rng, layer, place, strength)
        if layer.metres < 12:
            left, right = _feet(layer)
            wide = min(right - left, 0.6 * view.focal / layer.metres)
            backdrops.shade(backdrop, view, layer.metres, (left + right) / 2, 1.3 * wide)
    if "backlight" in tags:
        backdrop = brightened(backdrop, rng.uniform(1.8, 3.2))
        dark = rng.uniform(0.38, 0.65)
        for layer in layers:
            if layer.kind != "screen":
                dim(layer, dark)
    return _focused(rng, stage.subject.metres, layers, backdrop)


def _feet(layer: Layer) -> tuple[float, float]:
    """First and last photo column of what touches the ground."""
    solid = layer.rgba[..., 3] > 0.5
    rows = np.flatnonzero(solid.any(axis=1))
    if not rows.size:
        return float(layer.corner[1]), float(layer.corner[1])
    low = solid[rows[-1] - (rows[-1] - rows[0]) // 12 : rows[-1] + 1]
    columns = np.flatnonzero(low.any(axis=0)) + layer.corner[1]
    return float(columns[0]), float(columns[-1])


def _backdrop(stage: Stage, tags: set[str]) -> Backdrop:
    rng, stock, view = stage.rng, stage.stock, stage.view
    if view.wall < 12 and rng.random() < (0.75 if tags & INDOORS else 0.4):
        return backdrops.room(rng, stock.place(rng), stock.place(rng), view)
    return backdrops.photographed(rng, stock.place(rng), view)


def _focused(
    rng: Rng, focus: float, layers: list[Layer], backdrop: Backdrop
) -> tuple[list[Layer], Backdrop]:
    """Blur by distance from the subject's plane, as a larger lens would."""
    near = focus < 1.5
    lens = rng.uniform(1, 7 if near else 5) if rng.random() < (0.7 if near else 0.4) else 0.0

    def sigma(metres: float) -> float:
        return float(min(lens * abs(1 / metres - 1 / focus), 9))

    soft = [x if x.own else blurred(x, sigma(x.metres)) for x in layers]
    if sigma(backdrop.wall) < 0.4:
        return soft, backdrop
    return soft, replace(backdrop, rgb=_defocused(backdrop.rgb, sigma(backdrop.wall)))


def _defocused(rgb: Map, sigma: float) -> Map:
    """Gaussian blur, at half size where nothing finer is left."""
    if sigma < 2.5:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.float32)
    half = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), sigma / 2)
    return np.asarray(cv2.resize(half, rgb.shape[1::-1]), np.float32)


def _visible(stage: Stage, seen: Seen, tags: set[str]) -> set[str]:
    """Note what each layer shows; tags whose layers are hidden fall out."""
    shown = np.bincount(seen.owner.ravel() + 1, minlength=len(stage.notes) + 1)[1:]
    kinds: dict[str, int] = {}
    for note, pixels in zip(stage.notes, shown, strict=True):
        note["pixels"] = int(pixels)
        name = note["kind"].split()[0]
        kinds[name] = kinds.get(name, 0) + int(pixels)
    least = 0.002 * seen.owner.size
    return {tag for tag in tags if tag not in DISTRACTIONS or kinds.get(tag, 0) > least}


def _usable(stage: Stage, seen: Seen, layers: list[Layer], led: bool) -> bool:
    """The lead tag is seen, the subject large, mostly visible, and larger than anyone nearer."""
    lead = next(layer for layer in layers if layer.kind == "subject")
    top, left = lead.corner
    rows, columns = seen.alpha.shape
    inside = lead.rgba[max(0, -top) : rows - top, max(0, -left) : columns - left, 3]
    whole = float(inside.sum())
    own = sum(n["pixels"] for n in stage.notes if n["kind"] == "subject")
    others = [n["pixels"] for n in stage.notes if n["kind"] == "passer-by"]
    return (
        led
        and own > SMALLEST * rows * columns
        and own > HIDDEN * whole
        and max(others, default=0) < 0.5 * own
    )


def _finish(
    rng: Rng,
    stage: Stage,
    layers: list[Layer],
    backdrop: Backdrop,
    photo: Camera,
    seen: Seen,
    tags: set[str],
) -> HardScene:
    """Take the photo, the right view and the sensor's picture."""
    nearest = float(np.percentile(seen.metres, 1))
    baseline = min(rng.uniform(0.06, 0.12), WIDEST * nearest / photo.fx)
    other = replace(photo, translation=np.array([-baseline, 0.0, 0.0]))
    beside = look(layers, backdrop, photo, other)
    exposure = Exposure.draw(rng, tags)
    rgb = exposure(rng, seen.rgb)
    right = replace(exposure, gain=exposure.gain * rng.uniform(0.96, 1.04))(rng, beside.rgb)
    sensor, calibrated, true, error = sensor_beside(rng, photo)
    truth = look(layers, backdrop, photo, true)
    answer = sense(rng, sensor, truth.metres, truth.missing)
    info = {
        "tags": sorted(tags),
        "width": photo.shape[1],
        "height": photo.shape[0],
        "camera": {"focal": photo.fx, "tall": stage.view.tall, "wall": stage.view.wall},
        "subject": _about(stage, layers),
        "placed": [_boxed(note, layer) for note, layer in zip(stage.notes, layers, strict=True)],
        "sensor": {"kind": sensor.name, **error},
        "stereo": {"baseline": baseline},
        "light": {**exposure.__dict__, "cast": list(exposure.cast)},
    }
    alpha = np.clip(seen.alpha, 0, 1)
    return HardScene(
        rgb, alpha, seen.metres, answer, Rig(photo, calibrated), right,
        Rig(photo, other, rectified=True), info,
    )  # fmt: skip


def _about(stage: Stage, layers: list[Layer]) -> dict[str, Any]:
    at = next(i for i, layer in enumerate(layers) if layer.kind == "subject")
    held = [
        note["kind"].removeprefix("held ") for note in stage.notes if note["kind"][:5] == "held "
    ]
    surface = layers[at].metres - float(layers[at].relief.max())
    return {"metres": layers[at].metres, "nearest": surface, "held": held} | {
        "source": stage.notes[at]["source"]
    }


def _boxed(note: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """A note with the layer's box in photo pixels: left, top, width, height."""
    (top, left), (height, width) = layer.corner, layer.rgba.shape[:2]
    return note | {"box": [left, top, width, height]}
