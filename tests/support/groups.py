"""Groups of people whose masks are known: cut-outs that touch and overlap on a background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.types import RGB

RGBA = NDArray[np.uint8]

_EYE_HEIGHT = 1.55
"""Height of the camera above the floor, in meters."""

_MIN_SHOWN = 0.25
"""Share of a person that must be in sight to count."""


@dataclass(frozen=True)
class Group:
    """A photo (H, W, 3) of people, the nearest last.

    `masks` are bool (H, W), what is in sight of each; `meters` is float32 (H, W).
    """

    rgb: RGB
    masks: list[NDArray[np.bool_]]
    meters: NDArray[np.float32]


def draw_group(
    rng: np.random.Generator,
    draw_person: Callable[[], RGBA],
    background: RGB,
    count: int,
    shape: tuple[int, int] = (540, 720),
) -> Group:
    """Place people abreast before a background; each touches, overlaps or misses the next.

    Who touches the next stands beside him, at about the same distance. Who overlaps stands
    before or behind him, half of the times at nearly the same distance.
    """
    rgbs = [draw_person() for _ in range(count)]
    heights = rng.uniform(1.55, 1.95, count)
    z = np.empty(count)
    z[0] = rng.uniform(2.6, 4.5)
    lefts = np.zeros(count)
    widths = np.array([h * p.shape[1] / p.shape[0] for h, p in zip(heights, rgbs, strict=True)])
    for i in range(1, count):
        how = rng.choice(["touch", "overlap", "overlap", "apart"])
        if how == "touch":
            z[i] = z[i - 1] + rng.uniform(-0.1, 0.1)
            gap = -rng.uniform(0.02, 0.15) * min(widths[i], widths[i - 1])
        elif how == "overlap":
            far = rng.uniform(0.4, 1.5) * rng.choice([-1, 1]) if rng.random() < 0.5 else 0.15
            z[i] = z[i - 1] + far
            gap = -rng.uniform(0.2, 0.45) * min(widths[i], widths[i - 1])
        else:
            z[i], gap = z[i - 1] + rng.uniform(-0.8, 0.8), rng.uniform(0.05, 0.4)
        z[i] = np.clip(z[i], 2.2, 6)
        lefts[i] = lefts[i - 1] + widths[i - 1] + gap
    center = (lefts[0] + lefts[-1] + widths[-1]) / 2
    # The focal length shows all of the group, and the nearest one from head to foot or to hip.
    spread = float(
        np.abs(np.concatenate([(lefts - center) / z, (lefts + widths - center) / z])).max()
    )
    tall = float(((heights - _EYE_HEIGHT) / z).max() + _EYE_HEIGHT / z.min())
    focal = min(0.47 * shape[1] / spread, rng.uniform(0.9, 1.6) * shape[0] / tall)
    horizon = shape[0] * rng.uniform(0.3, 0.4)
    horizon = max(horizon, focal * float(((heights - _EYE_HEIGHT) / z).max()) + 4)
    rgb = _cover(background, shape).astype(np.float32)
    meters = np.full(shape, rng.uniform(7, 9), np.float32)
    masks: list[NDArray[np.bool_]] = []
    whole: list[int] = []
    for i in np.argsort(-z):
        top = horizon - focal * (heights[i] - _EYE_HEIGHT) / z[i]
        left = shape[1] / 2 + focal * (lefts[i] - center) / z[i]
        placed = _place(rgbs[i], focal * heights[i] / z[i], top, left, shape)
        alpha = placed[..., 3:] / 255
        rgb = rgb * (1 - alpha) + placed[..., :3] * alpha
        solid = placed[..., 3] >= 128
        masks = [one & ~solid for one in masks] + [solid]
        whole.append(int(solid.sum()))
        meters[solid] = z[i]
    shown = [
        one
        for one, size in zip(masks, whole, strict=True)
        if one.sum() >= _MIN_SHOWN * max(size, 1)
    ]
    return Group(np.rint(rgb).astype(np.uint8), shown, meters)


def _cover(picture: RGB, shape: tuple[int, int]) -> RGB:
    scale = max(shape[0] / picture.shape[0], shape[1] / picture.shape[1])
    size = [int(np.ceil(side * scale)) for side in picture.shape[1::-1]]
    large = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return np.ascontiguousarray(large[: shape[0], : shape[1]])


def _place(
    rgba: RGBA, height: float, top: float, left: float, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """A cut-out of this height on a transparent picture; colors under alpha 0 do not bleed."""
    scale = height / rgba.shape[0]
    move = np.array([[scale, 0, left], [0, scale, top]])
    alpha = rgba[..., 3:].astype(np.float32) / 255
    heavy = np.dstack([rgba[..., :3] * alpha, alpha * 255]).astype(np.float32)
    if scale < 1:  # smooth before sampling
        heavy = cv2.GaussianBlur(heavy, (0, 0), max(0.1, 0.4 / scale))
    placed = cv2.warpAffine(heavy, move, shape[::-1], flags=cv2.INTER_LINEAR)
    placed[..., :3] /= np.maximum(placed[..., 3:], 1) / 255
    return np.clip(placed, 0, 255)


def match_people(
    found: Sequence[NDArray[np.bool_]], truth: Sequence[NDArray[np.bool_]], least: float = 0.5
) -> list[tuple[int, int, float]]:
    """Pairs of found and true people by IoU, the best first: (found, truth, IoU)."""
    table = np.array([[_iou(one, other) for other in truth] for one in found])
    pairs: list[tuple[int, int, float]] = []
    while table.size and table.max() >= least:
        i, j = (int(v) for v in np.unravel_index(int(table.argmax()), table.shape))
        pairs.append((i, j, float(table[i, j])))
        table[i], table[:, j] = -1, -1
    return pairs


def _iou(one: Any, other: Any) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
