"""The depth network's task: scenes, labeled photos and backgrounds, loss and validation.

Scenes carry exact depth. Photos with masks carry order only: the person is nearer than
what lies just outside the outline. Photos and backgrounds carry the teacher's weak label
where one was made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...canvas import Letterbox, from_canvas, resize, to_canvas
from ...evaluation.depth_metrics import outline_pairs, person_order
from ...types import RGB
from ..augment.color import random_color
from ..augment.geometry import Stack, random_geometry
from ..data.assets import Assets
from ..data.folders import LabeledPhoto, label_file, list_labeled
from ..data.splits import VALIDATION_EVERY, list_backgrounds, list_matte_photos
from ..losses import (
    affine_invariant_l1,
    bin_cross_entropy,
    gradient_l1,
    pair_ranking_loss,
    weighted_l1,
)
from ..networks.depth import expected_depth
from ..networks.matte import upsample_like
from ..scenes.depth_scenes import DepthScene, draw_depth_scene, held_out_depth_scenes
from ..types import Rng, SampleKey, TrainingSample
from .augmentation import DEFAULT_DEPTH_AUGMENTATION, DepthAugmentation, DepthSampling
from .task import MaterialOptions, Validator, as_batch, to_network_input

MAX_POINT_PAIRS = 256
"""Point pairs a sample carries; fewer are filled up with weight 0."""

_VALIDATION_SCENES = 40
"""Held-out scenes of a validation."""


_DEFAULT_SAMPLING = DepthSampling()


def sample_pairs(
    rng: Rng,
    near: NDArray[np.intp],
    far: NDArray[np.intp],
    shape: tuple[int, int],
    weight: float = 1.0,
) -> NDArray[np.float32]:
    """(MAX_POINT_PAIRS, 5) rows for `pair_ranking_loss` from (row, column) points, at random."""
    table = np.zeros((MAX_POINT_PAIRS, 5), np.float32)
    if len(near):
        chosen = rng.choice(len(near), min(MAX_POINT_PAIRS, len(near)), replace=False)
        size = np.array(shape)
        table[: len(chosen), :2] = (near[chosen] + 0.5) / size
        table[: len(chosen), 2:4] = (far[chosen] + 0.5) / size
        table[: len(chosen), 4] = weight
    return table


def scene_pairs(
    rng: Rng, scene: DepthScene, sampling: DepthSampling = _DEFAULT_SAMPLING
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Points across people's outlines and between people, the nearer first."""
    ends = []
    for mask, _ in scene.people:
        found = outline_pairs(mask)
        ends.append((found.inside, found.outside))
    spots = [np.argwhere(mask) for mask, _ in scene.people]
    for a in range(len(spots)):
        for b in range(a):
            count = sampling.people_points
            ends.append((rng.choice(spots[a], count), rng.choice(spots[b], count)))
    if not ends:
        return np.empty((0, 2), np.intp), np.empty((0, 2), np.intp)
    first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
    ratio = scene.meters[tuple(first.T)] / scene.meters[tuple(second.T)]
    swap = ratio > 1
    first[swap], second[swap] = second[swap], first[swap].copy()
    clear = np.maximum(ratio, 1 / ratio) > sampling.least_ratio
    return first[clear], second[clear]


@dataclass(frozen=True)
class DepthSamples:
    """Everything the depth network learns from; `labels` is the teacher's folder or None."""

    assets: Assets
    items: list[LabeledPhoto]
    shares: list[float]
    labels: Path | None
    preset: tuple[int, int]
    strength: float = 1.0
    augmentation: DepthAugmentation = DEFAULT_DEPTH_AUGMENTATION

    @classmethod
    def from_options(cls, options: MaterialOptions) -> DepthSamples:
        """Scenes, photos and backgrounds of the data folder; `labels` are a teacher's depth."""
        data, labels = options.data, options.labels
        augmentation = options.numbers(DepthAugmentation)
        sampling = augmentation.sampling
        photos = [
            item
            for group in ("picsart", "ccp")
            for index, item in enumerate(list_labeled(data, group))
            if index % VALIDATION_EVERY
        ]
        empty = [
            LabeledPhoto(path, None, "backgrounds") for path in list_backgrounds(data, "train")
        ]
        empty = [item for item in empty if labels and label_file(labels, item.photo).exists()]
        shares = (
            [sampling.photo_share] * len(photos)
            + [sampling.background_share] * len(empty)
            + [1.0] * sampling.scenes_per_epoch
        )
        assets = Assets.for_depth_scenes(data, "train")
        return cls(
            assets,
            photos + empty,
            shares,
            labels,
            options.preset,
            options.strength,
            augmentation,
        )

    def sample(self, key: SampleKey) -> TrainingSample:
        """image (3,h,w); d, weight, teacher, teacher_weight (1,h,w); pairs (MAX_POINT_PAIRS, 5)."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        if index >= len(self.items):
            return self._scene(rng, landscape)
        return self._photo(rng, self.items[index], landscape)

    def _scene(self, rng: Rng, landscape: bool) -> TrainingSample:
        rows, columns = self.preset
        how = self.augmentation
        if rng.random() >= how.sampling.full_width_share:
            columns = round(columns * rng.uniform(*how.sampling.width))
        shape = (columns, rows) if landscape else (rows, columns)
        scene = draw_depth_scene(rng, self.assets, shape, how.scene, how.color)
        rgb = random_color(rng, scene.rgb, self.strength, how.color)
        fit, image = to_network_input(rgb, self.preset)
        near, far = (_to_canvas(points, fit) for points in scene_pairs(rng, scene, how.sampling))
        none = np.zeros((1, *fit.canvas), np.float32)
        return {
            "image": image,
            "d": to_canvas(scene.d, fit, nearest=True)[None],
            "weight": to_canvas(scene.weight, fit, nearest=True)[None],
            "teacher": none,
            "teacher_weight": none,
            "pairs": sample_pairs(rng, near, far, fit.canvas),
        }

    def _photo(self, rng: Rng, item: LabeledPhoto, landscape: bool) -> TrainingSample:
        rgb, mask = item.read()
        far, known = self._label(item, rgb.shape[:2])
        how, strength = self.augmentation, self.strength
        stack = random_geometry(rng, Stack(rgb, (mask, far)), landscape, strength, how.geometry)
        mask, far = stack.truths
        rgb = random_color(rng, stack.rgb, strength, how.color)
        fit, image = to_network_input(rgb, self.preset)
        person = to_canvas(np.ascontiguousarray(mask), fit) > 127
        found = outline_pairs(person & fit.inside())
        none = np.zeros((1, *fit.canvas), np.float32)
        trust = how.sampling
        around = trust.trust_background if item.mask is None else trust.trust_around
        weight = np.where(person, trust.trust_person, around) * fit.inside() * known
        return {
            "image": image,
            "d": none,
            "weight": none,
            "teacher": to_canvas(np.ascontiguousarray(far, np.float32), fit)[None],
            "teacher_weight": weight.astype(np.float32)[None],
            "pairs": sample_pairs(rng, found.inside, found.outside, fit.canvas),
        }

    def _label(
        self, item: LabeledPhoto, shape: tuple[int, int]
    ) -> tuple[NDArray[np.float32], bool]:
        file = self.labels and label_file(self.labels, item.photo)
        if not file or not file.exists():
            return np.zeros(shape, np.float32), False
        far = np.load(file).astype(np.float32)
        return resize(far, shape), True


def _to_canvas(points: NDArray[np.intp], fit: Letterbox) -> NDArray[np.intp]:
    """(row, column) photo points on the canvas."""
    xy = fit.points_to_canvas(points[:, ::-1].reshape(-1, 2))
    return np.rint(xy[:, ::-1]).astype(np.intp)


def depth_loss(logits: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """All terms of the depth network on one batch of `DepthSamples`."""
    at = upsample_like(expected_depth(logits), batch["d"])
    size = logits.shape[-2:]
    known = (
        F.interpolate(batch["d"], size, mode="nearest-exact"),
        F.interpolate(batch["weight"], size, mode="nearest-exact"),
    )
    return {
        "bins": 0.3 * bin_cross_entropy(logits, *known),
        "known": 2 * weighted_l1(at, batch["d"], batch["weight"]),
        "edges": gradient_l1(at, batch["d"], (batch["weight"] > 0).to(at)),
        "teacher": 2 * affine_invariant_l1(at, batch["teacher"], batch["teacher_weight"]),
        "order": 8 * pair_ranking_loss(at, batch["pairs"]),
    }


def depth_validator(options: MaterialOptions) -> Validator:
    """Share of wrong orders: people in held-out scenes, outlines in held-out photos."""
    scenes = list(held_out_depth_scenes(options.data, _VALIDATION_SCENES))
    photos = [item.read() for item in list_matte_photos(options.data)[2][::2]]

    @torch.no_grad()
    def validate(network: nn.Module) -> float:
        network.eval()

        def depth(rgb: RGB) -> np.ndarray[Any, Any]:
            fit, image = to_network_input(rgb, options.preset)
            d = expected_depth(network(as_batch(network, image)))[0, 0].cpu().numpy()
            return from_canvas(resize(d, fit.canvas), fit)

        return 0.5 * _people_wrong(scenes, depth) + 0.5 * _outlines_wrong(photos, depth)

    return validate


def _people_wrong(scenes: list[DepthScene], depth: Callable[[RGB], Any]) -> float:
    right = total = 0
    for scene in scenes:
        masks, meters = zip(*scene.people, strict=True) if scene.people else ((), ())
        good, count = person_order(depth(scene.rgb), masks, meters, min_ratio=1.1)
        right, total = right + good, total + count
    return 1 - right / max(1, total)


def _outlines_wrong(photos: list[tuple[RGB, Any]], depth: Callable[[RGB], Any]) -> float:
    shares = []
    for rgb, mask in photos:
        pairs = outline_pairs(mask > 127)
        if len(pairs.inside):
            shares.append(pairs.is_inside_nearer(depth(rgb)).mean())
    return 1 - float(np.mean(shares))
