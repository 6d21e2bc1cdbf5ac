"""Smooth random noise: folds of bodies, patches that a depth sensor loses."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...types import Float
from ..types import Rng


def smooth_noise(
    rng: Rng,
    shape: tuple[int, ...],
    size: float,
    deviation: float = 1.0,
    *,
    extra: int = 0,
    interpolation: int = cv2.INTER_LINEAR,
    dtype: Any = np.float32,
) -> Float:
    """Normal noise on a coarse grid, enlarged: float32 (h, w).

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (h, w).
    size : float
        Pixels of `shape` in a cell of the grid.
    deviation : float
        Standard deviation on the grid.
    extra : int
        Cells of the grid beyond those that `size` asks for.
    interpolation : int
        OpenCV's constant.
    dtype : type
        Type in which numbers are drawn: another type draws other numbers.
    """
    grid = max(2, round(shape[0] / size) + extra), max(2, round(shape[1] / size) + extra)
    coarse = (rng.standard_normal(grid, dtype) * deviation).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[1::-1], interpolation=interpolation), np.float32)
