"""Aperture shapes: the kernel that a point out of focus becomes, and filtering with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import Box
from ...types import Float

_SAMPLES = 4
"""Samples of a kernel per pixel and direction, so that its edge is smooth."""

_TILES = 12
"""Tiles along the longer side, each with its own kernel, where the shape changes."""

_MIN_RADIUS_PX = 0.5
"""Radius below which nothing is blurred."""

_MIN_SHAPED_RADIUS_PX = 3.0
"""Radius below which the shape of the aperture cannot be seen and a disc is used."""


@dataclass(frozen=True)
class Aperture:
    """The shape of the opening of a lens.

    Parameters
    ----------
    blades : int
        Sides of the polygon; 0 for a disc. A polygon has the area of the disc.
    cats_eye : float
        How far the barrel's opening is shifted over the aperture in the corners, in radii. The
        shift grows linearly from 0 in the middle of the picture.
    """

    blades: int = 0
    cats_eye: float = 0.0

    def blur(
        self,
        values: Float,
        radius: float,
        box: Box,
        shape: tuple[int, int],
        reversed: bool = False,
    ) -> Float:
        """Spread each pixel over the shape.

        Parameters
        ----------
        values : ndarray
            float32 (h, w) or (h, w, C): the part of the picture in `box`.
        radius : float
            In pixels.
        box : Box
            Where the part lies in the picture.
        shape : tuple of int
            (H, W) of the whole picture.
        reversed : bool
            Turn the shape by 180 degrees, as for points nearer than the focus.

        Returns
        -------
        ndarray
            The same shape. The border is mirrored.
        """
        if radius < _MIN_RADIUS_PX:
            return values
        shaped = radius >= _MIN_SHAPED_RADIUS_PX
        if not (shaped and self.cats_eye):
            kernel = _kernel(radius, self.blades if shaped else 0, reversed, 0.0, 0.0)
            return np.asarray(cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REFLECT))
        reach = math.ceil(radius * _circumradius(self.blades)) + 1
        padded = cv2.copyMakeBorder(values, reach, reach, reach, reach, cv2.BORDER_REFLECT)
        side = max(8, math.ceil(max(shape) / _TILES))
        half = math.hypot(*shape) / 2
        result = np.empty_like(values)
        for top in range(0, box.height, side):
            for left in range(0, box.width, side):
                bottom, right = min(top + side, box.height), min(left + side, box.width)
                down = (box.top + (top + bottom) / 2 - shape[0] / 2) / half * self.cats_eye
                across = (box.left + (left + right) / 2 - shape[1] / 2) / half * self.cats_eye
                kernel = _kernel(radius, self.blades, reversed, round(down, 3), round(across, 3))
                part = padded[top : bottom + 2 * reach, left : right + 2 * reach]
                soft = cv2.filter2D(part, -1, kernel, borderType=cv2.BORDER_REFLECT)
                result[top:bottom, left:right] = soft[reach:-reach, reach:-reach]
        return result


@lru_cache(maxsize=1024)
def _kernel(radius: float, blades: int, reversed: bool, down: float, across: float) -> Float:
    """The shape as weights that sum to 1; (down, across) shifts the barrel, in radii."""
    reach = math.ceil(radius * _circumradius(blades))
    side = 2 * reach + 1
    fine = ((np.arange(side * _SAMPLES) + 0.5) / _SAMPLES - reach - 0.5) / radius
    y, x = fine[:, None], fine[None]
    inside = _in_polygon(y, x, blades) if blades else np.hypot(y, x) <= 1
    if down or across:
        inside = inside & (np.hypot(y - down, x - across) <= 1)
    weights = inside.reshape(side, _SAMPLES, side, _SAMPLES).mean(axis=(1, 3), dtype=np.float32)
    weights /= weights.sum()
    # filter2D correlates: the kernel of a spread is the mirrored shape.
    return np.ascontiguousarray(weights if reversed else weights[::-1, ::-1])


def _circumradius(blades: int) -> float:
    """Radius of the corners of a polygon with the area of the unit disc."""
    if blades == 0:
        return 1.0
    return math.sqrt(2 * math.pi / (blades * math.sin(2 * math.pi / blades)))


def _in_polygon(y: NDArray[Any], x: NDArray[Any], blades: int) -> NDArray[np.bool_]:
    inner = _circumradius(blades) * math.cos(math.pi / blades)
    sector = 2 * math.pi / blades
    turn = np.arctan2(x, -y)  # one corner points up
    turn = np.mod(turn, sector) - sector / 2
    return np.asarray(np.hypot(y, x) * np.cos(turn) <= inner, np.bool_)
