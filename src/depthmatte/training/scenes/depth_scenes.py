"""Scenes that train the depth network: people stand on backgrounds at drawn distances.

A pinhole camera looks along a ground plane under a drawn horizon. A standing person of
`height` meters at z meters is `focal * height / z` pixels high and has the feet on the ground
row of z. A portrait cut off by the frame fills the front. Objects stand before and behind.
Posters and screens with people on them hang at their wall's depth, so that looking like a
person is no proof of being near.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from ...canvas import PRESET_SHAPE, resize
from ...errors import InputError
from ...types import RGB, Float, Mask
from ...values import normalized_log_depth
from ..augment.geometry import Stack, random_crop
from ..cutout_image import mirror_and_tone, resize_rgba
from ..data.assets import Assets
from ..types import RGBA, Rng
from .camera_view import FARTHEST_METERS, CameraView
from .compositor import Composite
from .layer import Layer
from .light import ContactShadow

_CROWD_SHARE = 0.45
"""Share of training scenes with a row of people behind all others. Test scenes have none: their
numbers stay comparable."""

POSTER_WEIGHT = 3.0
"""Weight of a poster's pixels: rare, and the proof that the network does not just segment."""

_BACKGROUND_WEIGHT = 0.25
"""Weight of the background's depth, which is a guess."""

_TONE_SHARE = 0.7
"""Share of cut-outs in other light than their photo had."""

_SHADOW = ContactShadow(axes=(1.0, 0.18), softness=0.15, strength=0.45, reach=3.0)
"""The shadow under a person's feet; the width is half the person's."""


def log_depth(meters: Float) -> Float:
    """Meters -> d in [0, 1]: log distance between the scene's nearest and farthest part."""
    return normalized_log_depth(np.minimum(meters, np.float32(FARTHEST_METERS)))


@dataclass(frozen=True)
class DepthScene:
    """A finished composite of (h, w) pixels.

    Attributes
    ----------
    rgb : ndarray
        uint8 (h, w, 3).
    meters : ndarray
        float32 (h, w), the true depth.
    weight : ndarray
        float32 (h, w), how far the depth is to be trusted. The background's depth is only a
        guess at what the picture shows.
    people : list of (mask, meters)
        The visible area of each person, boolean (h, w), and the distance.
    posters : list of mask
        The visible area of each poster that is at most half hidden.
    """

    rgb: RGB
    meters: Float
    weight: Float
    people: list[tuple[Mask, float]]
    posters: list[Mask]

    @cached_property
    def d(self) -> Float:
        """True relative depth, as the network is asked for it."""
        return log_depth(self.meters)

    @property
    def is_exact(self) -> Mask:
        """Where the depth is exact: people, objects and posters, not the background."""
        return self.weight >= 1


@dataclass(frozen=True)
class _Standing:
    """A layer and the shadow under its feet: (row, column, width), None for none."""

    layer: Layer
    shadow: tuple[float, float, float] | None = None


def draw_depth_scene(
    rng: Rng, assets: Assets, shape: tuple[int, int] = PRESET_SHAPE, crowd: float = _CROWD_SHARE
) -> DepthScene:
    """Draw one scene of (h, w) = `shape` pixels, with the chance `crowd` of a crowd behind."""
    view = CameraView.draw(rng, shape)
    background = _draw_background(rng, assets, shape).astype(np.float32)
    composite = Composite.of_backdrop(background, view.ground())
    layers: list[Layer] = []
    covered: list[int] = []

    def paint(layer: Layer) -> None:
        covered.append(composite.paint(len(layers), layer))
        layers.append(layer)

    count = int(rng.choice([0, 1, 2], p=[0.25, 0.45, 0.3])) if view.wall < 12 else 0
    for _ in range(count):
        paint(_draw_poster(rng, assets, view))
    weight = _poster_weights(composite, view)
    if rng.random() < 0.35:
        composite.blur(rng.uniform(0.5, 3))
    posters = len(layers)
    for standing in sorted(_draw_layers(rng, assets, view, crowd), key=lambda s: -s.layer.meters):
        if standing.shadow:
            _SHADOW.draw(composite.rgb, *standing.shadow)
        paint(standing.layer)
    weight[composite.owner >= posters] = 1
    visible = [composite.owner == index for index in range(len(layers))]
    return DepthScene(
        np.clip(composite.rgb + 0.5, 0, 255).astype(np.uint8),
        composite.meters,
        weight,
        [
            (mask, layer.meters)
            for mask, layer in zip(visible, layers, strict=True)
            if layer.kind == "person" and mask.any()
        ],
        [
            mask
            for mask, layer, pixels in zip(visible, layers, covered, strict=True)
            if layer.kind == "poster" and mask.sum() > pixels / 2
        ],
    )


def held_out_depth_scenes(data: Path, count: int, seed: int = 0) -> Iterator[DepthScene]:
    """Scenes from people, objects and backgrounds that training never sees."""
    assets = Assets.for_depth_scenes(data, "test")
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        yield draw_depth_scene(
            rng, assets, PRESET_SHAPE if index % 4 else PRESET_SHAPE[::-1], crowd=0
        )


def _draw_background(rng: Rng, assets: Assets, shape: tuple[int, int]) -> RGB:
    picture = assets.draw_background(rng)
    cut = random_crop(rng, Stack(picture, ()), shape[1] > shape[0], least=0.4).rgb
    return np.asarray(resize(cut, shape), np.uint8)


def _draw_layers(rng: Rng, assets: Assets, view: CameraView, crowd: float) -> list[_Standing]:
    """The people and objects of the scene, in no order."""
    layers: list[_Standing] = []
    close = rng.random() < 0.45
    if close:
        layers.append(_draw_portrait(rng, assets, view, rng.uniform(0.5, 1.4)))
    count = int(rng.choice([0, 1, 2, 3] if close else [1, 2, 3, 4]))
    meters = rng.uniform(1.8, 5.0)
    for _ in range(count):
        if meters > 0.95 * view.wall:
            break
        layers.append(_draw_person(rng, assets, view, meters))
        meters *= rng.uniform(1.0, 1.15) if rng.random() < 0.2 else rng.uniform(1.2, 2.2)
    if crowd and meters < 0.9 * view.wall and rng.random() < crowd:
        for share in np.linspace(-0.1, 1.1, int(rng.integers(5, 13))):
            distance = meters * rng.uniform(1.0, 1.15)
            seated = rng.random() < 0.5
            column = share + rng.normal(0, 0.04)
            layers.append(_draw_person(rng, assets, view, distance, column, seated))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
        layers.append(_draw_object(rng, assets, view))
    return layers


def _draw_portrait(rng: Rng, assets: Assets, view: CameraView, meters: float) -> _Standing:
    """A portrait cut off by the lower frame."""
    rgba = mirror_and_tone(rng, assets.draw_from_sets(rng, standing=False).rgba, _TONE_SHARE)
    rows, columns = view.shape
    rgba = resize_rgba(rgba, rng.uniform(0.5, 0.98) * rows)
    left = rng.integers(-rgba.shape[1] // 3, max(1, columns - 2 * rgba.shape[1] // 3))
    return _Standing(Layer.flat("person", rgba, (rows - rgba.shape[0], int(left)), meters))


def _draw_person(
    rng: Rng,
    assets: Assets,
    view: CameraView,
    meters: float,
    column: float | None = None,
    seated: bool = False,
) -> _Standing:
    """A person standing on the ground plane, or seated: then only the upper part shows.

    `column` is the share of the picture's width where the person's middle is, else drawn.
    """
    rgba = mirror_and_tone(rng, assets.draw_from_sets(rng, standing=True).rgba, _TONE_SHARE)
    height = rng.uniform(1.5, 1.9)
    if seated:
        rgba, height = rgba[: round(0.65 * len(rgba))], 0.65 * height
    rgba = resize_rgba(rgba, view.focal * height / meters)
    feet = view.row(meters)
    center = (rng.uniform(0.05, 0.95) if column is None else column) * view.shape[1]
    shadow = (feet, center, rgba.shape[1] * 0.5) if rng.random() < 0.5 else None
    corner = (round(feet) - rgba.shape[0], round(center - rgba.shape[1] / 2))
    return _Standing(Layer.flat("person", rgba, corner, meters), shadow)


def _draw_object(rng: Rng, assets: Assets, view: CameraView) -> _Standing:
    """Some object, held up close or standing on the ground."""
    found = assets.draw_object(rng)
    if found is None:
        raise InputError(f"{assets.root}: holds no objects; give the data folder")
    rgba = mirror_and_tone(rng, found.rgba, _TONE_SHARE)
    if rng.random() < 0.5:
        meters = rng.uniform(0.35, 0.6)
        rgba = resize_rgba(rgba, rng.uniform(0.15, 0.45) * view.shape[0])
        bottom = rng.uniform(0.7, 1.15) * view.shape[0]
    else:
        meters = rng.uniform(1.5, min(8.0, 0.9 * view.wall))
        rgba = resize_rgba(rgba, view.focal * rng.uniform(0.3, 1.2) / meters)
        bottom = view.row(meters)
    left = round(rng.uniform(-0.2, 1.0) * view.shape[1])
    return _Standing(Layer.flat("object", rgba, (round(bottom) - rgba.shape[0], left), meters))


def _draw_poster(rng: Rng, assets: Assets, view: CameraView) -> Layer:
    """A picture of people, sometimes of a place, in a frame on the wall."""
    picture = assets.draw_picture_or_background(rng)
    rows = min(view.focal * rng.uniform(0.5, 2.2) / view.wall, 0.75 * view.shape[0])
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    rgba = resize_rgba(mirror_and_tone(rng, opaque, _TONE_SHARE), rows)
    if rng.random() < 0.6:
        border = max(1, round(rng.uniform(0.01, 0.05) * rows))
        rgba[..., :3][_border(rgba, border)] = rng.integers(0, 256, 3)
    floor = min(view.row(view.wall), view.shape[0] * 0.95)
    bottom = rng.uniform(0.6, 1.0) * floor
    left = round(rng.uniform(-0.15, 0.9) * view.shape[1])
    return Layer.flat("poster", rgba, (round(bottom) - rgba.shape[0], left), view.wall)


def _border(rgba: RGBA, width: int) -> Mask:
    """The outermost `width` pixels of a picture."""
    border = np.ones(rgba.shape[:2], bool)
    border[width:-width, width:-width] = False
    return border


def _poster_weights(composite: Composite, view: CameraView) -> Float:
    """Weights of posters and background.

    Around a poster the wall's depth is exact: that is what the poster must equal.
    """
    weight = np.full(composite.meters.shape, _BACKGROUND_WEIGHT, np.float32)
    shown = composite.owner >= 0
    if shown.any():
        reach = max(3, round(0.08 * max(view.shape)))
        around = cv2.dilate(shown.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        weight[around & (composite.meters >= view.wall)] = 1
        weight[shown] = POSTER_WEIGHT
    return weight
