"""Downsample large planes while they are read, in bands of rows.

A depth map of 250 million pixels may be a file of some kilobytes. At most 16 million pixels are
kept, many times the canvas on which depth is used. They keep the file's own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_KEPT_PIXELS = 2**24
"""Limit of pixels kept: more than any device measures."""

_BAND_NUMBERS = 2**22
"""Numbers read at a time."""


class Downsampler:
    """Selects the pixels of a plane that are kept: all, or an even grid.

    The plane is divided into equal cells, and the pixel at the center of each cell is kept. So
    the kept plane has half-pixel centers, as a resized picture has.

    Parameters
    ----------
    height, width : int
        Shape of the plane in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        share = min(1.0, (_MAX_KEPT_PIXELS / (height * width)) ** 0.5)
        self.height, self.width = height, width
        self._rows, self._columns = (
            ((np.arange(count) + 0.5) * size / count).astype(np.intp)
            for size in (height, width)
            for count in (max(1, int(size * share)),)
        )

    @property
    def whole(self) -> bool:
        """Whether every pixel is kept."""
        return len(self._rows) == self.height and len(self._columns) == self.width

    def of(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return the kept pixels of a plane (height, width, ...)."""
        return plane if self.whole else plane[self._rows[:, None], self._columns]

    def sample_bands(
        self, read_rows: Callable[[int, int], NDArray[Any]], per_pixel: int = 1
    ) -> NDArray[Any]:
        """Read a plane in bands and return the kept pixels.

        Parameters
        ----------
        read_rows : callable
            (top, bottom) -> the rows from `top` to before `bottom`: (n, width, ...). Called
            from the top down, each row once.
        per_pixel : int
            Numbers per pixel.

        Returns
        -------
        ndarray
            (h, w, ...) in the type that is read.
        """
        kept = [self._band(read_rows(top, bottom), top) for top, bottom in self._bands(per_pixel)]
        return kept[0] if len(kept) == 1 else np.concatenate(kept)

    def _bands(self, per_pixel: int) -> Iterator[tuple[int, int]]:
        step = max(1, _BAND_NUMBERS // (self.width * per_pixel))
        for top in range(0, self.height, step):
            yield top, min(top + step, self.height)

    def _band(self, band: NDArray[Any], top: int) -> NDArray[Any]:
        first, last = np.searchsorted(self._rows, [top, top + len(band)])
        rows = self._rows[first:last] - top
        return band.copy() if self.whole else band[rows[:, None], self._columns]
