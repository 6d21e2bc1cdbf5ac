"""Composites with strands of hair and exact alpha, which the detail network learns from.

A person is cut from a labeled photo (with a teacher's soft outline) or read from an RGBA cut-out.
Strands of hair are drawn on her, she is put before another background, and the picture suffers what
pictures of real cameras do. `detail_patches` stores what the detail network sees of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...canvas import resize, scale_shape
from ...effects.foreground import estimate_foreground
from ...errors import InputError
from ...subjects.head import find_head
from ...system.printable_text import label
from ...types import RGB, Float
from ..augment.color import random_jpeg, random_noise, random_saturation, random_tone
from ..augment.drawn_backdrop import draw_backdrop
from ..augment.geometry import Stack, random_crop
from ..augment.options import ColorAugmentation
from ..augment.strands import STRAND_STYLES, draw_strands
from ..data.folders import (
    LabeledPhoto,
    label_file,
    list_files,
    read_gray,
    read_rgb,
    read_whole_rgba,
)
from ..data.matte_material import SampleRequest, gather_matte_material
from ..data.splits import Split, list_backgrounds
from ..data.teacher_band import refine_outline
from ..recipes.recipe_file import read_recipe_file
from ..types import Rng

_PHOTO_SETS = ("flickr", "ccp")
"""Sets with sharp photos, of which a teacher's mattes can be made."""

_STREET_SHARE = 0.15
"""Share of composites with a person of the street photos, whose heads are small."""

_CUTOUT_SHARE = 0.4
"""Share with a person of the soft cut-outs, which are the sharpest."""

_LONG_SIDE = (420, 1920)
"""Longer side of a composite, in pixels."""

_LARGEST_ENLARGEMENT = 3.2
"""Enlargement of a person, at most: beyond it nothing is sharp but the strands."""

_CLOSE_CHANCE, _CLOSE_HEADS = 0.6, (1.6, 4.0)
"""How often a composite shows the head from near, and how many heads high it is then."""

_STRAND_CHANCE = 0.8
"""How often strands are drawn."""

_TONE = ColorAugmentation(gamma_spread=0.25, contrast_spread=0.15)
"""How light and colors differ."""

_CAMERA = ColorAugmentation(noise_sigma=(1.0, 8.0), jpeg_quality=(55, 96))
"""Noise and compression."""

_MAX_TRIES = 20
"""People drawn for one composite before useless data is an error."""


@dataclass(frozen=True)
class CompositeMaterial:
    """People and backgrounds of one split.

    Attributes
    ----------
    portraits, street : list of LabeledPhoto
        Photos with masks.
    cutouts : list of Path
        RGBA cut-outs.
    backgrounds : list of Path
        Photos without people.
    labels : Path or None
        A teacher's mattes of the photos; without them only cut-outs are used.
    """

    portraits: list[LabeledPhoto]
    street: list[LabeledPhoto]
    cutouts: list[Path]
    backgrounds: list[Path]
    labels: Path | None

    @classmethod
    def of_split(cls, data: Path, labels: Path | None, split: Split) -> CompositeMaterial:
        """The people and backgrounds of one split; InputError without any.

        Of the people who are shown by several cut-outs, every third is held out with all of them.
        """
        photos = {name: [] for name in _PHOTO_SETS}  # type: dict[str, list[LabeledPhoto]]
        for item in _list_photos(data, split) if labels else ():
            if _has_matte(item, labels):
                photos[item.group].append(item)
        everyone = sorted(list_files(data / "cutouts_soft"))
        names = sorted({_person_name(path) for path in everyone})
        wanted = {one for one in names if (one in names[1::3]) == (split == "test")}
        cutouts = [path for path in everyone if _person_name(path) in wanted]
        if not cutouts and not any(photos.values()):
            raise InputError(
                f"{label(data)}: holds no soft cut-outs and no photos with mattes; add --labels"
            )
        portraits, street = (photos[name] for name in _PHOTO_SETS)
        return cls(portraits, street, cutouts, list_backgrounds(data, split), labels)

    def draw_person(self, rng: Rng) -> tuple[RGB, Float] | None:
        """Foreground colors and alpha of somebody; None where the teacher was not believed."""
        kind = rng.random()
        if self.cutouts and (kind < _CUTOUT_SHARE or not self.portraits):
            rgba = read_whole_rgba(self.cutouts[int(rng.integers(len(self.cutouts)))])
            alpha = rgba[..., 3].astype(np.float32) / np.float32(255)
            return estimate_foreground(np.ascontiguousarray(rgba[..., :3]), alpha), alpha
        street = self.street if kind > 1 - _STREET_SHARE and self.street else self.portraits
        item = street[int(rng.integers(len(street)))]
        return self.read_portrait(item)

    def read_portrait(self, item: LabeledPhoto) -> tuple[RGB, Float] | None:
        """A photo's person with the teacher's outline; None where it was not believed."""
        rgb, mask = item.read()
        assert self.labels is not None
        soft = refine_outline(mask, read_gray(label_file(self.labels, item.photo, ".png")))
        if not ((soft > 20) & (soft < 235)).any():
            return None
        alpha = soft.astype(np.float32) / np.float32(255)
        return estimate_foreground(rgb, alpha), alpha


def _list_photos(data: Path, split: Split) -> list[LabeledPhoto]:
    """The photos that the portrait network's own training trains on, or holds out."""
    recipe = read_recipe_file("matte")
    run = recipe.make_recipe(recipe.phases[0], {"data": (data,)})
    sets = tuple(one for one in run.sets if one.name in _PHOTO_SETS)
    material = gather_matte_material(SampleRequest((data,), sets))
    return material.validation if split == "test" else material.items


def _has_matte(item: LabeledPhoto, labels: Path | None) -> bool:
    return labels is not None and label_file(labels, item.photo, ".png").exists()


def _person_name(path: Path) -> str:
    return path.stem.partition("-")[0]


def draw_composite(
    rng: Rng,
    material: CompositeMaterial,
    long_side: tuple[int, int] = _LONG_SIDE,
    strand_chance: float = _STRAND_CHANCE,
) -> tuple[RGB, Float]:
    """A picture and its exact alpha.

    Parameters
    ----------
    rng : numpy.random.Generator
    material : CompositeMaterial
        People and backgrounds.
    long_side : tuple of int
        Least and largest longer side in pixels.
    strand_chance : float
        How often strands are drawn, from 0 to 1.

    Returns
    -------
    tuple of ndarray
        uint8 (H, W, 3) and float32 (H, W) in [0, 1].
    """
    for _ in range(_MAX_TRIES):
        person = material.draw_person(rng)
        if person is not None:
            break
    else:
        raise InputError("labels: hold no matte that agrees with its mask; make them again")
    colors, alpha = _vary_person(rng, *person, long_side)
    if rng.random() < strand_chance:
        chosen = rng.choice(len(STRAND_STYLES), int(rng.integers(1, 3)), replace=False)
        for index in chosen:
            amount = rng.uniform(0.4, 1.2)
            colors, alpha = draw_strands(rng, colors, alpha, STRAND_STYLES[index], amount)
    scene = draw_scene(rng, material.backgrounds, alpha.shape)
    own = alpha[..., None]
    mixed = colors * own + scene * (1 - own)
    return suffer_camera(rng, np.asarray(mixed, np.float32), alpha)


def _vary_person(
    rng: Rng, colors: RGB, alpha: Float, long_side: tuple[int, int]
) -> tuple[RGB, Float]:
    """The person or her head at another size, mirrored and in another light."""
    head = find_head(alpha)
    if head is not None and head.height > 24 and rng.random() < _CLOSE_CHANCE:
        rows = round(head.height * rng.uniform(*_CLOSE_HEADS))
        columns = round(rows * rng.uniform(0.65, 1.1))
        top = max(0, round(head.top - rng.uniform(0.1, 0.5) * head.height))
        left = max(0, round(head.left + head.width / 2 - columns * rng.uniform(0.35, 0.65)))
        here = slice(top, top + rows), slice(left, left + columns)
        colors, alpha = colors[here], alpha[here]
    if rng.random() < 0.5:
        colors, alpha = colors[:, ::-1], alpha[:, ::-1]
    if rng.random() < 0.6:
        colors = random_tone(rng, colors, _TONE)
    longest = max(alpha.shape)
    wanted = np.exp(rng.uniform(*np.log(long_side)))
    scale = float(np.clip(wanted / longest, 0, _LARGEST_ENLARGEMENT))
    shape = scale_shape(alpha.shape, scale)
    heavy = np.dstack([colors * alpha[..., None], alpha]).astype(np.float32)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    heavy = np.asarray(cv2.resize(heavy, shape[::-1], interpolation=method), np.float32)
    alpha = np.clip(heavy[..., 3], 0, 1)
    colors = np.clip(heavy[..., :3] / np.maximum(heavy[..., 3:], 1e-2), 0, 255).astype(np.uint8)
    if scale > 1:  # edges as sharp as those of a large photo
        gain = np.float32(rng.uniform(1, scale))
        alpha = np.clip((alpha - np.float32(0.5)) * gain + np.float32(0.5), 0, 1)
        soft = cv2.GaussianBlur(colors, (0, 0), scale)
        colors = np.asarray(cv2.addWeighted(colors, 1.6, soft, -0.6, 0), np.uint8)
    return _continue_colors(colors, alpha), np.asarray(alpha, np.float32)


def _continue_colors(colors: RGB, alpha: Float) -> RGB:
    """Colors with the nearest visible one where nothing is visible: strands are drawn there."""
    hidden = (alpha < 0.05).astype(np.uint8)
    if not hidden.any() or hidden.all():
        return colors
    _, nearest = cv2.distanceTransformWithLabels(
        hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    owner[nearest[hidden == 0]] = colors[hidden == 0]
    return np.asarray(owner[nearest], np.uint8)


def draw_scene(rng: Rng, backgrounds: list[Path], shape: tuple[int, ...]) -> Float:
    """A background of this (H, W), sometimes out of focus: float32 (H, W, 3), 0 to 255."""
    height, width = shape[:2]
    if not backgrounds or rng.random() < 0.12:
        picture = draw_backdrop(rng, (height, width))
    else:
        picture = read_rgb(backgrounds[int(rng.integers(len(backgrounds)))])
        picture = random_crop(rng, Stack(picture, ()), width > height, 0.4).rgb
        scale = max(height / picture.shape[0], width / picture.shape[1])
        size = [max(side, least) for side, least in zip(
            scale_shape(picture.shape[:2], scale), (height, width), strict=True
        )]  # fmt: skip
        picture = np.asarray(resize(picture, (size[0], size[1])), np.uint8)
        top, left = (int(rng.integers(side - least + 1)) for side, least in zip(
            size, (height, width), strict=True
        ))  # fmt: skip
        picture = np.ascontiguousarray(picture[top : top + height, left : left + width])
        if rng.random() < 0.5:
            sigma = max(height, width) * np.exp(rng.uniform(np.log(0.0008), np.log(0.015)))
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    if rng.random() < 0.4:
        picture = random_tone(rng, picture, _TONE)
    return picture.astype(np.float32)


def suffer_camera(rng: Rng, mixed: Float, alpha: Float) -> tuple[RGB, Float]:
    """Blur, another size, light, noise and compression; what moves light moves alpha too."""
    if rng.random() < 0.5:
        sigma = rng.uniform(0.3, 1.1)
        mixed, alpha = (cv2.GaussianBlur(one, (0, 0), sigma) for one in (mixed, alpha))  # type: ignore[assignment]
    if rng.random() < 0.25:
        small = scale_shape(alpha.shape, rng.uniform(0.6, 0.95))
        mixed, alpha = (resize(resize(one, small), alpha.shape[:2]) for one in (mixed, alpha))
    rgb = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        rgb = random_tone(rng, rgb, _TONE)
    if rng.random() < 0.2:
        rgb = random_saturation(rng, rgb, _TONE)
    if rng.random() < 0.5:
        rgb = random_noise(rng, rgb, _CAMERA)
    if rng.random() < 0.8:
        rgb = random_jpeg(rng, rgb, _CAMERA)
    return np.ascontiguousarray(rgb), np.asarray(np.clip(alpha, 0, 1), np.float32)
