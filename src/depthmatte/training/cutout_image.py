"""Cut-outs: people and things cut from their pictures.

The assets of composite scenes give them, copy-paste augmentation makes them from labeled
photos, and a scene turns each into a layer (`scenes.layer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, resize
from ..types import Float
from .augment.color import random_tone
from .augment.options import DEFAULT_COLOR, ColorAugmentation
from .types import RGBA, Rng


@dataclass(frozen=True)
class CutoutImage:
    """A person or thing cut from its picture.

    Attributes
    ----------
    rgba : ndarray
        (h, w, 4), 0 to 255, straight alpha: uint8 as files hold it, or float32 where a soft
        edge was computed.
    touches : frozenset of str
        The sides ("top", "left", "right", "bottom") where the picture's frame cut it off.
    source : Path or None
        The file it came from.
    """

    rgba: NDArray[Any]
    touches: frozenset[str] = frozenset()
    source: Path | None = None

    @property
    def is_upright(self) -> bool:
        """Whether it is much taller than wide, as a standing person is."""
        return bool(self.rgba.shape[0] > 1.7 * self.rgba.shape[1])


def soft_edge(mask: NDArray[np.uint8], gain: float) -> Float:
    """A mask's alpha in [0, 1], float32 (H, W), with its outline drawn in and softened.

    The outline of a mask still shows the old background. `gain` is the slope of the new edge:
    1 leaves the outline where it is, more draws it in.
    """
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255
    return np.clip(soft * gain - (gain - 1), 0, 1)


def premultiply(rgba: NDArray[Any], opaque: float = 1.0) -> Float:
    """Straight RGBA, 0 to 255 -> float32 colors times alpha in [0, 255], alpha in [0, opaque]."""
    made = rgba.astype(np.float32)
    alpha = made[..., 3:] / 255
    made[..., :3] *= alpha
    made[..., 3:] = alpha if opaque == 1 else alpha * np.float32(opaque)
    return made


def resize_rgba(rgba: RGBA, height: float) -> RGBA:
    """Straight RGBA at a height in pixels; weighting by opacity keeps halos away."""
    rows = max(2, round(height))
    columns = max(2, round(rgba.shape[1] * rows / rgba.shape[0]))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    heavy = resize(np.dstack([rgba[..., :3] * alpha, alpha]), (rows, columns))
    alpha = heavy[..., 3:]
    color = heavy[..., :3] / np.maximum(alpha, 1e-3)
    return np.asarray(np.clip(np.dstack([color, alpha * 255]), 0, 255), np.uint8)


def trim_to_mask(rgba: NDArray[Any], solid: NDArray[np.bool_]) -> NDArray[Any]:
    """The rows and columns where anything is solid; all of them where nothing is."""
    box = Box.bounding(solid, 0)
    return np.ascontiguousarray(rgba[box.slices]) if box.height else rgba


def mirror_and_tone(
    rng: Rng,
    rgba: NDArray[Any],
    tone_chance: float,
    mirror_chance: float = 0.5,
    color: ColorAugmentation = DEFAULT_COLOR,
) -> NDArray[Any]:
    """Mirror some cut-outs, and give some other light than their picture had.

    uint8 has straight alpha, float32 colors times alpha, both 0 to 255.
    """
    rgba = rgba[:, ::-1] if rng.random() < mirror_chance else rgba
    if rng.random() >= tone_chance:
        return rgba
    if rgba.dtype == np.uint8:
        return np.dstack([random_tone(rng, rgba[..., :3], color), rgba[..., 3]])
    # The tone curve acts on colors before alpha.
    alpha = np.maximum(rgba[..., 3:], 1) / 255
    colors = np.clip(rgba[..., :3] / alpha, 0, 255).astype(np.uint8)
    toned = random_tone(rng, colors, color) * (rgba[..., 3:] / 255)
    return np.concatenate([toned, rgba[..., 3:]], 2)


def max_channel(rgb: Float) -> Float:
    """The largest of the first three channels, (h, w)."""
    return np.asarray(np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2]))


def sides_touched(mask: NDArray[np.bool_], margin: int) -> frozenset[str]:
    """The sides of its picture that a mask comes within `margin` pixels of."""
    strips = {
        "top": mask[:margin],
        "bottom": mask[-margin:],
        "left": mask[:, :margin],
        "right": mask[:, -margin:],
    }
    return frozenset(name for name, strip in strips.items() if strip.any())


def overlap(
    frame: tuple[int, ...], size: tuple[int, ...], corner: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Where a picture of `size` with its first pixel at `corner` lies in a frame (h, w).

    Returns the slices of the frame and those of the picture; None where they do not meet.
    """
    top, left = corner
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(frame[0], top + size[0]), min(frame[1], left + size[1])
    if y0 >= y1 or x0 >= x1:
        return None
    return (
        (slice(y0, y1), slice(x0, x1)),
        (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)),
    )


def paste(
    picture: NDArray[Any], rgba: NDArray[Any], corner: tuple[int, int], opaque: float = 1.0
) -> None:
    """Paste colors times alpha into a picture in place, cut at its frame.

    `opaque` is the value of a full alpha.
    """
    found = overlap(picture.shape, rgba.shape, corner)
    if found is None:
        return
    here, part = found
    rest = 1 - rgba[part][..., 3:] / opaque
    picture[here] = picture[here] * rest + rgba[part][..., :3]
