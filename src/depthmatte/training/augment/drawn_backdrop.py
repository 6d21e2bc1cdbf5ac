"""Backdrops drawn from random numbers, for data without photos of places."""

from __future__ import annotations

import cv2
import numpy as np

from ...types import RGB
from ..types import Rng

_GRAIN = 3.0
"""Gray levels of noise on a plain or graded backdrop, at most."""

_LEAST_SIDE = 8
"""Pixels on each side, at least."""


def draw_backdrop(rng: Rng, shape: tuple[int, int] = (512, 512)) -> RGB:
    """Draw a plain, graded or noisy backdrop.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (H, W) in pixels.

    Returns
    -------
    ndarray
        RGB uint8 (H, W, 3).
    """
    rows, columns = (max(_LEAST_SIDE, side) for side in shape)
    kind = rng.integers(3)
    first, second = rng.uniform(0, 255, (2, 3))
    if kind == 0:
        made = np.broadcast_to(first, (rows, columns, 3))
    elif kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j] - 0.5
        along = np.clip(0.5 + down * np.sin(angle) + across * np.cos(angle), 0, 1)[..., None]
        made = first * (1 - along) + second * along
    else:
        made = np.broadcast_to(first, (rows, columns, 3)).copy()
        for cells in (3, 9, 27):  # coarse shapes weigh more than fine ones
            noise = rng.standard_normal((cells, cells, 3)).astype(np.float32)
            large = cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC)
            made += large * (120 / cells)
    grain = rng.standard_normal((rows, columns, 1)) * rng.uniform(0, _GRAIN)
    return np.clip(made + grain, 0, 255).astype(np.uint8)[: shape[0], : shape[1]]
