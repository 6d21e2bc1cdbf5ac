"""The material of composite scenes: people, things and places, one split at a time.

RGBA is uint8 (H, W, 4) with straight alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scaled
from ..errors import InputError
from ..photo import RGB
from .augment import Rng
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

LARGEST = 512
"""Material is kept at this many pixels on its longer side."""


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

    def place(self, rng: Rng) -> RGB:
        """A people-free photo."""
        return picture(pick(rng, self.scenery))

    def bust(self, rng: Rng) -> RGBA:
        """A portrait, cut off where its photo was."""
        return _masked(pick(rng, self.busts))

    def thing(self, rng: Rng) -> RGBA:
        """Some object."""
        return cutout(pick(rng, self.things))

    def person(self, rng: Rng) -> RGBA:
        """Somebody from head to foot: much taller than wide, so desks among the files fall out."""
        for _ in range(20):
            if rng.random() < 0.6:
                rgba = cutout(pick(rng, self.standing))
            else:
                rgba = _masked(pick(rng, self.standing_photos))
            if rgba.shape[0] > 1.7 * rgba.shape[1]:
                return rgba
        raise InputError("the cut-outs hold no standing person; give the data folder")

    def poster(self, rng: Rng) -> RGB:
        """What a poster shows: mostly people with their own background, now and then a place."""
        if rng.random() < 0.8:
            item: Labelled = pick(rng, self.busts + self.standing_photos)
            return item.read()[0]
        return self.place(rng)


def at_height(rgba: RGBA, height: float) -> RGBA:
    """RGBA at a height in pixels; colours are weighted by opacity so no halo appears."""
    rows = max(2, round(height))
    columns = max(2, round(rgba.shape[1] * rows / rgba.shape[0]))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    heavy = resize(np.dstack([rgba[..., :3] * alpha, alpha]), (rows, columns))
    alpha = heavy[..., 3:]
    colour = heavy[..., :3] / np.maximum(alpha, 1e-3)
    return np.asarray(np.clip(np.dstack([colour, alpha * 255]), 0, 255), np.uint8)


def small(picture: NDArray[np.uint8], largest: int = LARGEST) -> NDArray[np.uint8]:
    """At most `largest` pixels on the longer side: more is lost on a canvas anyway."""
    scale = largest / max(picture.shape[:2])
    if scale >= 1:
        return picture
    if picture.shape[2] == 4:
        return at_height(picture, picture.shape[0] * scale)
    height, width = picture.shape[:2]
    return np.asarray(resize(picture, scaled((height, width), scale)), np.uint8)


@lru_cache(maxsize=600)
def cutout(path: Path, largest: int = LARGEST) -> RGBA:
    """An RGBA file, kept small and in memory."""
    return small(read_rgba(path), largest)


@lru_cache(maxsize=300)
def picture(path: Path, largest: int = LARGEST) -> RGB:
    """A photo, kept small and in memory."""
    return small(read_rgb(path), largest)


@lru_cache(maxsize=2000)
def _masked(item: Labelled) -> RGBA:
    """A labelled photo as RGBA; the rim is drawn in a little, it shows the old background."""
    rgb, mask = item.read()
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255
    alpha = np.clip(soft * 1.7 - 0.7, 0, 1) * 255
    return small(trim(np.dstack([rgb, alpha.astype(np.uint8)])))


def pick(rng: Rng, sequence: list[Any]) -> Any:
    """One of a list."""
    return sequence[int(rng.integers(len(sequence)))]
