"""Copy-paste augmentation: people cut from their photos are pasted into other pictures.

Labeled photos show people large, upright, still and alone. Pasted people are smaller, tilted,
in motion, next to companions and before a crowd of distractors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize, scale_shape
from ...types import RGB
from ..cutout_image import CutoutImage, mirror_and_tone, paste, premultiply, soft_edge, trim_to_mask
from ..types import Rng
from .deform import add_trailing_cloth, bend
from .geometry import Stack, random_crop
from .options import (
    DEFAULT_COLOR,
    DEFAULT_COPY_PASTE,
    DEFAULT_CROWD,
    DEFAULT_DEFORMATION,
    DEFAULT_GEOMETRY,
    BackgroundReplacement,
    ColorAugmentation,
    CopyPaste,
    CrowdOptions,
    Deformation,
    GeometryAugmentation,
)

_DEFAULT_REPLACEMENT = BackgroundReplacement()

_OPAQUE = 255
"""Full alpha of the cut-outs here."""


@dataclass(frozen=True)
class PastingNumbers:
    """What decides how people are pasted: see `augment.options`."""

    copy_paste: CopyPaste = DEFAULT_COPY_PASTE
    deformation: Deformation = DEFAULT_DEFORMATION
    geometry: GeometryAugmentation = DEFAULT_GEOMETRY
    color: ColorAugmentation = DEFAULT_COLOR


DEFAULT_PASTING = PastingNumbers()
"""How people are pasted where a recipe does not say."""


def cut_out_person(
    stack: Stack, edge_gain: float = DEFAULT_COPY_PASTE.edge_gain
) -> CutoutImage | None:
    """The person of a photo (first truth, uint8 mask), trimmed; None where there is none."""
    mask = stack.truths[0]
    solid = mask > 127
    if np.count_nonzero(solid) < 100:
        return None
    alpha = soft_edge(mask, edge_gain)[..., None]
    rgba = np.concatenate([stack.rgb.astype(np.float32), alpha * 255], axis=2)
    touches = frozenset({"bottom"}) if solid[-2:].any() else frozenset[str]()
    return CutoutImage(trim_to_mask(rgba, solid), touches)


def paste_people(
    rng: Rng,
    people: list[CutoutImage],
    distractors: list[CutoutImage],
    background: RGB,
    landscape: bool,
    crowd: CrowdOptions = DEFAULT_CROWD,
    numbers: PastingNumbers = DEFAULT_PASTING,
) -> Stack:
    """Paste people into another picture.

    Parameters
    ----------
    rng : numpy.random.Generator
    people : list of CutoutImage
        The people of the portrait.
    distractors : list of CutoutImage
        People for the crowd behind, none of them cut off by their frame; may be empty.
    background : ndarray
        uint8 (H, W, 3), a photo without people.
    landscape : bool
        Orientation of the picture.
    crowd : CrowdOptions
        How people and distractors stand.
    numbers : PastingNumbers
        How people are varied.

    Returns
    -------
    Stack
        The picture, `long_side` pixels on its longer side, and the common mask of `people`,
        uint8.
    """
    how = numbers.copy_paste
    aspect = rng.uniform(*how.aspect)
    size = how.long_side, round(how.long_side / aspect)
    shape = size[::-1] if landscape else size
    scene = random_crop(
        rng, Stack(background, ()), landscape, how.background_crop_area, geometry=numbers.geometry
    ).rgb
    picture = np.asarray(resize(scene, shape), np.float32)
    if rng.random() < how.background_blur_chance:
        sigma = rng.uniform(*how.background_blur)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
    alpha = np.zeros(shape, np.float32)
    height = rng.uniform(*how.height)
    if distractors:
        rows = 2 if rng.random() < how.two_rows_chance else 1
        for far in np.sort(rng.uniform(*crowd.distractor_height, rows)):
            picture = _add_distractors(rng, picture, distractors, height * far, how)
    columns = [0.5] if len(people) == 1 else rng.permutation(np.linspace(*how.columns, len(people)))
    ground = rng.uniform(*how.ground) if crowd.aligned else None
    spread = how.aligned_height_spread if crowd.aligned else how.height_spread
    for person, column in zip(people, columns, strict=True):
        tall = height * rng.uniform(*spread)
        placed = place_person(rng, person, shape, tall, column, ground, numbers)
        own = placed[..., 3] / _OPAQUE
        picture = np.asarray(placed[..., :3] + picture * (1 - own[..., None]), np.float32)
        alpha = np.asarray(own + alpha * (1 - own), np.float32)
    rgb = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Stack(rgb, (np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8),))


def _add_distractors(
    rng: Rng,
    picture: NDArray[Any],
    distractors: list[CutoutImage],
    far: float,
    how: CopyPaste,
) -> NDArray[Any]:
    """A row of whole people, about `far` of the picture's height; sometimes out of focus."""
    height, width = picture.shape[:2]
    ground = height * rng.uniform(*how.row_ground)
    count = int(rng.integers(*how.row_count, endpoint=True))
    for share in rng.permutation(np.linspace(*how.row_columns, count)):
        rgba = premultiply(distractors[int(rng.integers(len(distractors)))].rgba, _OPAQUE)
        scale = far * height * rng.uniform(*how.row_height_spread) / len(rgba)
        if rng.random() < how.seated_chance:
            rgba = rgba[
                : round(rng.uniform(*how.seated_part) * len(rgba))
            ]  # seated, or half hidden
        rgba = np.asarray(resize(rgba, scale_shape(rgba.shape[:2], scale)), np.float32)
        rows, columns = rgba.shape[:2]
        corner = round(ground) - rows, round(share * width - columns / 2)
        paste(picture, rgba, corner, _OPAQUE)
    if rng.random() < how.row_blur_chance:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*how.row_blur))
    return np.asarray(picture, np.float32)


def place_person(
    rng: Rng,
    person: CutoutImage,
    shape: tuple[int, int],
    height: float,
    column: float,
    ground: float | None = None,
    numbers: PastingNumbers = DEFAULT_PASTING,
) -> NDArray[Any]:
    """Draw a person alone on a sheet of (H, W) = `shape` pixels.

    Parameters
    ----------
    rng : numpy.random.Generator
    person : CutoutImage
        A person that its photo's lower frame cut off stands on the lower frame again.
    shape : tuple of int
        (H, W).
    height : float
        The person's height as a share of the sheet's.
    column : float
        Where the person's middle is, about, as a share of the width.
    ground : float, optional
        Share of the free rows that lie above a whole person, else drawn.
    numbers : PastingNumbers
        How the person is varied.

    Returns
    -------
    ndarray
        float32 (H, W, 4), colors times alpha, both 0 to 255.
    """
    rgba = premultiply(person.rgba, _OPAQUE)
    how, deformation = numbers.copy_paste, numbers.deformation
    rgba = bend(rng, rgba, deformation) if rng.random() < deformation.bend_chance else rgba
    if rng.random() < deformation.cloth_chance:
        rgba = add_trailing_cloth(rng, rgba, deformation)
    scale = min(height * shape[0] / rgba.shape[0], how.widest * shape[1] / rgba.shape[1])
    rgba = np.asarray(resize(rgba, scale_shape(rgba.shape[:2], scale)), np.float32)
    rgba = mirror_and_tone(rng, rgba, how.tone_chance, how.mirror_chance, numbers.color)
    rows, columns = rgba.shape[:2]
    is_cut = "bottom" in person.touches
    wild = not is_cut and rng.random() < how.large_tilt_chance
    angle = rng.normal(0, how.large_tilt_degrees if wild else how.tilt_degrees)
    matrix = cv2.getRotationMatrix2D((columns / 2, rows if is_cut else rows / 2), angle, 1.0)
    # Tilted, one lower corner of a cut person would lift: all of it goes below the frame.
    lift = columns / 2 * abs(np.sin(np.radians(angle)))
    lower = shape[0] - rows
    if is_cut:
        bottom = lower + lift
    else:
        bottom = lower * (rng.uniform(*how.ground) if ground is None else ground)
    left = (column + rng.uniform(-how.column_offset, how.column_offset)) * shape[1] - columns / 2
    matrix[:, 2] += left, bottom
    sheet = cv2.warpAffine(np.ascontiguousarray(rgba), matrix, shape[::-1])
    moves = rng.random() < how.motion_blur_chance
    return _motion_blur(rng, sheet, rows, how.motion_blur) if moves else sheet


def _motion_blur(
    rng: Rng, sheet: NDArray[Any], rows: int, lengths: tuple[float, float]
) -> NDArray[Any]:
    """Smeared along a line of these least and largest shares of the person's height."""
    length = max(3, round(rng.uniform(*lengths) * rows))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    first, last = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, first.tolist(), last.tolist(), 1.0)
    moved: NDArray[Any] = cv2.filter2D(sheet, -1, kernel / kernel.sum())
    return moved


def replace_background(
    rng: Rng,
    stack: Stack,
    background: RGB,
    replacement: BackgroundReplacement = _DEFAULT_REPLACEMENT,
    numbers: PastingNumbers = DEFAULT_PASTING,
) -> Stack:
    """Put the person (first truth, uint8 mask) in front of another picture."""
    height, width = stack.rgb.shape[:2]
    scene = random_crop(
        rng, Stack(background, ()), width > height, replacement.crop_area, geometry=numbers.geometry
    ).rgb
    scene = np.asarray(resize(scene, (height, width)), np.uint8)
    if rng.random() < replacement.blur_chance:
        sigma = rng.uniform(*replacement.blur)
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma), np.uint8)
    alpha = soft_edge(stack.truths[0], numbers.copy_paste.edge_gain)[..., None]
    mixed = stack.rgb * alpha + scene * (1 - alpha)
    return replace(stack, rgb=np.asarray(mixed + 0.5, np.uint8))
