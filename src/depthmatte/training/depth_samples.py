"""Samples for the depth network: composite scenes, labelled photos, backgrounds.

Scenes carry exact depth. Photos with masks carry order only: the person is nearer than
what lies just outside the outline. Photos and backgrounds carry the teacher's weak label
where one was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..canvas import Fit, lay, resize
from ..ordering import outline_pairs
from . import augment
from .augment import Rng, Stack
from .data import VALIDATION, Labelled, backgrounds, label_file, pairs
from .samples import Key, Sample, on_canvas
from .scenes import Scene, compose
from .stock import Stock

PAIRS = 256
"""Point pairs a sample carries; fewer are filled up with weight 0."""

SCENES = 1800
"""Composite scenes in an epoch."""

PHOTO_SHARE = 0.5
BACKGROUND_SHARE = 1.5
APART = 1.05
"""Two points count as different in depth when their distances differ by this factor."""


def fill(
    rng: Rng,
    near: NDArray[np.intp],
    far: NDArray[np.intp],
    shape: tuple[int, int],
    weight: float = 1.0,
) -> NDArray[np.float32]:
    """(PAIRS, 5) rows for `losses.pair_order` from (row, column) points, drawn at random."""
    table = np.zeros((PAIRS, 5), np.float32)
    if len(near):
        chosen = rng.choice(len(near), min(PAIRS, len(near)), replace=False)
        size = np.array(shape)
        table[: len(chosen), :2] = (near[chosen] + 0.5) / size
        table[: len(chosen), 2:4] = (far[chosen] + 0.5) / size
        table[: len(chosen), 4] = weight
    return table


def scene_pairs(rng: Rng, scene: Scene) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Points across people's outlines and between people, the nearer first."""
    ends = []
    for mask, _ in scene.people:
        found = outline_pairs(mask)
        ends.append((found.inside, found.outside))
    spots = [np.argwhere(mask) for mask, _ in scene.people]
    for a in range(len(spots)):
        for b in range(a):
            ends.append((rng.choice(spots[a], 200), rng.choice(spots[b], 200)))
    if not ends:
        return np.empty((0, 2), np.intp), np.empty((0, 2), np.intp)
    first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
    ratio = scene.metres[tuple(first.T)] / scene.metres[tuple(second.T)]
    swap = ratio > 1
    first[swap], second[swap] = second[swap], first[swap].copy()
    clear = np.maximum(ratio, 1 / ratio) > APART
    return first[clear], second[clear]


@dataclass(frozen=True)
class DepthSamples:
    """Everything the depth network learns from; `labels` is the teacher's folder or None."""

    stock: Stock
    items: list[Labelled]
    shares: list[float]
    labels: Path | None
    preset: tuple[int, int]
    strength: float = 1.0

    @classmethod
    def of(
        cls,
        data: Path,
        preset: tuple[int, int],
        labels: Path | None = None,
        strength: float = 1.0,
    ) -> DepthSamples:
        """Training material below the data folder; `strength` is that of augmentation."""
        photos = [
            item
            for group in ("picsart", "ccp")
            for index, item in enumerate(pairs(data, group))
            if index % VALIDATION
        ]
        empty = [Labelled(path, None, "backgrounds") for path in backgrounds(data, "train")]
        empty = [item for item in empty if labels and label_file(labels, item.photo).exists()]
        shares = [PHOTO_SHARE] * len(photos) + [BACKGROUND_SHARE] * len(empty) + [1.0] * SCENES
        return cls(Stock.of(data, "train"), photos + empty, shares, labels, preset, strength)

    def sample(self, key: Key) -> Sample:
        """image (3,h,w); d, weight, teacher, teacher_weight (1,h,w); pairs (PAIRS, 5)."""
        index, landscape, seed = key
        rng = np.random.default_rng(seed)
        if index >= len(self.items):
            return self._scene(rng, landscape)
        return self._photo(rng, self.items[index], landscape)

    def _scene(self, rng: Rng, landscape: bool) -> Sample:
        rows, columns = self.preset
        columns = columns if rng.random() < 0.4 else round(columns * rng.uniform(0.7, 1.0))
        scene = compose(rng, self.stock, (columns, rows) if landscape else (rows, columns))
        fit, image = on_canvas(augment.colour(rng, scene.rgb, self.strength), self.preset)
        near, far = (_moved(points, fit) for points in scene_pairs(rng, scene))
        none = np.zeros((1, *fit.canvas), np.float32)
        return {
            "image": image,
            "d": lay(scene.d, fit, nearest=True)[None],
            "weight": lay(scene.sure, fit, nearest=True)[None],
            "teacher": none,
            "teacher_weight": none,
            "pairs": fill(rng, near, far, fit.canvas),
        }

    def _photo(self, rng: Rng, item: Labelled, landscape: bool) -> Sample:
        rgb, mask = item.read()
        far, known = self._label(item, rgb.shape[:2])
        stack = augment.geometry(rng, Stack(rgb, (mask, far)), landscape, self.strength)
        mask, far = stack.truths
        fit, image = on_canvas(augment.colour(rng, stack.rgb, self.strength), self.preset)
        person = lay(np.ascontiguousarray(mask), fit) > 127
        found = outline_pairs(person & fit.inside())
        none = np.zeros((1, *fit.canvas), np.float32)
        trust = np.where(person, 0.15, 1.0 if item.mask is None else 0.5) * fit.inside() * known
        return {
            "image": image,
            "d": none,
            "weight": none,
            "teacher": lay(np.ascontiguousarray(far, np.float32), fit)[None],
            "teacher_weight": trust.astype(np.float32)[None],
            "pairs": fill(rng, found.inside, found.outside, fit.canvas),
        }

    def _label(self, item: Labelled, shape: tuple[int, int]) -> tuple[NDArray[np.float32], bool]:
        file = self.labels and label_file(self.labels, item.photo)
        if not file or not file.exists():
            return np.zeros(shape, np.float32), False
        far = np.load(file).astype(np.float32)
        return resize(far, shape), True


def _moved(points: NDArray[np.intp], fit: Fit) -> NDArray[np.intp]:
    """(row, column) photo points on the canvas."""
    xy = fit.to_canvas(points[:, ::-1].reshape(-1, 2))
    return np.rint(xy[:, ::-1]).astype(np.intp)
