"""A stereo pair with exact truth, and a tiny network that matches pairs."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import strategies as st

from depthmatte.depth.stereo.disparity import Disparity
from depthmatte.types import RGB
from stereoscenes import camera, view

BASE = 0.1


LEFT, RIGHT = camera(), camera((BASE, 0, 0))


floats = st.floats(-30, 30, width=32)


@cache
def made() -> tuple[RGB, RGB, np.ndarray, np.ndarray]:
    """Both views of the scene and their true disparities."""
    (left, near), (right, far) = view(LEFT), view(RIGHT)
    return left, right, 300 * BASE / near, 300 * BASE / far


def wrong(found: Disparity, truth: np.ndarray) -> float:
    """Share of what was matched that is more than a pixel off."""
    known = found.prob > 0
    return float((np.abs(found.pixels - truth)[known] > 1).mean())


def blank() -> RGB:
    return np.full((240, 320, 3), 127, np.uint8)
