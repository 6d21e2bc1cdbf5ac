"""Shrink the canvas of the networks until a live picture holds its rate."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..options import OrientMode
from .frame_cutter import fit_preset

_SHARES = (1.0, 0.8, 0.67, 0.5, 0.4, 0.34)
"""Canvas sizes to choose from, as shares of the full one."""

_WINDOW = 8
"""Frames whose mean time decides: so many that one with depth is among them."""

_SHRINK_ABOVE, _GROW_BELOW = 0.9, 0.4
"""Share of the time between two frames above which the canvas shrinks, and below which it grows."""

_GROW_PATIENCE = 90
"""Frames between a change and the next growth, so that the size does not swing."""


class CanvasControl:
    """Chooses the size of the canvas from the time that frames take.

    Parameters
    ----------
    preset : tuple of int
        (height, width) of the full canvas.
    multiple : int
        Number that height and width must be multiples of.
    rate : float
        Frames per second to hold.
    shape : tuple of int, optional
        (H, W) of the frames; canvases have no more padding than these need.
    orient : {"pad", "rotate"}
        How landscape frames are laid on the canvas.
    """

    def __init__(
        self,
        preset: tuple[int, int],
        multiple: int,
        rate: float,
        shape: tuple[int, int] | None = None,
        orient: OrientMode = "pad",
    ) -> None:
        self._budget_s = 1 / rate
        sizes = [_scale_preset(preset, share, multiple) for share in _SHARES]
        if shape is not None:
            sizes = [fit_preset(size, shape, multiple, orient) for size in sizes]
        self.sizes = list(dict.fromkeys(sizes))
        self._level = 0
        self._times: deque[float] = deque(maxlen=_WINDOW)
        self._since_change = 0

    @property
    def preset(self) -> tuple[int, int]:
        """(height, width) of the canvas to use."""
        return self.sizes[self._level]

    def note(self, seconds: float) -> bool:
        """Take the time of a frame; return whether the canvas changes."""
        self._times.append(seconds)
        self._since_change += 1
        if len(self._times) < _WINDOW:
            return False
        share = float(np.mean(self._times)) / self._budget_s
        if share > _SHRINK_ABOVE and self._level + 1 < len(self.sizes):
            return self._change(1 if share < 2 * _SHRINK_ABOVE else 2)
        if share < _GROW_BELOW and self._level and self._since_change >= _GROW_PATIENCE:
            return self._change(-1)
        return False

    def shrink_if_slow(self, seconds: float) -> bool:
        """Take the time of one frame before the start; return whether the canvas shrinks."""
        slow = seconds > _SHRINK_ABOVE * self._budget_s
        return slow and self._level + 1 < len(self.sizes) and self._change(1)

    def _change(self, step: int) -> bool:
        self._level = min(max(0, self._level + step), len(self.sizes) - 1)
        self._times.clear()
        self._since_change = 0
        return True


def _scale_preset(preset: tuple[int, int], share: float, multiple: int) -> tuple[int, int]:
    height, width = (max(multiple, round(side * share / multiple) * multiple) for side in preset)
    return height, width
