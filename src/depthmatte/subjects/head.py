"""Find the head of a person in her outline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, resize, scale_shape
from ..types import Float, Mask

_SIDE_PX = 384
"""Longer side at which the outline is read."""

_HEAD_ASPECT = 1.3
"""Height of a head over its width, from the crown to the chin (portraits of ISO/IEC 19794-5)."""

_HEAD_ASPECTS = (1.0, 1.6)
"""The least and the largest such ratio with hair, which makes a head wider or taller."""

_NECK = 0.85
"""Width of a neck over that of the head above it, at most."""

_SHOULDERS = 1.25
"""Width of shoulders over that of the head above them, at least."""


def find_head(alpha: Float) -> Box | None:
    """Find the head of the largest piece of a matte, by its outline alone.

    The neck is where the outline is narrow between a wider head and wide shoulders. Where hair
    hides it, the head is as tall as heads of its width are.

    Parameters
    ----------
    alpha : ndarray
        float32 (H, W) in [0, 1].

    Returns
    -------
    Box or None
        From the crown to about the chin, in pixels of the matte; None without a person.
    """
    height, width = alpha.shape
    shape = scale_shape((height, width), min(1.0, _SIDE_PX / max(height, width)))
    person = _largest_piece(np.asarray(resize(alpha, shape), np.float32) >= 0.5)
    if person is None:
        return None
    top, left, right = _trace(person)
    wide = np.asarray(cv2.blur((right - left).astype(np.float32)[:, None], (1, 3)), np.float32)
    count = _head_rows(wide.ravel())
    upper = max(1, count * 2 // 3)  # below, shoulders may have begun
    start, end = int(left[:upper].min()), int(right[:upper].max())
    found = Box(top, start, count, end - start)
    return found.scaled(height / shape[0], width / shape[1])


def _largest_piece(marked: Mask) -> Mask | None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8))
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def _trace(person: Mask) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """First row, and left and right end in each row of what hangs together from the top down.

    A raised hand beside the head is not counted until it joins.
    """
    rows = np.flatnonzero(person.any(axis=1))
    lefts, rights = [], []
    seen: tuple[int, int] | None = None
    for row in range(rows[0], rows[-1] + 1):
        edges = np.flatnonzero(np.diff(np.pad(person[row].astype(np.int8), 1)))
        runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
        touching = [run for run in runs if seen is None or (run[0] < seen[1] and run[1] > seen[0])]
        if not touching:
            break
        seen = max(touching, key=lambda run: run[1] - run[0])
        lefts.append(seen[0])
        rights.append(seen[1])
    return int(rows[0]), np.array(lefts), np.array(rights)


def _head_rows(wide: Float) -> int:
    """How many rows from the top are the head, from the width of each row."""
    broadest = np.maximum.accumulate(wide)
    for row in range(1, len(wide)):
        head = broadest[row]
        if row < _HEAD_ASPECTS[0] * head or wide[row] > _NECK * head:
            continue
        if row > _HEAD_ASPECTS[1] * head:
            break
        below = wide[row : row + int(head) + 1]
        if wide[row] <= below.min() and below.max() >= _SHOULDERS * head:
            return row
    for row in range(1, len(wide)):  # no neck: hair, a scarf or a collar hides it
        if row >= _HEAD_ASPECT * float(np.median(wide[row // 4 : row * 2 // 3 + 1])):
            return row
    return len(wide)
