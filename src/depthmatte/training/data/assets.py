"""The assets of composite scenes: people, objects and backgrounds of one split.

`Assets` lists files and reads them when a scene needs them. Depth and stereo scenes take two
well-masked sets at 512 pixels and cut people along the mask. Hard scenes take every set with
good masks at 900 pixels, refine the outline along the photo's edges, and let the test split
draw from `eval` folders too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import Box, resize, scale_shape
from ...effects.foreground import layer_certainty
from ...errors import InputError
from ...filters import fill_pull_push, guided_coefficients
from ...types import RGB, Float
from ..cutout_image import CutoutImage, resize_rgba, sides_touched, soft_edge
from ..types import RGBA, Rng
from .folders import (
    LabeledPhoto,
    list_files,
    list_labeled,
    list_pairs,
    list_pictures,
    read_gray,
    read_rgb,
    read_rgba,
    trim_rgba,
)
from .splits import (
    VALIDATION_EVERY,
    Split,
    is_in_split,
    list_backgrounds,
    list_cutouts,
    list_objects,
    split_files,
)

GROUP_SETS = ("vikram", "pennfudan")
"""Sets whose masks show several people."""

_ROUGH_MASK_SETS = (*GROUP_SETS, "idphoto")
"""Sets whose masks are too rough to cut people from."""

_STANDING_SET, _PORTRAIT_SET = "ccp", "picsart"
"""Sets of depth scenes: people from head to foot, people cut off by the frame."""

_MAX_TRIES = 80
"""Draws before a kind of person is taken for absent."""

_SMALL_SIDE, _LARGE_SIDE, _GROUP_SIDE = 512, 900, 384
"""Pixels on the longer side of the assets of depth scenes, hard scenes and groups, at most."""

_EDGE_GAIN = 1.7
"""Slope of a cut-out's edge (`cutout_image.soft_edge`)."""


@dataclass(frozen=True)
class PersonOutline:
    """What a mask alone tells: the sides that cut the person off, and height over width."""

    touches: frozenset[str]
    aspect: float

    @property
    def is_standing(self) -> bool:
        """Whether the person is shown from head to foot."""
        return not self.touches and self.aspect > 1.7


@dataclass(frozen=True)
class Assets:
    """The people, objects and backgrounds of one split.

    `portraits` are unlabeled photos of people, `max_side` is the largest side in pixels of what
    is read, `notes` names the optional folders that are missing.
    """

    root: Path
    people: list[LabeledPhoto]
    cutouts: list[Path]
    portraits: list[Path]
    backgrounds: list[Path]
    objects: list[Path]
    max_side: int
    notes: tuple[str, ...] = ()

    @classmethod
    def for_depth_scenes(cls, data: Path, split: Split) -> Assets:
        """The assets of depth and stereo scenes.

        Training and test draw from different people, objects and backgrounds. Raises InputError
        for a folder that is missing or too small.
        """
        backgrounds, cutouts = list_backgrounds(data, split), list_cutouts(data, split)
        people = [
            item
            for group in (_PORTRAIT_SET, _STANDING_SET)
            for index, item in enumerate(list_labeled(data, group))
            if is_in_split(index, split, VALIDATION_EVERY)
        ]
        objects = list_objects(data, split)
        return cls(data, people, cutouts, [], backgrounds, objects, _SMALL_SIDE)

    @classmethod
    def for_hard_scenes(cls, data: Path, split: Split) -> Assets:
        """The assets of hard scenes.

        Training and test share no person, object or background. The test split adds the `eval`
        folders, which training never opens. Raises InputError without people or backgrounds.
        """
        list_files(data)  # says so where there is no such folder
        people = _list_well_masked(data, split)
        backgrounds = split_files(list_pictures(data / "backgrounds"), split)
        if not people:
            raise InputError(
                f"{data}: no people for the {split} split; put photos into "
                f"people/SET/{'eval' if split == 'test' else 'train'}/images with masks/"
            )
        if not backgrounds:
            raise InputError(
                f"{data}: no backgrounds for the {split} split; add people-free photos"
            )
        optional = {
            name: split_files(list_pictures(data / name), split)
            for name in ("cutouts", "people/npm_photos", "objects")
        }
        notes = tuple(
            f"{data / name}: no files for the {split} split; scenes go without them"
            for name, found in optional.items()
            if not found
        )
        cutouts, portraits, objects = optional.values()
        return cls(data, people, cutouts, portraits, backgrounds, objects, _LARGE_SIDE, notes)

    @classmethod
    def for_groups(cls, data: Path, split: Split, people: list[LabeledPhoto]) -> Assets:
        """The assets of scenes of groups, with these people.

        Training and test share no cut-out, object or background. Raises InputError for a folder of
        backgrounds that is missing or too small.
        """
        single = [item for item in people if item.group not in GROUP_SETS and not item.is_cutout]
        cutouts, objects = (
            split_files(list_pictures(data / name), split) for name in ("cutouts", "objects")
        )
        backgrounds = list_backgrounds(data, split)
        return cls(data, single, cutouts, [], backgrounds, objects, _GROUP_SIDE)

    @cached_property
    def _standing_set(self) -> list[LabeledPhoto]:
        return [item for item in self.people if item.group == _STANDING_SET]

    @cached_property
    def _portrait_set(self) -> list[LabeledPhoto]:
        return [item for item in self.people if item.group == _PORTRAIT_SET]

    def draw_background(self, rng: Rng) -> RGB:
        """A people-free photo."""
        return load_photo(pick_random(rng, self.backgrounds), self.max_side)

    def draw_object(self, rng: Rng) -> CutoutImage | None:
        """Some object; None where the data folder has none."""
        if not self.objects:
            return None
        return load_cutout(pick_random(rng, self.objects), self.max_side)

    def draw_from_sets(self, rng: Rng, standing: bool) -> CutoutImage:
        """A person of the depth scenes' own sets, cut along the mask.

        A standing person is much taller than wide, so desks among the cut-outs fall out. Others
        are cut off where their photo was.
        """
        if not standing:
            return cut_along_mask(pick_random(rng, self._portrait_set), self.max_side)
        for _ in range(20):
            if rng.random() < 0.6:
                person = load_cutout(pick_random(rng, self.cutouts), self.max_side)
            else:
                person = cut_along_mask(pick_random(rng, self._standing_set), self.max_side)
            if person.is_upright:
                return person
        raise InputError("the cut-outs hold no standing person; give the data folder")

    def draw_standing(self, rng: Rng) -> CutoutImage | None:
        """A person from head to foot, cut from a photo along its edges."""
        return self._draw_person(rng, lambda outline: outline.is_standing)

    def draw_portrait(
        self, rng: Rng, accepts: Callable[[PersonOutline], bool]
    ) -> CutoutImage | None:
        """A person cut off by the lower frame, cut from a photo along its edges."""
        return self._draw_person(
            rng, lambda outline: "bottom" in outline.touches and accepts(outline)
        )

    def draw_distant(self, rng: Rng, rows: float) -> CutoutImage | None:
        """A standing person `rows` pixels high; small cut-outs serve for small people only."""
        large = rows > 420 or not self.cutouts
        for _ in range(_MAX_TRIES if self.cutouts else 0):
            if large or rng.random() < 0.3:
                break
            person = load_cutout(pick_random(rng, self.cutouts), self.max_side)
            if person.is_upright:
                return person
        return self.draw_standing(rng)

    def draw_picture(self, rng: Rng) -> tuple[RGB, Path]:
        """A whole photo of people, and its file."""
        if self.portraits and rng.random() < 0.5:
            path = pick_random(rng, self.portraits)
        else:
            path = pick_random(rng, self.people).photo
        return load_photo(path, self.max_side), path

    def draw_picture_or_background(self, rng: Rng) -> RGB:
        """A whole photo at full size: mostly people, sometimes a place without any."""
        if rng.random() < 0.8:
            item: LabeledPhoto = pick_random(rng, self.people)
            return item.read()[0]
        return self.draw_background(rng)

    def name(self, path: Path) -> str:
        """A file's name relative to the data folder."""
        return path.relative_to(self.root).as_posix()

    def _draw_person(
        self, rng: Rng, accepts: Callable[[PersonOutline], bool]
    ) -> CutoutImage | None:
        for _ in range(_MAX_TRIES):
            item: LabeledPhoto = pick_random(rng, self.people)
            outline = _outline(item)
            if outline is not None and accepts(outline):
                return CutoutImage(
                    _cut_along_edges(item, self.max_side), outline.touches, item.photo
                )
        return None


def pick_random(rng: Rng, sequence: list[Any]) -> Any:
    """One of a list."""
    return sequence[int(rng.integers(len(sequence)))]


@lru_cache(maxsize=600)
def load_cutout(path: Path, max_side: int) -> CutoutImage:
    """An RGBA file, kept small and in memory."""
    return CutoutImage(_shrink(read_rgba(path), max_side), source=path)


@lru_cache(maxsize=300)
def load_photo(path: Path, max_side: int) -> RGB:
    """A photo, kept small and in memory."""
    return _shrink(read_rgb(path), max_side)


@lru_cache(maxsize=2000)
def cut_along_mask(item: LabeledPhoto, max_side: int) -> CutoutImage:
    """A labeled photo cut out along its mask, drawn in a little."""
    rgb, mask = item.read()
    alpha = (soft_edge(mask, _EDGE_GAIN) * 255).astype(np.uint8)
    return CutoutImage(_shrink(trim_rgba(np.dstack([rgb, alpha])), max_side), source=item.photo)


@lru_cache(maxsize=300)
def _cut_along_edges(item: LabeledPhoto, max_side: int) -> RGBA:
    """A labeled photo cut out along the photo's own edges."""
    mask = _single_person(item)
    assert mask is not None
    rgb = _shrink(read_rgb(item.photo), max_side)
    mask = np.asarray(resize(mask, rgb.shape[:2]), np.uint8)
    around = Box.bounding(mask > 127, 12).slices
    rgb = np.ascontiguousarray(rgb[around])
    alpha = _refine_outline(rgb, mask[around].astype(np.float32) / np.float32(255))
    return trim_rgba(np.dstack([_own_colors(rgb, alpha), (alpha * 255 + 0.5).astype(np.uint8)]))


def _list_well_masked(data: Path, split: Split) -> list[LabeledPhoto]:
    """Photos with good masks; every `VALIDATION_EVERY`-th of a training folder is for tests."""
    found: list[LabeledPhoto] = []
    for folder in sorted((data / "people").glob("*")):
        if folder.name in _ROUGH_MASK_SETS:
            continue
        trained = list_pairs(folder / "train", folder.name)
        found += [
            item
            for index, item in enumerate(trained)
            if is_in_split(index, split, VALIDATION_EVERY)
        ]
        if split == "test":
            found += list_pairs(folder / "eval", folder.name)
    return found


@lru_cache(maxsize=4000)
def _outline(item: LabeledPhoto) -> PersonOutline | None:
    """The outline of a labeled photo; None where the mask is no single person."""
    mask = _single_person(item)
    if mask is None:
        return None
    touches = sides_touched(mask > 127, max(1, round(0.008 * max(mask.shape))))
    height, width = Box.bounding(mask > 127, 0).shape
    return PersonOutline(touches, height / width)


def _single_person(item: LabeledPhoto) -> NDArray[np.uint8] | None:
    """The mask's one large part, uint8; None where there are several or none."""
    assert isinstance(item.mask, Path)
    mask = read_gray(item.mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 127).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or areas.max() < max(0.985 * areas.sum(), 0.04 * mask.size):
        return None
    return np.where(labels == 1 + int(areas.argmax()), mask, 0).astype(np.uint8)


def _refine_outline(rgb: RGB, mask: Float) -> Float:
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


def _own_colors(rgb: RGB, alpha: Float) -> RGB:
    """The outline in the person's own colors, continued from inside, not the old background's."""
    half = scale_shape((alpha.shape[0], alpha.shape[1]), 0.5)
    inside = fill_pull_push(
        resize(rgb, half).astype(np.float32), layer_certainty(resize(alpha, half))
    )
    mixed = alpha < 0.98
    colors = rgb.copy()
    colors[mixed] = resize(inside, alpha.shape[:2])[mixed].astype(np.uint8)
    return colors


def _shrink(picture: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """At most `max_side` pixels on the longer side: a canvas shows no more anyway."""
    scale = max_side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    if picture.shape[2] == 4:
        return resize_rgba(picture, picture.shape[0] * scale)
    height, width = picture.shape[:2]
    return np.asarray(resize(picture, scale_shape((height, width), scale)), np.uint8)
