"""An edit of a matte: a map on a canvas of its own that adds to alpha or removes from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..canvas import Letterbox, from_canvas
from ..restore import restore_map
from ..types import RGB, Float, dataclasses_equal


@dataclass(frozen=True, eq=False)
class MatteEdit:
    """A map that changes alpha where it is not 0, and nothing else.

    Parameters
    ----------
    values : ndarray
        float32 (h, w) in [0, 1], on the canvas of `fit`. Where it adds, alpha becomes at least
        this. Where it removes, this share of alpha is taken away.
    fit : Letterbox
        The layout of the photo, or of a crop of it, on that canvas.
    adds : bool
        Whether the edit adds to alpha.
    """

    values: Float
    fit: Letterbox
    adds: bool

    __eq__ = dataclasses_equal

    def apply(self, alpha: Float, guide: RGB | None = None) -> Float:
        """Return alpha with the edit.

        Parameters
        ----------
        alpha : ndarray
            float32 (H, W) in [0, 1], at the size of the photo or any other.
        guide : ndarray, optional
            The photo, uint8 (H, W, 3). The edges of what is added follow it.

        Returns
        -------
        ndarray
            float32 (H, W) in [0, 1], a new array.
        """
        fit = self.fit.resized((alpha.shape[0], alpha.shape[1]))
        if self.adds:
            return np.asarray(np.maximum(alpha, restore_map(self.values, fit, guide)), np.float32)
        removed = np.clip(from_canvas(self.values, fit), 0, 1)
        return np.asarray(alpha * (1 - removed), np.float32)


def apply_edits(alpha: Float, edits: tuple[MatteEdit, ...], guide: RGB | None = None) -> Float:
    """Return alpha with all edits, in order."""
    for edit in edits:
        alpha = edit.apply(alpha, guide)
    return alpha
