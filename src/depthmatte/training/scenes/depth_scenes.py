"""Scenes that train the depth network: people stand on backgrounds at drawn distances.

A pinhole camera looks along a ground plane under a drawn horizon. A standing person of
`height` meters at z meters is `focal * height / z` pixels high and has the feet on the ground
row of z. A portrait cut off by the frame fills the front. Objects stand before and behind.
Posters and screens with people on them hang at their wall's depth, so that looking like a
person is no proof of being near.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from ...canvas import PRESET_SHAPE, resize
from ...errors import InputError
from ...types import RGB, Float, Mask
from ...values import normalized_log_depth
from ..augment.geometry import Stack, random_crop
from ..augment.options import DEFAULT_COLOR, ColorAugmentation
from ..cutout_image import mirror_and_tone, resize_rgba
from ..data.assets import Assets
from ..types import RGBA, Rng
from .camera_view import FARTHEST_METERS, CameraView
from .compositor import Composite
from .layer import Layer
from .light import ContactShadow
from .options import DEFAULT_DEPTH_SCENE, DepthSceneOptions

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
    rng: Rng,
    assets: Assets,
    shape: tuple[int, int] = PRESET_SHAPE,
    options: DepthSceneOptions = DEFAULT_DEPTH_SCENE,
    color: ColorAugmentation = DEFAULT_COLOR,
) -> DepthScene:
    """Draw one scene of (h, w) = `shape` pixels."""
    view = CameraView.draw(rng, shape, options)
    draw = _Drawing(rng, assets, view, options, color)
    background = draw.background(shape).astype(np.float32)
    composite = Composite.of_backdrop(background, view.ground())
    layers: list[Layer] = []
    covered: list[int] = []

    def paint(layer: Layer) -> None:
        covered.append(composite.paint(len(layers), layer))
        layers.append(layer)

    hung = view.wall < options.poster_wall
    count = int(rng.choice([0, 1, 2], p=options.poster_counts)) if hung else 0
    for _ in range(count):
        paint(draw.poster())
    weight = _poster_weights(composite, view, options)
    if rng.random() < options.background_blur_chance:
        composite.blur(rng.uniform(*options.background_blur))
    posters = len(layers)
    for standing in sorted(draw.layers(), key=lambda s: -s.layer.meters):
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
    """Scenes from people, objects and backgrounds that training never sees.

    They have no row of people behind all others: their numbers stay comparable.
    """
    assets = Assets.for_depth_scenes(data, "test")
    without = replace(DEFAULT_DEPTH_SCENE, crowd_chance=0.0)
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        yield draw_depth_scene(
            rng, assets, PRESET_SHAPE if index % 4 else PRESET_SHAPE[::-1], without
        )


@dataclass(frozen=True)
class _Drawing:
    """Draws the parts of one scene."""

    rng: Rng
    assets: Assets
    view: CameraView
    options: DepthSceneOptions
    color: ColorAugmentation

    def background(self, shape: tuple[int, int]) -> RGB:
        """A window of a background, uint8 (h, w, 3)."""
        picture = self.assets.draw_background(self.rng)
        least = self.options.background_crop_area
        cut = random_crop(self.rng, Stack(picture, ()), shape[1] > shape[0], least=least).rgb
        return np.asarray(resize(cut, shape), np.uint8)

    def layers(self) -> list[_Standing]:
        """The people and objects of the scene, in no order."""
        rng, view, how = self.rng, self.view, self.options
        layers: list[_Standing] = []
        close = rng.random() < how.portrait_chance
        if close:
            layers.append(self.portrait(rng.uniform(*how.portrait_meters)))
        counts = how.people_behind_portrait if close else how.people_alone
        count = int(rng.integers(*counts, endpoint=True))
        meters = rng.uniform(*how.first_meters)
        for _ in range(count):
            if meters > 0.95 * view.wall:
                break
            layers.append(self.person(meters))
            abreast = rng.random() < how.abreast_chance
            meters *= rng.uniform(*(how.abreast_step if abreast else how.farther_step))
        if how.crowd_chance and meters < 0.9 * view.wall and rng.random() < how.crowd_chance:
            count = int(rng.integers(*how.crowd_count, endpoint=True))
            for share in np.linspace(*how.crowd_columns, count):
                distance = meters * rng.uniform(*how.crowd_step)
                seated = rng.random() < how.seated_chance
                column = share + rng.normal(0, how.crowd_column_spread)
                layers.append(self.person(distance, column, seated))
        for _ in range(int(rng.choice([0, 1, 2], p=how.object_counts))):
            layers.append(self.object())
        return layers

    def portrait(self, meters: float) -> _Standing:
        """A portrait cut off by the lower frame."""
        rng = self.rng
        rgba = self._vary(self.assets.draw_from_sets(rng, standing=False).rgba)
        rows, columns = self.view.shape
        rgba = resize_rgba(rgba, rng.uniform(*self.options.portrait_height) * rows)
        left = rng.integers(-rgba.shape[1] // 3, max(1, columns - 2 * rgba.shape[1] // 3))
        return _Standing(Layer.flat("person", rgba, (rows - rgba.shape[0], int(left)), meters))

    def person(self, meters: float, column: float | None = None, seated: bool = False) -> _Standing:
        """A person standing on the ground plane, or seated: then only the upper part shows.

        `column` is the share of the picture's width where the person's middle is, else drawn.
        """
        rng, view, how = self.rng, self.view, self.options
        rgba = self._vary(self.assets.draw_from_sets(rng, standing=True).rgba)
        height = rng.uniform(*how.person_height)
        if seated:
            rgba, height = rgba[: round(how.seated_part * len(rgba))], how.seated_part * height
        rgba = resize_rgba(rgba, view.focal * height / meters)
        feet = view.row(meters)
        center = (rng.uniform(*how.person_column) if column is None else column) * view.shape[1]
        has_shadow = rng.random() < how.shadow_chance
        shadow = (feet, center, rgba.shape[1] * 0.5) if has_shadow else None
        corner = (round(feet) - rgba.shape[0], round(center - rgba.shape[1] / 2))
        return _Standing(Layer.flat("person", rgba, corner, meters), shadow)

    def object(self) -> _Standing:
        """Some object, held up close or standing on the ground."""
        rng, view, how = self.rng, self.view, self.options
        found = self.assets.draw_object(rng)
        if found is None:
            raise InputError(f"{self.assets.root}: holds no objects; give the data folder")
        rgba = self._vary(found.rgba)
        if rng.random() < how.object_close_chance:
            meters = rng.uniform(*how.object_close_meters)
            rgba = resize_rgba(rgba, rng.uniform(*how.object_close_height) * view.shape[0])
            bottom = rng.uniform(*how.object_close_bottom) * view.shape[0]
        else:
            near, far = how.object_meters
            meters = rng.uniform(near, max(near, min(far, 0.9 * view.wall)))
            rgba = resize_rgba(rgba, view.focal * rng.uniform(*how.object_height) / meters)
            bottom = view.row(meters)
        left = round(rng.uniform(*how.object_left) * view.shape[1])
        return _Standing(Layer.flat("object", rgba, (round(bottom) - rgba.shape[0], left), meters))

    def poster(self) -> Layer:
        """A picture of people, sometimes of a place, in a frame on the wall."""
        rng, view, how = self.rng, self.view, self.options
        picture = self.assets.draw_picture_or_background(rng)
        rows = min(view.focal * rng.uniform(*how.poster_height) / view.wall, 0.75 * view.shape[0])
        opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
        rgba = resize_rgba(self._vary(opaque), rows)
        if rng.random() < how.poster_frame_chance:
            border = max(1, round(rng.uniform(*how.poster_frame) * rows))
            rgba[..., :3][_border(rgba, border)] = rng.integers(0, 256, 3)
        floor = min(view.row(view.wall), view.shape[0] * 0.95)
        bottom = rng.uniform(*how.poster_bottom) * floor
        left = round(rng.uniform(*how.poster_left) * view.shape[1])
        return Layer.flat("poster", rgba, (round(bottom) - rgba.shape[0], left), view.wall)

    def _vary(self, rgba: RGBA) -> RGBA:
        """Mirrored or in other light."""
        return mirror_and_tone(self.rng, rgba, self.options.tone_chance, color=self.color)


def _border(rgba: RGBA, width: int) -> Mask:
    """The outermost `width` pixels of a picture."""
    border = np.ones(rgba.shape[:2], bool)
    border[width:-width, width:-width] = False
    return border


def _poster_weights(composite: Composite, view: CameraView, options: DepthSceneOptions) -> Float:
    """Weights of posters and background.

    Around a poster the wall's depth is exact: that is what the poster must equal.
    """
    weight = np.full(composite.meters.shape, options.background_weight, np.float32)
    shown = composite.owner >= 0
    if shown.any():
        reach = max(3, round(0.08 * max(view.shape)))
        around = cv2.dilate(shown.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        weight[around & (composite.meters >= view.wall)] = 1
        weight[shown] = options.poster_weight
    return weight
