"""The drawn camera of a composite scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import Float
from ..types import Rng
from .options import DepthSceneOptions

FARTHEST_METERS = 60.0
"""Meters beyond which all distances count as one."""


@dataclass(frozen=True)
class CameraView:
    """The drawn camera: `focal` and `horizon` in pixels, `camera_height` and `wall` in meters.

    It looks along a ground plane `camera_height` below it, up to a wall at the distance `wall`.
    """

    shape: tuple[int, int]
    focal: float
    horizon: float
    camera_height: float
    wall: float

    @classmethod
    def draw(cls, rng: Rng, shape: tuple[int, int], options: DepthSceneOptions) -> CameraView:
        """A camera indoors, with a wall a few meters off, or outdoors on open ground."""
        indoors = rng.random() < options.indoor_share
        return cls(
            shape,
            rng.uniform(*options.focal) * max(shape),
            rng.uniform(*options.horizon) * shape[0],
            rng.uniform(*options.camera_height),
            rng.uniform(*(options.indoor_wall if indoors else options.outdoor_wall)),
        )

    def row(self, meters: float) -> float:
        """Image row of the ground at a distance."""
        return self.horizon + self.focal * self.camera_height / meters

    def ground(self) -> Float:
        """Meters of the empty scene: ground below the horizon, the wall behind it."""
        below = np.maximum(np.arange(self.shape[0]) + 0.5 - self.horizon, 1e-3)
        column = np.minimum(self.focal * self.camera_height / below, self.wall)
        return np.repeat(column.astype(np.float32)[:, None], self.shape[1], axis=1)
