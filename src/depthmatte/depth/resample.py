"""Depth maps brought from one grid of a photo to another: the nearest value is taken.

Between two surfaces, or a hole and a surface, no mean is true.
"""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Letterbox, to_canvas
from ..evidence import DepthStatus
from ..values import Depth


def depth_to_canvas(depth: Depth, canvas: Canvas) -> Depth:
    """Depth on a picture of the photo of any size -> the same on the canvas of that photo.

    On the canvas's padding nothing is measured.
    """
    fit = canvas.fit.resized((depth.z.shape[0], depth.z.shape[1]))
    z, prob = (to_canvas(values, fit, nearest=True) for values in (depth.z, depth.prob))
    validity = to_canvas(depth.validity, fit, DepthStatus.MISSING, nearest=True)
    return Depth(z, prob, depth.metric, depth.source, validity)


def resample_depth(depth: Depth, fit: Letterbox, canvas: Canvas) -> Depth:
    """Depth on the canvas of a whole photo's `fit` -> on another canvas of that photo.

    It keeps the whole photo's scale: log depth and d / d_max mean what they meant.
    """
    rows, columns = canvas.fit.canvas
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    there = np.rint(
        fit.points_to_canvas(canvas.fit.points_to_photo(np.stack([x, y], axis=-1)))
    ).astype(int)
    low = np.array(fit.content_corner[::-1])
    column, row = np.moveaxis(
        np.clip(there, low, low + np.array(fit.content_shape[::-1]) - 1), -1, 0
    )
    inside = canvas.fit.inside()
    z, prob = (
        np.where(inside, plane[row, column], np.float32(0)) for plane in (depth.z, depth.prob)
    )
    validity = np.where(inside, depth.validity[row, column], np.uint8(DepthStatus.MISSING))
    return Depth(z, prob, depth.metric, depth.source, validity, depth.scale)
