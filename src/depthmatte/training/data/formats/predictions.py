"""A predicted mask of one photo, on its way into a labeling tool."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ....io.photo.photo_writer import write_file_bytes
from ..drawn_mask import RunLengths
from .outlines import trace_polygons


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction for one photo.

    Parameters
    ----------
    name : str
        The photo's file, relative to the folder of photos, with forward slashes.
    shape : tuple of int
        (height, width) of the photo in pixels, upright.
    polygons : tuple of float64 (N, 2)
        Outlines (x, y) in continuous pixels. They have no holes.
    runs : RunLengths, optional
        The smallest rectangle that holds the mask, instead of polygons.
    """

    name: str
    shape: tuple[int, int]
    polygons: tuple[NDArray[np.float64], ...] = ()
    runs: RunLengths | None = None

    @classmethod
    def of_mask(
        cls, name: str, mask: NDArray[np.bool_], as_polygons: bool, tolerance: float
    ) -> Prediction:
        """Make a prediction of a mask, bool (H, W), as polygons or as it is.

        `tolerance` is the distance in pixels by which polygons may differ from the outline.
        """
        shape = (mask.shape[0], mask.shape[1])
        if as_polygons:
            return cls(name, shape, trace_polygons(mask, tolerance))
        if not mask.any():
            return cls(name, shape)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        inside = mask[top : rows[-1] + 1, left : columns[-1] + 1]
        return cls(name, shape, runs=RunLengths.encode(inside, top, left))

    def draw_runs(self) -> NDArray[np.bool_]:
        """Draw `runs` onto the whole photo: bool (H, W)."""
        canvas = np.zeros(self.shape, np.uint8)
        if self.runs is not None:
            self.runs.draw_onto(canvas)
        return canvas > 0

    def extents(self) -> list[tuple[list[float], float]]:
        """List ([left, top, width, height], area) of polygons and runs, in pixels."""
        found = []
        for ring in self.polygons:
            low, high = ring.min(axis=0), ring.max(axis=0)
            area = abs(cv2.contourArea(ring.astype(np.float32)[:, None]))
            found.append(([float(v) for v in np.round([*low, *(high - low)], 2)], float(area)))
        if self.runs is not None:
            box = [self.runs.left, self.runs.top, self.runs.width, self.runs.height]
            found.append(([float(v) for v in box], float(self.runs.counts[1::2].sum())))
        return found


def write_label_json(content: Any, path: Path) -> Path:
    """Write a JSON file atomically and return its path."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    return write_file_bytes(text.encode("utf-8", "surrogateescape"), path)
