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

PASTED_LONG_SIDE = 512
"""Pixels on the longer side of the picture that is made."""

_GROUND_SHARE = (0.2, 1.0)
"""Share of the free rows of a picture that lie above a whole person."""

_HEIGHT_SPREAD, _ALIGNED_HEIGHT_SPREAD = (0.9, 1.1), (0.95, 1.05)
"""How tall people of one picture are relative to one another, and aligned ones."""

_TWO_ROWS_SHARE = 0.35
"""Share of crowds that stand in two rows."""

_MOTION_BLUR_SHARE = 0.3
"""Share of people in motion while the shutter was open."""

_LARGE_TILT_SHARE = 0.2
"""Share of whole people that lean far: dancing, falling, lying."""

_BEND_SHARE = 0.35
"""Share of people that are bent: swaying, their arms reaching out, up or down."""

_CLOTH_SHARE = 0.25
"""Share of people with trailing cloth."""

_TONE_SHARE = 0.5
"""Share of people in other light than the picture."""

_EDGE_GAIN = 1.6
"""Slope of a cut-out's edge (`cutout_image.soft_edge`)."""

_OPAQUE = 255
"""Full alpha of the cut-outs here."""


@dataclass(frozen=True)
class CrowdOptions:
    """The other people in a copy-paste picture.

    Attributes
    ----------
    companions : float
        Share of pictures with other people who belong to the portrait too.
    distractors : float
        Share of pictures with people farther away who do not.
    distractor_height : tuple of float
        Least and largest height of distractors, as shares of the portrait's height.
    aligned : bool
        Whether companions stand on one level with the person and are about equally tall.
    """

    companions: float = 0.25
    distractors: float = 0.7
    distractor_height: tuple[float, float] = (0.25, 0.7)
    aligned: bool = False


DEFAULT_CROWD = CrowdOptions()
"""The other people in the portrait network's pictures."""


def cut_out_person(stack: Stack) -> CutoutImage | None:
    """The person of a photo (first truth, uint8 mask), trimmed; None where there is none."""
    mask = stack.truths[0]
    solid = mask > 127
    if np.count_nonzero(solid) < 100:
        return None
    alpha = soft_edge(mask, _EDGE_GAIN)[..., None]
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

    Returns
    -------
    Stack
        The picture, `PASTED_LONG_SIDE` pixels on its longer side, and the common mask of `people`,
        uint8.
    """
    aspect = rng.uniform(1.2, 1.85)
    size = PASTED_LONG_SIDE, round(PASTED_LONG_SIDE / aspect)
    shape = size[::-1] if landscape else size
    scene = random_crop(rng, Stack(background, ()), landscape, least=0.5).rgb
    picture = np.asarray(resize(scene, shape), np.float32)
    if rng.random() < 0.4:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3)), np.float32)
    alpha = np.zeros(shape, np.float32)
    height = rng.uniform(0.35, 1.0)
    if distractors:
        rows = 2 if rng.random() < _TWO_ROWS_SHARE else 1
        for far in np.sort(rng.uniform(*crowd.distractor_height, rows)):
            picture = _add_distractors(rng, picture, distractors, height * far)
    columns = [0.5] if len(people) == 1 else rng.permutation(np.linspace(0.3, 0.7, len(people)))
    ground = rng.uniform(*_GROUND_SHARE) if crowd.aligned else None
    spread = _ALIGNED_HEIGHT_SPREAD if crowd.aligned else _HEIGHT_SPREAD
    for person, column in zip(people, columns, strict=True):
        placed = place_person(rng, person, shape, height * rng.uniform(*spread), column, ground)
        own = placed[..., 3] / _OPAQUE
        picture = np.asarray(placed[..., :3] + picture * (1 - own[..., None]), np.float32)
        alpha = np.asarray(own + alpha * (1 - own), np.float32)
    rgb = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Stack(rgb, (np.clip(alpha * 255 + 0.5, 0, 255).astype(np.uint8),))


def _add_distractors(
    rng: Rng, picture: NDArray[Any], distractors: list[CutoutImage], far: float
) -> NDArray[Any]:
    """A row of whole people, about `far` of the picture's height; sometimes out of focus."""
    height, width = picture.shape[:2]
    ground = height * rng.uniform(0.55, 0.9)
    for share in rng.permutation(np.linspace(-0.05, 1.05, int(rng.integers(1, 12)))):
        rgba = premultiply(distractors[int(rng.integers(len(distractors)))].rgba, _OPAQUE)
        scale = far * height * rng.uniform(0.9, 1.1) / len(rgba)
        if rng.random() < 0.5:
            rgba = rgba[: round(rng.uniform(0.5, 0.7) * len(rgba))]  # seated, or half hidden
        rgba = np.asarray(resize(rgba, scale_shape(rgba.shape[:2], scale)), np.float32)
        rows, columns = rgba.shape[:2]
        corner = round(ground) - rows, round(share * width - columns / 2)
        paste(picture, rgba, corner, _OPAQUE)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.5))
    return np.asarray(picture, np.float32)


def place_person(
    rng: Rng,
    person: CutoutImage,
    shape: tuple[int, int],
    height: float,
    column: float,
    ground: float | None = None,
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

    Returns
    -------
    ndarray
        float32 (H, W, 4), colors times alpha, both 0 to 255.
    """
    rgba = premultiply(person.rgba, _OPAQUE)
    rgba = bend(rng, rgba) if rng.random() < _BEND_SHARE else rgba
    rgba = add_trailing_cloth(rng, rgba) if rng.random() < _CLOTH_SHARE else rgba
    scale = min(height * shape[0] / rgba.shape[0], 1.3 * shape[1] / rgba.shape[1])
    rgba = np.asarray(resize(rgba, scale_shape(rgba.shape[:2], scale)), np.float32)
    rgba = mirror_and_tone(rng, rgba, _TONE_SHARE)
    rows, columns = rgba.shape[:2]
    is_cut = "bottom" in person.touches
    wild = not is_cut and rng.random() < _LARGE_TILT_SHARE
    angle = rng.normal(0, 35 if wild else 6)
    matrix = cv2.getRotationMatrix2D((columns / 2, rows if is_cut else rows / 2), angle, 1.0)
    # Tilted, one lower corner of a cut person would lift: all of it goes below the frame.
    lift = columns / 2 * abs(np.sin(np.radians(angle)))
    lower = shape[0] - rows
    if is_cut:
        bottom = lower + lift
    else:
        bottom = lower * (rng.uniform(*_GROUND_SHARE) if ground is None else ground)
    left = (column + rng.uniform(-0.2, 0.2)) * shape[1] - columns / 2
    matrix[:, 2] += left, bottom
    sheet = cv2.warpAffine(np.ascontiguousarray(rgba), matrix, shape[::-1])
    return _motion_blur(rng, sheet, rows) if rng.random() < _MOTION_BLUR_SHARE else sheet


def _motion_blur(rng: Rng, sheet: NDArray[Any], rows: int) -> NDArray[Any]:
    """Smeared along a line of up to a twenty-fifth of the person's height."""
    length = max(3, round(rng.uniform(0.01, 0.04) * rows))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    reach = middle * np.array([np.cos(angle), np.sin(angle)])
    first, last = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, first.tolist(), last.tolist(), 1.0)
    moved: NDArray[Any] = cv2.filter2D(sheet, -1, kernel / kernel.sum())
    return moved


def replace_background(rng: Rng, stack: Stack, background: RGB) -> Stack:
    """Put the person (first truth, uint8 mask) in front of another picture."""
    height, width = stack.rgb.shape[:2]
    scene = random_crop(rng, Stack(background, ()), width > height, least=0.5).rgb
    scene = np.asarray(resize(scene, (height, width)), np.uint8)
    if rng.random() < 0.4:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 4)), np.uint8)
    alpha = soft_edge(stack.truths[0], _EDGE_GAIN)[..., None]
    mixed = stack.rgb * alpha + scene * (1 - alpha)
    return replace(stack, rgb=np.asarray(mixed + 0.5, np.uint8))
