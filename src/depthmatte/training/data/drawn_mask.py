"""Masks that a label file describes: polygons and run lengths, drawn when they are needed.

Coordinates are continuous pixels, as COCO, CVAT and Label Studio have them: the photo spans
0 to W and 0 to H, and pixel (row, column) covers a unit square with its center at
(column + 0.5, row + 0.5). A pixel is set where its center is inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

_MAX_POINTS = 1_000_000
"""Limit of the points of one polygon."""

_MAX_COORDINATE = 1e7
"""Limit of coordinates, in pixels: points may lie outside of the photo, but not anywhere."""

_MAX_CROSSINGS = 4_000_000
"""Crossings of edges and rows that are held at a time."""

_MAX_PIXELS = 2**30
"""Limit of the pixels of a mask."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """An area between closed rings, filled by the even-odd rule: a ring inside another is a hole.

    Parameters
    ----------
    rings : tuple of float64 (N, 2)
        Points (x, y) in pixels. The last point is joined to the first.

    Raises
    ------
    ValueError
        For fewer than 3 points, too many, and numbers that are no coordinates. The message is
        part of a sentence.
    """

    rings: tuple[NDArray[np.float64], ...]

    def __post_init__(self) -> None:
        if sum(map(len, self.rings)) > _MAX_POINTS:
            raise ValueError(f"has more than {_MAX_POINTS} points")
        for ring in self.rings:
            if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
                raise ValueError("has fewer than 3 points")
            if not np.all(np.abs(ring) <= _MAX_COORDINATE):  # False for NaN too
                raise ValueError("has points that are no pixel coordinates")

    def draw_onto(self, canvas: NDArray[np.uint8]) -> None:
        """Set the pixels of the area to 255 in a uint8 (H, W) canvas."""
        points = np.concatenate(self.rings)
        height, width = canvas.shape
        left, top = _clip_index(points.min(axis=0), (width, height))
        right, bottom = _clip_index(points.max(axis=0), (width, height))
        if right <= left or bottom <= top:
            return
        # A crossing flips all pixels to the right of it. The last column takes what is beyond.
        flips = np.zeros((bottom - top, right - left + 1), np.uint8)
        for rows, columns in self._crossings(top, bottom):
            columns = np.clip(columns - left, 0, right - left)
            np.add.at(flips, (rows - top, columns), np.uint8(1))
        inside = np.bitwise_xor.accumulate(flips[:, :-1] & 1, axis=1)
        canvas[top:bottom, left:right][inside > 0] = 255

    def _crossings(
        self, top: int, bottom: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Where edges cross the center lines of rows: rows, and the first columns beyond."""
        ends = np.concatenate([np.hstack([r, np.roll(r, -1, axis=0)]) for r in self.rings])
        # From top to bottom, so that an edge and its reverse cross at the very same places.
        upward = ends[:, 1] > ends[:, 3]
        ends[upward] = ends[upward][:, [2, 3, 0, 1]]
        x0, y0, x1, y1 = ends.T
        first = np.clip(np.ceil(y0 - 0.5), top, bottom).astype(np.int64)
        counts = np.clip(np.ceil(y1 - 0.5), top, bottom).astype(np.int64) - first
        total = np.cumsum(counts)
        start = 0
        while start < len(ends):
            before = total[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(total, before + _MAX_CROSSINGS, "right")))
            edge = np.repeat(np.arange(start, stop), counts[start:stop])
            rows = first[edge] + np.arange(len(edge)) - (total[edge] - counts[edge] - before)
            slope = (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
            x = x0[edge] + (rows + 0.5 - y0[edge]) * slope
            yield rows, np.ceil(x - 0.5).astype(np.int64)
            start = stop


@dataclass(frozen=True, eq=False)
class RunLengths:
    """A rectangle of pixels as the lengths of runs, which are unset and set in turn.

    Parameters
    ----------
    counts : int64 (N,)
        Lengths of the runs in pixels; the first run is unset and may be 0.
    height, width : int
        Size of the rectangle in pixels.
    top, left : int
        Its place in the photo.
    by_columns : bool
        Whether the runs go down the columns, as in COCO. By default they go along the rows.

    Raises
    ------
    ValueError
        Where the runs do not fill the rectangle. The message is part of a sentence.
    """

    counts: NDArray[np.int64]
    height: int
    width: int
    top: int = 0
    left: int = 0
    by_columns: bool = False

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or self.height * self.width > _MAX_PIXELS:
            raise ValueError(f"claims {self.width} x {self.height} pixels")
        pixels = self.height * self.width
        # No count may exceed the pixels, so that their sum cannot overflow.
        if self.counts.ndim != 1 or np.any((self.counts < 0) | (self.counts > pixels)):
            raise ValueError("has run lengths that are no numbers of pixels")
        if int(self.counts.sum()) != pixels:
            raise ValueError(
                f"has runs of {int(self.counts.sum())} pixels for {self.width} x {self.height}"
            )

    @classmethod
    def encode(
        cls, mask: NDArray[np.bool_], top: int = 0, left: int = 0, by_columns: bool = False
    ) -> RunLengths:
        """Return the runs of a bool (H, W) mask whose upper left pixel is (top, left)."""
        values = mask.ravel(order="F" if by_columns else "C")
        edges = np.flatnonzero(values[1:] != values[:-1]) + 1
        counts = np.diff(np.concatenate([[0], edges, [values.size]]))
        if values[0]:
            counts = np.concatenate([[0], counts])
        height, width = mask.shape
        return cls(counts.astype(np.int64), height, width, top, left, by_columns)

    def draw_onto(self, canvas: NDArray[np.uint8]) -> None:
        """Set the pixels of the set runs to 255 in a uint8 (H, W) canvas that holds them."""
        values = np.repeat(np.arange(len(self.counts), dtype=np.uint8) & 1, self.counts)
        order = "F" if self.by_columns else "C"
        mask = values.reshape((self.height, self.width), order=order)  # type: ignore[call-overload]
        rows = slice(self.top, self.top + self.height)
        canvas[rows, self.left : self.left + self.width][mask > 0] = 255


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """The mask of one photo as a label file describes it: the union of its parts.

    Equal masks compare equal and have one hash. Masks are small: they hold points and runs.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the photo in pixels, upright as viewers show it.
    parts : tuple of Polygon and RunLengths
        Areas of people. Several people, or several parts of one, are joined.
    source : str
        The file and the place in it, for messages.

    Raises
    ------
    ValueError
        Where run lengths lie outside of the photo. The message is part of a sentence.

    Examples
    --------
    >>> import numpy as np
    >>> square = Polygon((np.array([[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]]),))
    >>> DrawnMask((4, 4), (square,)).draw((4, 4))
    array([[  0,   0,   0,   0],
           [  0, 255, 255,   0],
           [  0, 255, 255,   0],
           [  0,   0,   0,   0]], dtype=uint8)
    """

    shape: tuple[int, int]
    parts: tuple[Polygon | RunLengths, ...]
    source: str = "the mask"

    def __post_init__(self) -> None:
        height, width = self.shape
        if min(self.shape) < 1 or height * width > _MAX_PIXELS:
            raise ValueError(f"claims {width} x {height} pixels")
        for part in self.parts:
            if isinstance(part, RunLengths) and not (
                0 <= part.top <= height - part.height and 0 <= part.left <= width - part.width
            ):
                raise ValueError(
                    f"has a mask of {part.width} x {part.height} pixels at column {part.left}, "
                    f"row {part.top}, in a photo of {width} x {height}"
                )

    def draw(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Draw the mask.

        Parameters
        ----------
        shape : tuple of int
            (height, width) of the photo in pixels.

        Returns
        -------
        uint8 (H, W)
            255 where the center of a pixel is inside a part, 0 elsewhere.

        Raises
        ------
        InputError
            Where the mask was made for a photo of another size.
        """
        if tuple(shape) != self.shape:
            raise InputError(
                f"{self.source}: was made for {self.shape[1]} x {self.shape[0]} pixels, and the "
                f"photo has {shape[1]} x {shape[0]}; give the photo that was labeled"
            )
        canvas = np.zeros(self.shape, np.uint8)
        for part in self.parts:
            part.draw_onto(canvas)
        return canvas

    @cached_property
    def _content(self) -> tuple[object, ...]:
        found: list[object] = [self.shape]
        for part in self.parts:
            if isinstance(part, Polygon):
                found.append(tuple(ring.tobytes() for ring in part.rings))
            else:
                box = (part.top, part.left, part.height, part.width, part.by_columns)
                found.append((part.counts.tobytes(), box))
        return tuple(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DrawnMask) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


def _clip_index(point: NDArray[np.float64], limits: tuple[int, int]) -> list[int]:
    """The first pixels whose centers are not before a point (x, y), within the photo."""
    return [int(np.clip(np.ceil(v - 0.5), 0, n)) for v, n in zip(point, limits, strict=True)]
