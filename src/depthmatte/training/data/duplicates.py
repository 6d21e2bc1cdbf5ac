"""Near-duplicates: photos that show the same picture, re-encoded, resized or slightly cropped.

A photo's fingerprint is a difference hash: the photo is reduced to 17 x 16 gray cells, and each
of 256 bits says whether a cell is brighter than its left neighbor. The same photo in another size
or compression differs in 0 to 24 bits. Unrelated photos differ in 40 or more.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_DISTANCE = 28
"""Bits in which the fingerprints of one photo differ, at most."""

_CELLS = (17, 16)
"""Columns and rows that a photo is reduced to."""

_LEAST_RANGE = 8
"""Gray levels between the darkest and the brightest cell; a flatter picture has no features."""

_BLOCK = 1024
"""Fingerprints compared with as many others at once: 4 MiB of distances."""

Fingerprints = NDArray[np.uint8]
"""uint8 (n, 32), 256 bits each."""


def fingerprint(gray: NDArray[np.uint8]) -> Fingerprints | None:
    """Compute the fingerprint of a photo.

    Parameters
    ----------
    gray : ndarray
        uint8 (H, W).

    Returns
    -------
    ndarray or None
        uint8 (32,). None for a picture that is nearly of one gray: it is like any other such.
    """
    cells = cv2.resize(gray, _CELLS, interpolation=cv2.INTER_AREA).astype(np.int16)
    if np.ptp(cells) < _LEAST_RANGE:
        return None
    return np.packbits(cells[:, 1:] > cells[:, :-1])


def has_near_duplicate(
    prints: Fingerprints, others: Fingerprints, max_distance: int = MAX_DISTANCE
) -> NDArray[np.bool_]:
    """Return for each of `prints` whether any of `others` is near, bool (n,)."""
    found = np.zeros(len(prints), bool)
    for rows, _, near in _near_blocks(prints, others, max_distance):
        found[rows] |= near.any(1)
    return found


def group_near_duplicates(
    prints: Fingerprints, max_distance: int = MAX_DISTANCE
) -> NDArray[np.int64]:
    """Group photos that are near-duplicates, directly or through others.

    Parameters
    ----------
    prints : ndarray
        uint8 (n, 32).
    max_distance : int
        Bits in which two photos of a pair differ, at most.

    Returns
    -------
    ndarray
        int64 (n,). Two photos have one number if and only if they are in one group: the index of
        the group's first photo. Memory grows with n alone, however many pairs are near.
    """
    group = np.arange(len(prints))
    for rows, columns, near in _near_blocks(prints, prints, max_distance):
        if rows.start > columns.start:
            continue
        foreign = near & (group[rows, None] != group[None, columns])
        for row in np.flatnonzero(foreign.any(1)):
            joined = np.unique(group[columns][near[row]])
            own = group[rows][row]
            group[np.isin(group, joined) | (group == own)] = min(own, joined[0])
    return group


def _near_blocks(
    prints: Fingerprints, others: Fingerprints, max_distance: int
) -> Iterator[tuple[slice, slice, NDArray[np.bool_]]]:
    """Yield (rows, columns, whether each pair is near) for blocks of all pairs."""
    # The product of two vectors of +1 and -1 is 256 - 2 * (bits that differ), exact in float32.
    least = 256 - 2 * max_distance
    for start in range(0, len(prints), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(prints)))
        ours = _signs(prints[rows])
        for other in range(0, len(others), _BLOCK):
            columns = slice(other, min(other + _BLOCK, len(others)))
            yield rows, columns, ours @ _signs(others[columns]).T >= least


def _signs(prints: Fingerprints) -> NDArray[np.float32]:
    return np.unpackbits(prints, axis=1).astype(np.float32) * 2 - 1
