"""Hard scenes with exact truth: people that a matte network confuses and depth tells apart.

A scene holds one subject among people who are clearly farther or nearer, pictures and figures
of people, and bad light. `alpha` shows the subject and what the subject holds. Depth is known
exactly, so a depth sensor next to the photo's camera and the right view of a stereo pair are
rendered from the same layers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ....camera import Camera, Rig
from ....errors import InputError
from ....types import RGB, Float
from ...data.assets import Assets
from ...data.splits import Split
from ...types import Rng
from ..backdrops import drawn_room, photo_backdrop
from ..camera_view import CameraView
from ..compositor import Composite
from ..depth_sensor import simulate_sensor
from ..layer import Layer, blur_layer
from ..light import ContactShadow, Exposure, brighten, color_statistics, darken, match_background
from ..renderer import Backdrop, render
from ..sensor_rig import draw_sensor_rig
from .distractors import DISTRACTORS, INDOOR_TAGS
from .scene_graph import SceneGraph
from .subject import SubjectPose, add_subject, draw_portrait_subject, draw_standing_subject

_PORTRAIT_SHAPE = (1024, 768)
"""(height, width) of an upright photo; landscape shots are turned."""

_LIGHT_TAGS = ("low_light", "backlight", "noise")
SCENE_TAGS = (*DISTRACTORS, *_LIGHT_TAGS, "landscape")
"""Every tag; scene number i surely has tag i modulo their number, others come by chance."""

_FLAT_KINDS = ("poster", "screen", "mirror")
"""Has its own light and throws no shadow."""

_TAG_CHANCE = 0.2
_MAX_TRIES = 12

_SHADOW = ContactShadow(axes=(0.55, 0.1), softness=0.08, strength=0.5, reach=0.25)
"""The shadow on the ground where a layer stands."""

_MAX_DISPARITY = 150
"""Pixels of disparity that the nearest thing may have: stereo matchers search no farther."""

_MIN_SUBJECT_AREA, _MIN_VISIBLE_SHARE = 0.025, 0.45
"""A subject covers this share of the photo and shows this share of itself."""


@dataclass(frozen=True)
class HardScene:
    """A scene of (H, W) pixels.

    Attributes
    ----------
    rgb : ndarray
        uint8 (H, W, 3).
    alpha : ndarray
        float32 (H, W) in [0, 1], exact: the subject and what it holds.
    depth : ndarray
        float32 (H, W), true meters.
    sensor : ndarray
        float32 (h, w), meters in whole mm on the depth camera's own grid, 0 where missing.
    sensor_rig : Rig
        Photo and depth camera as calibrated, that is with the error that real rigs have.
    right : ndarray
        uint8 (H, W, 3), the right view of a rectified pair.
    stereo_rig : Rig
        Photo and right camera, exact.
    info : dict
        The content of scene.json.
    """

    rgb: RGB
    alpha: Float
    depth: Float
    sensor: Float
    sensor_rig: Rig
    right: RGB
    stereo_rig: Rig
    info: dict[str, Any]


def draw_hard_scene(assets: Assets, split: Split, seed: int, index: int) -> HardScene:
    """Draw one scene: the same on every machine with the same files.

    Parameters
    ----------
    assets : Assets
        People, objects and backgrounds of the split.
    split : str
        "train" or "test".
    seed, index : int
        The series and the number of the scene in it. Scene `index` has tag `index` modulo the
        number of `SCENE_TAGS`.

    Returns
    -------
    HardScene

    Raises
    ------
    InputError
        When the folder's photos give no usable subject.
    """
    for attempt in range(_MAX_TRIES):
        rng = np.random.default_rng((seed, index, split == "test", attempt))
        scene = _attempt(rng, assets, index, strict=attempt < _MAX_TRIES - 1)
        if scene is not None:
            scene.info.update(seed=seed, index=index, split=split)
            return scene
    raise InputError(
        f"{assets.root}: no photo gives a subject; masks must show one whole person each"
    )


def _attempt(rng: Rng, assets: Assets, index: int, strict: bool) -> HardScene | None:
    tags = _tags(rng, index)
    shape = _PORTRAIT_SHAPE[::-1] if "landscape" in tags else _PORTRAIT_SHAPE
    focal = rng.uniform(0.95, 1.5) * _PORTRAIT_SHAPE[0]
    kinds = [draw_standing_subject, draw_portrait_subject]
    if rng.random() < 0.45:
        kinds.reverse()
    pose = kinds[0](rng, assets, shape, focal) or kinds[1](rng, assets, shape, focal)
    if pose is None:
        return None
    view = _view(rng, pose, shape, focal, tags)
    graph = SceneGraph(rng, assets, view)
    add_subject(graph, pose)
    for tag, add in DISTRACTORS.items():
        if tag in tags:
            add(graph)
    order = sorted(range(len(graph.layers)), key=lambda i: -graph.layers[i].meters)
    graph.notes = [graph.notes[i] for i in order]
    layers, backdrop = _light_scene(graph, [graph.layers[i] for i in order], tags)
    photo = Camera(shape, focal, focal, (shape[1] - 1) / 2, view.horizon)
    seen = render(layers, backdrop, photo, photo)
    tags = _visible(graph, seen, tags)
    if strict and not _usable(graph, seen, layers, SCENE_TAGS[index % len(SCENE_TAGS)] in tags):
        return None
    return _take_pictures(rng, graph, layers, backdrop, photo, seen, tags)


def _tags(rng: Rng, index: int) -> set[str]:
    """The tag whose turn it is, and some others."""
    tags = {tag for tag in SCENE_TAGS if rng.random() < _TAG_CHANCE}
    if "low_light" in tags:
        tags.discard("backlight")
    required = SCENE_TAGS[index % len(SCENE_TAGS)]
    tags -= {"low_light": {"backlight"}, "backlight": {"low_light"}}.get(required, set())
    return tags | {required}


def _view(
    rng: Rng, pose: SubjectPose, shape: tuple[int, int], focal: float, tags: set[str]
) -> CameraView:
    """A camera at eye level that sees the subject as drawn; a room that holds all people."""
    camera_height = rng.uniform(1.2, 1.65)
    horizon = pose.top + focal * (pose.height - camera_height) / pose.meters
    horizon = float(np.clip(horizon, 0.1 * shape[0], 0.8 * shape[0]))
    camera_height = pose.height - (horizon - pose.top) * pose.meters / focal
    least = 3.5 if tags & {"crowd", "queue"} else 1.5
    indoors = bool(tags & INDOOR_TAGS) or rng.random() < 0.5
    wall = pose.meters + rng.uniform(least, 6) if indoors else rng.uniform(15, 60)
    return CameraView(shape, focal, horizon, camera_height, float(max(wall, 2.5)))


def _light_scene(
    graph: SceneGraph, layers: list[Layer], tags: set[str]
) -> tuple[list[Layer], Backdrop]:
    """Layers and backdrop in the scene's light and focus."""
    rng, view = graph.rng, graph.view
    backdrop = _backdrop(graph, tags)
    place = color_statistics(backdrop.rgb)
    strength = rng.uniform(0.4, 0.9)
    for layer in layers:
        if layer.kind in _FLAT_KINDS:
            continue
        match_background(rng, layer, place, strength)
        if layer.meters < 12:
            left, right = _ground_columns(layer)
            wide = min(right - left, 0.6 * view.focal / layer.meters)
            row = round(view.row(layer.meters)) + backdrop.margin
            column = round((left + right) / 2) + backdrop.margin
            _SHADOW.draw(backdrop.rgb, row, column, 1.3 * wide)
    if "backlight" in tags:
        backdrop = brighten(backdrop, rng.uniform(1.8, 3.2))
        dark = rng.uniform(0.38, 0.65)
        for layer in layers:
            if layer.kind != "screen":
                darken(layer, dark)
    return _defocus(rng, graph.subject.meters, layers, backdrop)


def _ground_columns(layer: Layer) -> tuple[float, float]:
    """First and last photo column of what touches the ground."""
    solid = layer.rgba[..., 3] > 0.5
    rows = np.flatnonzero(solid.any(axis=1))
    if not rows.size:
        return float(layer.corner[1]), float(layer.corner[1])
    low = solid[rows[-1] - (rows[-1] - rows[0]) // 12 : rows[-1] + 1]
    columns = np.flatnonzero(low.any(axis=0)) + layer.corner[1]
    return float(columns[0]), float(columns[-1])


def _backdrop(graph: SceneGraph, tags: set[str]) -> Backdrop:
    rng, assets, view = graph.rng, graph.assets, graph.view
    if view.wall < 12 and rng.random() < (0.75 if tags & INDOOR_TAGS else 0.4):
        return drawn_room(rng, assets.draw_background(rng), assets.draw_background(rng), view)
    return photo_backdrop(rng, assets.draw_background(rng), view)


def _defocus(
    rng: Rng, focus: float, layers: list[Layer], backdrop: Backdrop
) -> tuple[list[Layer], Backdrop]:
    """Blur by distance from the subject's plane, as a larger lens would."""
    near = focus < 1.5
    lens = rng.uniform(1, 7 if near else 5) if rng.random() < (0.7 if near else 0.4) else 0.0

    def sigma(meters: float) -> float:
        return float(min(lens * abs(1 / meters - 1 / focus), 9))

    soft = [x if x.is_subject else blur_layer(x, sigma(x.meters)) for x in layers]
    if sigma(backdrop.wall) < 0.4:
        return soft, backdrop
    return soft, replace(backdrop, rgb=_blur_backdrop(backdrop.rgb, sigma(backdrop.wall)))


def _blur_backdrop(rgb: Float, sigma: float) -> Float:
    """Gaussian blur, at half size where nothing finer is left."""
    if sigma < 2.5:
        return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.float32)
    half = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), sigma / 2)
    return np.asarray(cv2.resize(half, rgb.shape[1::-1]), np.float32)


def _visible(graph: SceneGraph, seen: Composite, tags: set[str]) -> set[str]:
    """Note what each layer shows; tags whose layers are hidden fall out."""
    shown = np.bincount(seen.owner.ravel() + 1, minlength=len(graph.notes) + 1)[1:]
    kinds: dict[str, int] = {}
    for note, pixels in zip(graph.notes, shown, strict=True):
        note["pixels"] = int(pixels)
        name = note["kind"].split()[0]
        kinds[name] = kinds.get(name, 0) + int(pixels)
    least = 0.002 * seen.owner.size
    return {tag for tag in tags if tag not in DISTRACTORS or kinds.get(tag, 0) > least}


def _usable(graph: SceneGraph, seen: Composite, layers: list[Layer], shown: bool) -> bool:
    """Whether a scene can be used.

    Its required tag is `shown`, the subject is large, mostly visible, and larger than anyone
    nearer.
    """
    subject = next(layer for layer in layers if layer.kind == "subject")
    top, left = subject.corner
    rows, columns = seen.alpha.shape
    inside = subject.rgba[max(0, -top) : rows - top, max(0, -left) : columns - left, 3]
    whole = float(inside.sum())
    own = sum(n["pixels"] for n in graph.notes if n["kind"] == "subject")
    others = [n["pixels"] for n in graph.notes if n["kind"] == "passer-by"]
    return (
        shown
        and own > _MIN_SUBJECT_AREA * rows * columns
        and own > _MIN_VISIBLE_SHARE * whole
        and max(others, default=0) < 0.5 * own
    )


def _take_pictures(
    rng: Rng,
    graph: SceneGraph,
    layers: list[Layer],
    backdrop: Backdrop,
    photo: Camera,
    seen: Composite,
    tags: set[str],
) -> HardScene:
    """Take the photo, the right view and the sensor's picture."""
    nearest = float(np.percentile(seen.meters, 1))
    baseline = min(rng.uniform(0.06, 0.12), _MAX_DISPARITY * nearest / photo.fx)
    other = replace(photo, translation=np.array([-baseline, 0.0, 0.0]))
    second = render(layers, backdrop, photo, other)
    exposure = Exposure.draw(rng, tags)
    rgb = exposure(rng, seen.rgb)
    right = replace(exposure, gain=exposure.gain * rng.uniform(0.96, 1.04))(rng, second.rgb)
    sensor, calibrated, true, error = draw_sensor_rig(rng, photo)
    truth = render(layers, backdrop, photo, true)
    answer = simulate_sensor(rng, sensor, truth.meters, truth.missing)
    info = {
        "tags": sorted(tags),
        "width": photo.shape[1],
        "height": photo.shape[0],
        "camera": {
            "focal": photo.fx,
            "camera_height": graph.view.camera_height,
            "wall": graph.view.wall,
        },
        "subject": _describe_subject(graph, layers),
        "placed": [_with_box(note, layer) for note, layer in zip(graph.notes, layers, strict=True)],
        "sensor": {"kind": sensor.name, **error},
        "stereo": {"baseline": baseline},
        "light": {**exposure.__dict__, "cast": list(exposure.cast)},
    }
    alpha = np.clip(seen.alpha, 0, 1)
    return HardScene(
        rgb, alpha, seen.meters, answer, Rig(photo, calibrated), right,
        Rig(photo, other, rectified=True), info,
    )  # fmt: skip


def _describe_subject(graph: SceneGraph, layers: list[Layer]) -> dict[str, Any]:
    at = next(i for i, layer in enumerate(layers) if layer.kind == "subject")
    held = [
        note["kind"].removeprefix("held ") for note in graph.notes if note["kind"][:5] == "held "
    ]
    surface = layers[at].meters - float(layers[at].relief.max())
    return {"meters": layers[at].meters, "nearest": surface, "held": held} | {
        "source": graph.notes[at]["source"]
    }


def _with_box(note: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """A note with the layer's box in photo pixels: left, top, width, height."""
    (top, left), (height, width) = layer.corner, layer.rgba.shape[:2]
    return note | {"box": [left, top, width, height]}
