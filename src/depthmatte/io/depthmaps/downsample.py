"""Large planes kept small while they are read: every n-th pixel of bands of rows.

A depth map of 250 million pixels may be a file of some kilobytes. What is kept has at most
`LARGEST` pixels, many times the canvas on which depth is used, in the file's own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...types import _Values

_MAX_KEPT_PIXELS = 2**24
"""Pixels that are kept: more than any device measures."""

_BAND_NUMBERS = 2**22
"""Numbers that are read at once."""


class Downsampler:
    """Which pixels of a plane of (height, width) are kept: all, or those of an even grid.

    A kept pixel is the one in which the center of its part of the picture lies, so that
    half-pixel centers hold as they do where pictures are scaled.
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

    def of(self, plane: _Values) -> _Values:
        """What is kept of a whole plane (height, width, ...)."""
        return plane if self.whole else plane[self._rows[:, None], self._columns]

    def sample_bands(self, read_rows: Callable[[int, int], _Values], per_pixel: int = 1) -> _Values:
        """What is kept of a plane that is read in bands.

        Parameters
        ----------
        read : callable
            (top, bottom) -> the rows from top to before bottom, (n, width, ...); asked from
            the top down, each row once.
        per_pixel : int
            Numbers that each pixel holds.

        Returns
        -------
        array (h, w, ...)
            In the type that is read.
        """
        kept = [self._band(read_rows(top, bottom), top) for top, bottom in self._bands(per_pixel)]
        return kept[0] if len(kept) == 1 else np.concatenate(kept)

    def _bands(self, per_pixel: int) -> Iterator[tuple[int, int]]:
        step = max(1, _BAND_NUMBERS // (self.width * per_pixel))
        for top in range(0, self.height, step):
            yield top, min(top + step, self.height)

    def _band(self, band: _Values, top: int) -> _Values:
        first, last = np.searchsorted(self._rows, [top, top + len(band)])
        rows = self._rows[first:last] - top
        return band.copy() if self.whole else band[rows[:, None], self._columns]
