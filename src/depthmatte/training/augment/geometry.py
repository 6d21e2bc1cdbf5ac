"""Augmentation that moves a photo and its truth maps together.

Every function takes a NumPy generator first, so a sample is a function of its random seed. A
`Stack` is the photo with its truth maps. Geometry acts on all of them with one matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...types import RGB, Values
from ..types import Rng
from .options import DEFAULT_GEOMETRY, GeometryAugmentation


@dataclass(frozen=True)
class Stack:
    """A photo uint8 (H, W, 3) and truth maps (H, W), all of one size."""

    rgb: RGB
    truths: tuple[Values, ...]


def random_crop(
    rng: Rng,
    stack: Stack,
    landscape: bool,
    least: float | None = None,
    whole: float = 0.0,
    geometry: GeometryAugmentation = DEFAULT_GEOMETRY,
) -> Stack:
    """Cut a window of the wanted orientation holding `least` to 1 of the largest such area.

    `least` is `geometry.crop_area` where it is not given.
    With the chance `whole` a photo that already has this orientation is left as it is.
    """
    height, width = stack.rgb.shape[:2]
    if (width > height) == landscape and rng.random() < whole:
        return stack
    least = geometry.crop_area if least is None else least
    aspect = rng.uniform(*(geometry.landscape_aspect if landscape else geometry.portrait_aspect))
    scale = np.sqrt(rng.uniform(least, 1.0)) if rng.random() < geometry.crop_chance else 1.0
    rows = min(height, width / aspect)
    size = max(8, round(rows * scale)), max(8, round(rows * aspect * scale))
    size = min(size[0], height), min(size[1], width)
    top = rng.integers(0, height - size[0] + 1)
    left = rng.integers(0, width - size[1] + 1)
    cut = slice(top, top + size[0]), slice(left, left + size[1])
    return Stack(stack.rgb[cut], tuple(t[cut] for t in stack.truths))


def random_flip(rng: Rng, stack: Stack, chance: float) -> Stack:
    """Mirror left to right with this chance."""
    if rng.random() < 1 - chance:
        return stack
    return Stack(stack.rgb[:, ::-1], tuple(t[:, ::-1] for t in stack.truths))


def random_quarter_turn(rng: Rng, stack: Stack, chance: float) -> Stack:
    """Turn a few photos by 90 degrees either way: cameras held sideways."""
    if rng.random() >= chance:
        return stack
    turns = int(rng.choice([1, 3]))
    return Stack(np.rot90(stack.rgb, turns), tuple(np.rot90(t, turns) for t in stack.truths))


def random_rotation(
    rng: Rng, stack: Stack, chance: float, geometry: GeometryAugmentation = DEFAULT_GEOMETRY
) -> Stack:
    """Rotate by a few degrees, scale and squeeze a little about the middle; edges mirrored."""
    if rng.random() >= chance:
        return stack
    height, width = stack.rgb.shape[:2]
    center = ((width - 1) / 2, (height - 1) / 2)
    degrees = rng.normal(0, geometry.rotation_degrees)
    scale = float(np.exp(rng.uniform(-geometry.zoom, geometry.zoom)))
    matrix = cv2.getRotationMatrix2D(center, degrees, scale)
    matrix[:, 0] *= np.exp(rng.uniform(-geometry.squeeze, geometry.squeeze))
    matrix[:, 2] += np.array(center) - matrix @ np.array([*center, 1.0])

    def move(array: Values, method: int) -> Values:
        moved: Values = cv2.warpAffine(
            np.ascontiguousarray(array),
            matrix,
            (width, height),
            flags=method,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return moved

    # Depth and validity must not blend across an outline; 8-bit masks may.
    truths = tuple(
        move(t, cv2.INTER_LINEAR if t.dtype == np.uint8 else cv2.INTER_NEAREST)
        for t in stack.truths
    )
    return Stack(move(stack.rgb, cv2.INTER_LINEAR), truths)


def random_geometry(
    rng: Rng,
    stack: Stack,
    landscape: bool,
    strength: float = 1.0,
    geometry: GeometryAugmentation = DEFAULT_GEOMETRY,
) -> Stack:
    """All geometric steps; the result has the wanted orientation.

    `strength` in [0, 1] scales how often each happens: low for a last phase on photos as
    they come.
    """
    stack = random_quarter_turn(rng, stack, geometry.quarter_turn_chance * strength)
    stack = random_crop(rng, stack, landscape, whole=1 - strength, geometry=geometry)
    stack = random_flip(rng, stack, geometry.flip_chance)
    return random_rotation(rng, stack, geometry.rotation_chance * strength, geometry)
