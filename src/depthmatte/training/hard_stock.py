"""The material of hard scenes: people cut from labelled photos, cut-outs, things and places.

Unlike `stock` it keeps each file's full detail, tells standing people from portraits by
the mask itself, refines the mask's outline along the photo, and lets the test split draw
from `eval` folders too. Sets that a data folder lacks are named in `notes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, resize, scaled
from ..effects.foreground import certain
from ..errors import InputError
from ..filters import fill, guided_coefficients
from ..photo import RGB
from .augment import Rng
from .data import VALIDATION, Labelled, Split, files, held, read_grey, read_rgb, trim
from .stock import RGBA, cutout, pick, picture, small

ROUGH = ("vikram", "pennfudan", "idphoto")
"""Sets whose masks are too rough to cut people from."""

LARGEST = 900
"""Material is kept at this many pixels on its longer side."""

TRIES = 80
"""Draws before a kind of person is taken for absent."""


@dataclass(frozen=True)
class Person:
    """Somebody cut out: `rgba` uint8 (h, w, 4), straight alpha, trimmed.

    `touches` names the sides ("top", "left", "right", "bottom") where the photo's frame cut
    the person off. `file` is where it came from.
    """

    rgba: RGBA
    touches: frozenset[str]
    file: Path


@dataclass(frozen=True)
class HardStock:
    """The material of one split: files only, read when a scene needs them."""

    root: Path
    people: list[Labelled]
    cutouts: list[Path]
    portraits: list[Path]
    scenery: list[Path]
    things: list[Path]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, split: Split) -> HardStock:
        """Training and test share no person, place or thing; InputError without people or places.

        The test split adds the `eval` folders; training never opens them.
        """
        files(root)  # says so where there is no such folder
        people = _people(root, split)
        scenery = held(_listed(root / "backgrounds"), split)
        if not people:
            raise InputError(
                f"{root}: no people for the {split} split; put photos into "
                f"people/SET/{'eval' if split == 'test' else 'train'}/images with masks/"
            )
        if not scenery:
            raise InputError(
                f"{root}: no backgrounds for the {split} split; add people-free photos"
            )
        optional = {
            "cutouts": held(_listed(root / "cutouts"), split),
            "people/npm_photos": held(_listed(root / "people" / "npm_photos"), split),
            "objects": held(_listed(root / "objects"), split),
        }
        notes = tuple(
            f"{root / name}: no files for the {split} split; scenes go without them"
            for name, files in optional.items()
            if not files
        )
        cutouts, portraits, things = optional.values()
        return cls(root, people, cutouts, portraits, scenery, things, notes)

    def standing(self, rng: Rng) -> Person | None:
        """Somebody from head to foot, cut from a photo."""
        return self._person(rng, lambda outline: outline.standing)

    def portrait(self, rng: Rng, fits: Callable[[Outline], bool]) -> Person | None:
        """Somebody cut off by the lower frame."""
        return self._person(rng, lambda outline: "bottom" in outline.touches and fits(outline))

    def far(self, rng: Rng, rows: float) -> Person | None:
        """Somebody standing, `rows` pixels high: small cut-outs serve for small people only."""
        fine = rows > 420 or not self.cutouts
        for _ in range(TRIES if self.cutouts else 0):
            if fine or rng.random() < 0.3:
                break
            path = pick(rng, self.cutouts)
            rgba = cutout(path, LARGEST)
            if rgba.shape[0] > 1.7 * rgba.shape[1]:
                return Person(rgba, frozenset(), path)
        return self.standing(rng)

    def place(self, rng: Rng) -> RGB:
        """A people-free photo."""
        return picture(pick(rng, self.scenery), LARGEST)

    def thing(self, rng: Rng) -> tuple[RGBA, Path] | None:
        """Some object."""
        if not self.things:
            return None
        path = pick(rng, self.things)
        return cutout(path, LARGEST), path

    def poster(self, rng: Rng) -> tuple[RGB, Path]:
        """A photo of people with its own background."""
        if self.portraits and rng.random() < 0.5:
            path = pick(rng, self.portraits)
            return picture(path, LARGEST), path
        item: Labelled = pick(rng, self.people)
        return picture(item.photo, LARGEST), item.photo

    def name(self, path: Path) -> str:
        """A file as scene.json names it: relative to the data folder."""
        return path.relative_to(self.root).as_posix()

    def _person(self, rng: Rng, wanted: Callable[[Outline], bool]) -> Person | None:
        for _ in range(TRIES):
            item: Labelled = pick(rng, self.people)
            outline = _outline(item)
            if outline is not None and wanted(outline):
                return Person(_masked(item), outline.touches, item.photo)
        return None


def _people(root: Path, split: Split) -> list[Labelled]:
    """Every photo with a good mask; every `VALIDATION`-th of a training folder is for tests."""
    found: list[Labelled] = []
    for folder in sorted((root / "people").glob("*")):
        if folder.name not in ROUGH:
            for index, item in enumerate(_pairs(folder / "train", folder.name)):
                if (index % VALIDATION == 0) == (split == "test"):
                    found.append(item)
            if split == "test":
                found += _pairs(folder / "eval", folder.name)
    return found


def _pairs(folder: Path, group: str) -> list[Labelled]:
    masks = {path.stem: path for path in folder.glob("masks/*")}
    photos = sorted(folder.glob("images/*"))
    return [Labelled(path, masks[path.stem], group) for path in photos if path.stem in masks]


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)


SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Outline:
    """What a mask alone tells: the sides that cut the person off, and height over width."""

    touches: frozenset[str]
    tall: float

    @property
    def standing(self) -> bool:
        """From head to foot."""
        return not self.touches and self.tall > 1.7


@lru_cache(maxsize=4000)
def _outline(item: Labelled) -> Outline | None:
    """The outline of a labelled photo; None where the mask is no single person."""
    mask = _single(item)
    if mask is None:
        return None
    margin = max(1, round(0.008 * max(mask.shape)))
    sides = {
        "top": mask[:margin],
        "bottom": mask[-margin:],
        "left": mask[:, :margin],
        "right": mask[:, -margin:],
    }
    touches = frozenset(name for name, strip in sides.items() if (strip > 127).any())
    height, width = Box.around(mask > 127, 0).shape
    return Outline(touches, height / width)


def _single(item: Labelled) -> NDArray[np.uint8] | None:
    """The mask's one large part, uint8; None where there are several or none."""
    assert item.mask is not None
    mask = read_grey(item.mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or areas.max() < max(0.985 * areas.sum(), 0.04 * mask.size):
        return None
    return np.where(labels == 1 + int(areas.argmax()), mask, 0).astype(np.uint8)


@lru_cache(maxsize=300)
def _masked(item: Labelled) -> RGBA:
    """A labelled photo cut out along its own edges."""
    mask = _single(item)
    assert mask is not None
    rgb = small(read_rgb(item.photo), LARGEST)
    mask = np.asarray(resize(mask, rgb.shape[:2]), np.uint8)
    around = Box.around(mask > 127, 12).slices
    rgb = np.ascontiguousarray(rgb[around])
    alpha = _refined(rgb, mask[around].astype(np.float32) / np.float32(255))
    return trim(np.dstack([_own_colours(rgb, alpha), (alpha * 255 + 0.5).astype(np.uint8)]))


def _refined(rgb: RGB, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Alpha that follows the photo's edges in a band along the mask's outline."""
    radius = max(2, round(0.008 * max(mask.shape)))
    guide = rgb.astype(np.float32) / np.float32(255)
    a, b = guided_coefficients(guide, mask, radius, 1e-4)
    smooth = np.einsum("hwc,hwc->hw", a, guide) + b
    alpha = np.asarray(np.clip((smooth - 0.2) / 0.7, 0, 1), np.float32)
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    solid = (mask > 0.5).astype(np.uint8)
    alpha[cv2.erode(solid, window) > 0] = 1
    alpha[cv2.dilate(solid, window) == 0] = 0
    return alpha


def _own_colours(rgb: RGB, alpha: NDArray[np.float32]) -> RGB:
    """The outline shows the person's own colours, continued from inside, not the old background."""
    half = scaled((alpha.shape[0], alpha.shape[1]), 0.5)
    inside = fill(resize(rgb, half).astype(np.float32), certain(resize(alpha, half)))
    mixed = alpha < 0.98
    colours = rgb.copy()
    colours[mixed] = resize(inside, alpha.shape[:2])[mixed].astype(np.uint8)
    return colours
