"""Painting a scene from far to near, so that order and occlusion are exact.

Maps are (h, w): metres float32, sure float32, owner int16.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .augment import Rng
from .stock import RGBA

Map = NDArray[np.float32]

FARTHEST = 60.0
"""Metres beyond which distances no longer count apart."""


@dataclass(frozen=True)
class View:
    """The drawn camera: `focal` and `horizon` in pixels, `tall` and `wall` in metres."""

    shape: tuple[int, int]
    focal: float
    horizon: float
    tall: float
    wall: float

    @classmethod
    def draw(cls, rng: Rng, shape: tuple[int, int]) -> View:
        """Indoors a wall a few metres off, outdoors open ground."""
        indoors = rng.random() < 0.55
        return cls(
            shape,
            rng.uniform(0.8, 1.5) * max(shape),
            rng.uniform(0.28, 0.6) * shape[0],
            rng.uniform(1.1, 1.7),
            rng.uniform(3.5, 10) if indoors else rng.uniform(15, FARTHEST),
        )

    def row(self, metres: float) -> float:
        """Image row of the ground at a distance."""
        return self.horizon + self.focal * self.tall / metres

    def ground(self) -> Map:
        """Metres of the empty scene: ground below the horizon, the wall behind it."""
        below = np.maximum(np.arange(self.shape[0]) + 0.5 - self.horizon, 1e-3)
        column = np.minimum(self.focal * self.tall / below, self.wall)
        return np.repeat(column.astype(np.float32)[:, None], self.shape[1], axis=1)


@dataclass
class Painting:
    """A scene being painted from far to near; `owner` numbers what each pixel shows."""

    rgb: NDArray[np.float32]
    metres: Map
    sure: Map
    owner: NDArray[np.int16]
    names: list[tuple[str, float, int]] = field(default_factory=list)

    def paint(self, kind: str, metres: float, rgba: RGBA, corner: tuple[int, int]) -> None:
        """Lay RGBA with its top left at `corner` (row, column), cut at the frame."""
        rows, columns = self.metres.shape
        top, left = corner
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(rows, top + rgba.shape[0]), min(columns, left + rgba.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        part = rgba[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = part[..., 3:].astype(np.float32) / 255
        here = np.s_[y0:y1, x0:x1]
        self.rgb[here] += alpha * (part[..., :3] - self.rgb[here])
        solid = alpha[..., 0] > 0.5
        self.metres[here][solid] = metres
        self.sure[here][solid] = 1
        self.owner[here][solid] = len(self.names)
        self.names.append((kind, metres, int(solid.sum())))

    def shadow(self, row: float, column: float, width: float) -> None:
        """A soft contact shadow under feet; it changes pixels, not depth."""
        shade: Any = np.zeros(self.metres.shape, np.float32)
        axes = (max(1, round(width)), max(1, round(width * 0.18)))
        cv2.ellipse(shade, (round(column), round(row)), axes, 0, 0, 360, 1.0, -1)
        shade = cv2.GaussianBlur(shade, (0, 0), max(1.0, width * 0.15))
        self.rgb *= 1 - 0.45 * shade[..., None]

    def soften(self, sigma: float) -> None:
        """Out of focus so far: what is painted next stays sharp."""
        self.rgb = np.asarray(cv2.GaussianBlur(self.rgb, (0, 0), sigma), np.float32)
