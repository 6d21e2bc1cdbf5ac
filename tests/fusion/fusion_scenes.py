"""Mattes and depth maps of a drawn subject, for tests of fusion."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.values import Depth, Matte

UNIT = st.floats(0, 1, width=32)


def maps(count: int) -> st.SearchStrategy[Any]:
    """`count` random maps of one shape, float32 in [0, 1]."""
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
    return shapes.flatmap(
        lambda shape: st.tuples(*[arrays(np.float32, shape, elements=UNIT)] * count)
    )


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def scene(behind: float, sure: float = 0.9, hole: bool = False) -> tuple[Matte, Depth, np.ndarray]:
    """A subject at depth 0.3 before a far wall, and a smaller person `behind` it to the right.

    Each is of one color. With `hole` a piece of the subject is missing from the matte. The
    truth is the subject.
    """
    y, x = np.mgrid[:384, :288].astype(np.float32)

    def soft(left: int, right: int, top: int) -> np.ndarray:
        inside = np.minimum(np.minimum(x - left, right - x), y - top)
        return np.clip(inside / 3 + 0.5, 0, 1).astype(np.float32)

    subject, other = soft(30, 150, 80), soft(195, 255, 140)
    z = np.full(x.shape, 0.95, np.float32)
    z[subject > 0.5] = 0.3
    z[other > 0.5] = 0.3 + behind
    alpha = np.maximum(subject, other)
    if hole:
        alpha[180:250, 60:115] = 0
    rgb = np.stack([0.4 + 0.3 * subject, 0.4 - 0.1 * other, 0.4 - 0.1 * subject + 0.3 * other])
    return Matte(alpha, alpha, rgb), Depth(z, np.full_like(z, sure), source="sensor"), subject
