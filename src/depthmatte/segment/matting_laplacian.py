"""The matting Laplacian: alpha is locally a linear function of color (Levin et al., 2008).

In each window of 3 x 3 pixels, alpha = a . color + b is assumed with unknown a and b. The matrix L
measures how far a matte is from that: alpha' L alpha is the sum of squared residuals over all
windows. L is symmetric and positive semidefinite, and each of its rows sums to 0.

L is built only for the pixels of a band. The rest of the picture is known and moves to the right
side of the equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..types import RGB, Mask

_WINDOW = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1))
"""Pixels of a window around its center."""

_REACH = 2
"""Distance in rows or columns of the farthest pixel that shares a window with a pixel."""

_STENCIL = tuple(
    (down, across) for down in range(-_REACH, _REACH + 1) for across in range(-_REACH, _REACH + 1)
)
"""Neighbors that a row of L can reach; entry 24 - i is opposite to entry i."""

_OWN = len(_STENCIL) // 2

_COLOR_VARIANCE = 1e-7
"""Added to the color variance of a window, colors in [0, 1]: flat windows stay solvable."""

_CHUNK_WINDOWS = 1 << 15
"""Windows that are worked on together; they fit into the cache."""


@dataclass(frozen=True)
class BandLaplacian:
    """The rows of the matting Laplacian that belong to the pixels of a band.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        L between pixels of the band, float64 (n, n), in row-major order of the pixels.
    pixels : ndarray
        (row, column) of each pixel, int32 (n, 2).
    colors : ndarray
        Their colors in [0, 1], float32 (n, 3).
    from_known : ndarray
        The sum of L times the known value over the known neighbors, float64 (n,).
    """

    matrix: Any
    pixels: NDArray[np.int32]
    colors: NDArray[np.float32]
    from_known: NDArray[np.float64]


def build_laplacian(rgb: RGB, band: Mask, known: NDArray[Any] | None = None) -> BandLaplacian:
    """Build the matting Laplacian of the pixels of a band.

    About 500 bytes of memory are needed per pixel of the band.

    Parameters
    ----------
    rgb : ndarray
        The picture, uint8 (H, W, 3).
    band : ndarray
        Pixels whose alpha is not known, bool (H, W).
    known : ndarray, optional
        Alpha outside the band, floats (H, W). Its values in the band are not used. It may be
        left out when the band is the whole picture.

    Returns
    -------
    BandLaplacian
        Rows of pixels in no window of 3 x 3 pixels, as in pictures below that size, are 0.
    """
    height, width = band.shape
    # A frame of two pixels that are in no band: neighbors of every pixel can be looked up.
    wide = width + 2 * _REACH
    number = np.full((height + 2 * _REACH, wide), -1, np.int32)
    inside = number[_REACH:-_REACH, _REACH:-_REACH]
    rows, columns = np.nonzero(band)
    count = len(rows)
    inside[rows, columns] = np.arange(count, dtype=np.int32)
    places = (rows + _REACH) * wide + columns + _REACH
    planes = _sum_windows(rgb, band, number.reshape(-1), count)
    _mirror(planes, places, number.reshape(-1), wide)

    from_known = np.zeros(count)
    values = np.zeros(number.shape, np.float64)
    if known is not None:
        values[_REACH:-_REACH, _REACH:-_REACH] = np.where(band, 0, known)
    flat = values.reshape(-1)
    shifts = np.array([down * wide + across for down, across in _STENCIL])
    neighbors = np.empty((count, len(_STENCIL)), np.int32)
    for entry, shift in enumerate(shifts):
        from_known += planes[entry] * flat[places + shift]
        neighbors[:, entry] = number.reshape(-1)[places + shift]
    stencil = np.ascontiguousarray(planes.T)
    del planes
    used = neighbors >= 0
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    matrix = scipy.sparse.csr_matrix((stencil[used], neighbors[used], ends), shape=(count, count))
    pixels = np.stack([rows, columns], axis=1).astype(np.int32)
    colors = rgb[rows, columns].astype(np.float32) / np.float32(255)
    return BandLaplacian(matrix, pixels, colors, from_known)


def _sum_windows(
    rgb: RGB, band: Mask, number: NDArray[np.int32], count: int
) -> NDArray[np.float64]:
    """Sum what each window adds to L: (25, n), where entries after the 12th are complete."""
    height, width = band.shape
    wide = width + 2 * _REACH
    # The last column gathers what belongs to pixels outside the band.
    planes = np.zeros((len(_STENCIL), count + 1))
    if min(height, width) < 3:
        return planes[:, :count]
    near = cv2.dilate(band.astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    tops, lefts = np.nonzero(near)
    flat = np.ascontiguousarray(rgb).reshape(-1, 3)
    for start in range(0, len(tops), _CHUNK_WINDOWS):
        top = tops[start : start + _CHUNK_WINDOWS] + 1
        left = lefts[start : start + _CHUNK_WINDOWS] + 1
        colors = np.stack(
            [flat[(top + down) * width + left + across].T for down, across in _WINDOW]
        ) * (1 / 255)
        owners = [
            number[(top + down + _REACH) * wide + left + across + _REACH]
            for down, across in _WINDOW
        ]
        white = _whiten(colors)
        for one, (down, across) in enumerate(_WINDOW):
            for other in range(one, len(_WINDOW)):
                entry = _STENCIL.index((_WINDOW[other][0] - down, _WINDOW[other][1] - across))
                shared = white[one][0] * white[other][0]
                shared += white[one][1] * white[other][1]
                shared += white[one][2] * white[other][2]
                shared *= -1 / 9
                shared += (1 if one == other else 0) - 1 / 9
                # A pixel has each place in one window only, so no owner occurs twice.
                planes[entry][owners[one]] += shared
                if one != other:
                    # The other pixel of a pair with one pixel outside the band needs it too.
                    lonely = owners[one] < 0
                    if lonely.any():
                        back = len(_STENCIL) - 1 - entry
                        planes[back][owners[other][lonely]] += shared[lonely]
    return planes[:, :count]


def _whiten(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn the colors of windows (9, 3, w) so that their covariance is the identity.

    The dot product of two results is (color - mean)' (C + eps)^-1 (color - mean). It comes from
    an orthogonalization, not from the inverse of C, so that windows of nearly one color lose no
    digits. Three further rows hold eps, as if they were colors.
    """
    rows = np.zeros((len(_WINDOW) + 3, *colors.shape[1:]))
    rows[: len(_WINDOW)] = colors - colors.mean(axis=0)
    rows[range(-3, 0), range(3)] = np.sqrt(_COLOR_VARIANCE)
    for channel in range(3):
        plane = rows[:, channel]
        plane /= np.sqrt(np.einsum("iw,iw->w", plane, plane) / len(_WINDOW))
        for later in range(channel + 1, 3):
            share = np.einsum("iw,iw->w", plane, rows[:, later]) / len(_WINDOW)
            rows[:, later] -= share * plane
    return rows[: len(_WINDOW)]


def _mirror(
    planes: NDArray[np.float64],
    places: NDArray[np.int64],
    number: NDArray[np.int32],
    wide: int,
) -> None:
    """Copy the entries above the diagonal of L to those below, in place."""
    for entry in range(_OWN + 1, len(_STENCIL)):
        down, across = _STENCIL[entry]
        owners = number[places + down * wide + across]
        has_owner = owners >= 0
        back = len(_STENCIL) - 1 - entry
        planes[back][owners[has_owner]] += planes[entry][has_owner]
