"""EXIF orientation for pixels: the one table that photo, depth and matte are turned by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# EXIF orientation -> the view of an upright array in which the stored rows lie in order.
ORIENTATION_VIEWS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def apply_orientation(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A stored (h, w) or (h, w, C) array as it should be seen, contiguous."""
    height, width = stored.shape[:2]
    turned = (width, height) if orientation >= 5 else (height, width)
    seen = np.empty((*turned, *stored.shape[2:]), stored.dtype)
    ORIENTATION_VIEWS[orientation](seen)[...] = stored
    return seen
