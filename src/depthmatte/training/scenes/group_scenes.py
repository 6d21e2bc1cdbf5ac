"""Scenes of groups: people who stand apart, touch or overlap, each with a known mask and head.

They train the network of people. Masks are exact, because people are cut-outs on photos without
any. Where a head is, the parts network of this project says of each cut-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import from_canvas, resize, scale_shape
from ...photo import Photo
from ...segment.parts import PartsFinder
from ...types import RGB, Float, Mask
from ...values import PART_NAMES
from ..augment.color import random_tone
from ..augment.geometry import Stack, random_crop
from ..cutout_image import CutoutImage, overlap, premultiply
from ..data.assets import Assets, cut_along_mask, load_cutout, pick_random
from ..data.folders import LabeledPhoto
from ..types import Rng
from .options import DEFAULT_GROUP, GroupOptions

_HEAD_SHARE = 0.5
"""Share of hair and face in a pixel, from which it belongs to the head."""

_LEAST_HEAD = 0.004
"""Area of the head over that of the person, from which it is believed."""

_WHOLE = 0.97
"""Share of a cut-out's area that hangs together, from which it shows one person."""

_LEAST_SIDE = 16
"""Rows and columns of a cut-out, at least."""

_TALL = 1.3
"""Height over width of a cut-out, from which it shows a person who stands or sits."""

_MAX_TRIES = 30
"""Draws of a cut-out before a person is left out."""

_TOP_PART = 0.16
"""Part of a person's rows that is taken for the head where the parts network sees none."""


@dataclass(frozen=True)
class Head:
    """A head: its middle and radius, in pixels."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class GroupScene:
    """A picture of people.

    Attributes
    ----------
    rgb : ndarray
        uint8 (h, w, 3).
    owner : ndarray
        int32 (h, w), number of the person in each pixel from 1, 0 where there is nobody.
    heads : list of Head
        The head of each person; it may lie outside or behind another person.
    """

    rgb: RGB
    owner: NDArray[np.int32]
    heads: list[Head]


def find_head_in(finder: PartsFinder, rgb: RGB, alpha: Float) -> Head | None:
    """Find the head of one person by hair and face.

    Parameters
    ----------
    finder : PartsFinder
    rgb : ndarray
        uint8 (h, w, 3).
    alpha : ndarray
        Her opacity, float32 (h, w) in [0, 1].

    Returns
    -------
    Head or None
        None without a person. Where no hair and no face is seen, the top of her outline counts.
    """
    solid = alpha >= 0.5
    if not solid.any():
        return None
    shares = finder(Photo(rgb), alpha)
    if shares is not None:
        both = shares.maps[PART_NAMES.index("hair")] + shares.maps[PART_NAMES.index("face_skin")]
        head = from_canvas(both, shares.fit)
        seen = _largest_piece((head >= _HEAD_SHARE) & solid)
        if seen.sum() >= _LEAST_HEAD * solid.sum():
            return _circle(seen)
    return find_top(solid)


def find_top(mask: Mask) -> Head:
    """The top of an outline, bool (h, w) with any pixel, in place of a head that is not seen."""
    rows = np.flatnonzero(mask.any(axis=1))
    top = mask.copy()
    top[rows[0] + max(1, round(_TOP_PART * (rows[-1] - rows[0] + 1))) :] = False
    return _circle(top)


def _largest_piece(mask: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def _circle(mask: Mask) -> Head:
    rows, columns = np.nonzero(mask)
    return Head(
        float(columns.mean()) + 0.5, float(rows.mean()) + 0.5, float(np.sqrt(rows.size / np.pi))
    )


@lru_cache(maxsize=1)
def _parts_finder() -> PartsFinder:
    return PartsFinder()


@lru_cache(maxsize=4000)
def _head_of(person: _Source) -> Head | None:
    """The head of a cut-out, in its pixels; None where it shows no single person."""
    rgba = person.cut().rgba
    alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
    solid = alpha >= 0.5
    if _largest_piece(solid).sum() < _WHOLE * solid.sum() or min(solid.shape) < _LEAST_SIDE:
        return None
    return find_head_in(_parts_finder(), np.ascontiguousarray(rgba[..., :3]), alpha)


@dataclass(frozen=True)
class _Source:
    """Where a cut-out comes from: an RGBA file, or a photo with a mask."""

    file: Path | LabeledPhoto
    max_side: int

    def cut(self) -> CutoutImage:
        if isinstance(self.file, Path):
            return load_cutout(self.file, self.max_side)
        return cut_along_mask(self.file, self.max_side)


@dataclass
class _Person:
    """A person at her size, float32 (h, w, 4) with colors times alpha, and where she goes."""

    rgba: Float
    head: Head
    left: float = 0.0
    top: float = 0.0

    @property
    def height(self) -> int:
        return int(self.rgba.shape[0])

    @property
    def width(self) -> int:
        return int(self.rgba.shape[1])


def draw_group_scene(
    rng: Rng, assets: Assets, shape: tuple[int, int], options: GroupOptions = DEFAULT_GROUP
) -> GroupScene:
    """Draw a scene.

    Parameters
    ----------
    rng : numpy.random.Generator
    assets : Assets
        People, cut-outs, backgrounds and objects.
    shape : tuple of int
        (height, width) of the picture.
    options : GroupOptions
        How it is composed.

    Returns
    -------
    GroupScene
        Some show nobody.
    """
    picture = _draw_backdrop(rng, assets, shape, options)
    kind = rng.random()
    if kind < options.row_share:
        people = _stand_in_row(rng, assets, shape, options)
    elif kind < options.row_share + options.portrait_share:
        people = _line_portraits(rng, assets, shape, options)
    elif kind < 1 - options.empty_share:
        people = _scatter(rng, assets, shape, options)
    else:
        people = []
    owner = np.zeros(shape, np.int32)
    for number, person in enumerate(people, 1):
        _paint(picture, owner, person.rgba, round(person.top), round(person.left), number)
        if rng.random() < options.object_chance:
            _paint_object(rng, picture, owner, assets, person, options)
    heads = [
        Head(one.head.x + round(one.left), one.head.y + round(one.top), one.head.radius)
        for one in people
    ]
    return GroupScene(np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8), owner, heads)


def _draw_backdrop(
    rng: Rng, assets: Assets, shape: tuple[int, int], options: GroupOptions
) -> Float:
    scene = Stack(assets.draw_background(rng), ())
    scene = random_crop(rng, scene, shape[1] > shape[0], options.background_crop_area)
    picture = np.asarray(resize(scene.rgb, shape), np.uint8)
    if rng.random() < options.background_blur_chance:
        sigma = rng.uniform(*options.background_blur)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    return picture.astype(np.float32)


def _draw_person(
    rng: Rng, assets: Assets, height: float, options: GroupOptions, standing: bool
) -> _Person | None:
    """Some person at a height in pixels, mirrored at random and in another light.

    Among the RGBA cut-outs are desks and chairs; they are wider than people who stand or sit.
    """
    for _ in range(_MAX_TRIES):
        from_file = standing and assets.cutouts and rng.random() < options.cutout_share
        file = pick_random(rng, assets.cutouts if from_file else assets.people)
        source = _Source(file, assets.max_side)
        cut = source.cut()
        if standing and cut.rgba.shape[0] < _TALL * cut.rgba.shape[1]:
            continue
        head = _head_of(source)
        if head is not None:
            return _scaled(rng, cut, head, height, options)
    return None


def _scaled(
    rng: Rng, cut: CutoutImage, head: Head, height: float, options: GroupOptions
) -> _Person:
    rgba = cut.rgba
    if rng.random() < options.tone_chance:
        rgba = np.dstack([random_tone(rng, rgba[..., :3]), rgba[..., 3]])
    scale = max(height, 8.0) / rgba.shape[0]
    small = np.asarray(resize(premultiply(rgba), scale_shape(rgba.shape[:2], scale)), np.float32)
    down, across = small.shape[0] / rgba.shape[0], small.shape[1] / rgba.shape[1]
    x = head.x * across
    if rng.random() < 0.5:
        small, x = np.ascontiguousarray(small[:, ::-1]), small.shape[1] - x
    return _Person(small, Head(x, head.y * down, head.radius * down))


def _draw_people(
    rng: Rng, assets: Assets, heights: NDArray[np.float64], options: GroupOptions, standing: float
) -> list[_Person]:
    """People of these heights in pixels, a share of them standing."""
    drawn = (
        _draw_person(rng, assets, float(height), options, rng.random() < standing)
        for height in heights
    )
    return [person for person in drawn if person is not None]


def _stand_in_row(
    rng: Rng, assets: Assets, shape: tuple[int, int], options: GroupOptions
) -> list[_Person]:
    """People side by side, apart, touching or overlapping; the nearest, lowest last."""
    count = int(rng.integers(*options.people, endpoint=True))
    base = shape[0] * np.exp(rng.uniform(*np.log(options.row_height)))
    spread = np.exp(rng.normal(0, options.height_spread, count))
    people = _draw_people(rng, assets, base * spread, options, 0.9)
    at = 0.0
    for person, before in zip(people, [None, *people], strict=False):
        if before is not None:
            least = min(before.width, person.width)
            at += before.width + rng.uniform(*options.gap) * least
        person.left = at
    if not people:
        return people
    span = max(one.left + one.width for one in people)
    if span > shape[1] * options.widest_row:
        return _shrunk(people, shape, shape[1] * options.widest_row / span, rng, options)
    return _put_down(people, shape, rng, options)


def _shrunk(
    people: list[_Person], shape: tuple[int, int], scale: float, rng: Rng, options: GroupOptions
) -> list[_Person]:
    """The row made small enough for the picture."""
    smaller = []
    for one in people:
        rgba = np.asarray(resize(one.rgba, scale_shape(one.rgba.shape[:2], scale)), np.float32)
        head = Head(one.head.x * scale, one.head.y * scale, one.head.radius * scale)
        smaller.append(_Person(rgba, head, one.left * scale))
    return _put_down(smaller, shape, rng, options)


def _put_down(
    people: list[_Person], shape: tuple[int, int], rng: Rng, options: GroupOptions
) -> list[_Person]:
    """The row on the ground: who is larger stands lower, mostly; they are painted in an order."""
    span = max(one.left + one.width for one in people)
    tallest = max(one.height for one in people)
    left = (shape[1] - span) * rng.uniform(-0.1, 1.1) if span < shape[1] else (shape[1] - span) / 2
    floor = tallest + (shape[0] - tallest) * rng.uniform(*options.floor)
    for one in people:
        one.left += left
        one.top = floor - one.height - (tallest - one.height) * rng.uniform(0, 0.5)
    order = np.array([one.top + one.height for one in people]) / shape[0]
    order = order + rng.normal(0, options.order_spread, len(people))
    return [people[index] for index in np.argsort(order)]


def _line_portraits(
    rng: Rng, assets: Assets, shape: tuple[int, int], options: GroupOptions
) -> list[_Person]:
    """People whom the lower edge cuts off, side by side."""
    count = int(rng.integers(*options.portraits, endpoint=True))
    base = shape[0] * rng.uniform(*options.portrait_height)
    spread = np.exp(rng.normal(0, options.height_spread, count))
    people = _draw_people(rng, assets, base * spread, options, 0.1)
    columns = (np.arange(len(people)) + rng.uniform(0.2, 0.8, len(people))) / max(1, len(people))
    for one, column in zip(people, columns, strict=True):
        one.left = column * shape[1] - one.width / 2
        one.top = shape[0] - one.height * rng.uniform(*options.portrait_shown)
    return [people[index] for index in rng.permutation(len(people))]


def _scatter(
    rng: Rng, assets: Assets, shape: tuple[int, int], options: GroupOptions
) -> list[_Person]:
    """People of any size anywhere; the smaller behind."""
    count = int(rng.integers(*options.people, endpoint=True))
    low, high = np.log(options.scatter_height)
    heights = shape[0] * np.exp(rng.uniform(low, high, count))
    people = _draw_people(rng, assets, np.sort(heights), options, 0.7)
    for one in people:
        one.left = rng.uniform(-0.2, 1.0) * shape[1] - one.width * 0.3
        one.top = (shape[0] - one.height) * rng.uniform(*options.floor)
    return people


def _paint_object(
    rng: Rng,
    picture: Float,
    owner: NDArray[np.int32],
    assets: Assets,
    person: _Person,
    options: GroupOptions,
) -> None:
    """An object before a person. It belongs to nobody."""
    thing = assets.draw_object(rng)
    if thing is None:
        return
    height = person.height * rng.uniform(*options.object_height)
    rgba = premultiply(thing.rgba)
    scale = min(height / rgba.shape[0], 1.2 * person.width / rgba.shape[1])
    rgba = np.asarray(resize(rgba, scale_shape(rgba.shape[:2], scale)), np.float32)
    top = person.top + person.height * rng.uniform(*options.object_place) - rgba.shape[0] / 2
    left = person.left + person.width * rng.uniform(0, 1) - rgba.shape[1] / 2
    _paint(picture, owner, rgba, round(top), round(left), 0)


def _paint(
    picture: Float, owner: NDArray[np.int32], rgba: Float, top: int, left: int, number: int
) -> None:
    found = overlap(picture.shape, rgba.shape, (top, left))
    if found is None:
        return
    here, part = found
    alpha = rgba[part][..., 3]
    picture[here] = picture[here] * (1 - alpha[..., None]) + rgba[part][..., :3]
    owner[here][alpha >= 0.5] = number
