"""Turn arrays by the EXIF orientation tag."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...camera import ORIENTATION_MATRICES
from ...evidence import ViewSide


def stored_view(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """View an upright array in the order in which the file stores its pixels.

    Parameters
    ----------
    upright : ndarray
        (H, W) or (H, W, C).
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray
        A view, not a copy: (H, W, ...), or (W, H, ...) for the orientations 5 to 8.
    """
    x_step, y_step = (sum(row) for row in ORIENTATION_MATRICES[orientation])
    if orientation >= 5:
        return upright.swapaxes(0, 1)[::x_step, ::y_step]
    return upright[::y_step, ::x_step]


def apply_orientation(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn a stored array upright.

    Parameters
    ----------
    stored : ndarray
        (h, w) or (h, w, C).
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray
        A contiguous copy of the same type: (h, w, ...), or (w, h, ...) for the orientations 5
        to 8.
    """
    height, width = stored.shape[:2]
    shape = (width, height) if orientation >= 5 else (height, width)
    upright = np.empty((*shape, *stored.shape[2:]), stored.dtype)
    stored_view(upright, orientation)[...] = stored
    return upright


def orient_side(side: ViewSide, orientation: int) -> ViewSide | None:
    """Return on which side a second view lies once the photo is turned upright.

    Parameters
    ----------
    side : {"left", "right"}
        Side on the stored pixels.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    str or None
        "left" or "right"; None for the orientations 5 to 8, after which the view lies above
        or below.
    """
    if orientation >= 5:
        return None
    mirrored = sum(ORIENTATION_MATRICES[orientation][0]) < 0
    if not mirrored:
        return side
    return "left" if side == "right" else "right"
