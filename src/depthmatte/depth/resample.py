"""Move depth maps between the grids of a photo, by nearest neighbor.

Interpolation would invent depth between two surfaces, or between a hole and a surface.
"""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Letterbox, to_canvas
from ..evidence import DepthStatus
from ..values import Depth


def depth_to_canvas(depth: Depth, canvas: Canvas) -> Depth:
    """Move depth from the photo's frame to a canvas.

    Parameters
    ----------
    depth : Depth
        On the whole photo, at any size.
    canvas : Canvas
        Of the same photo, or a crop of it.

    Returns
    -------
    Depth
        On the canvas. The padding has status MISSING and probability 0.
    """
    fit = canvas.fit.resized((depth.z.shape[0], depth.z.shape[1]))
    z, prob = (to_canvas(values, fit, nearest=True) for values in (depth.z, depth.prob))
    validity = to_canvas(depth.validity, fit, DepthStatus.MISSING, nearest=True)
    return Depth(z, prob, depth.metric, depth.source, validity)


def resample_depth(depth: Depth, fit: Letterbox, target: Letterbox) -> Depth:
    """Move depth from the canvas of the whole photo to another canvas of that photo.

    Parameters
    ----------
    depth : Depth
        On the canvas of `fit`.
    fit : Letterbox
        Position of the whole photo on its canvas.
    target : Letterbox
        Position of the photo on another canvas, such as that of a crop.

    Returns
    -------
    Depth
        On the canvas of `target`. It keeps the scale of the whole photo, so log depth and depth
        relative to the largest stay comparable.
    """
    rows, columns = target.canvas
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    position = np.rint(
        fit.points_to_canvas(target.points_to_photo(np.stack([x, y], axis=-1)))
    ).astype(int)
    low = np.array(fit.content_corner[::-1])
    column, row = np.moveaxis(
        np.clip(position, low, low + np.array(fit.content_shape[::-1]) - 1), -1, 0
    )
    inside = target.inside()
    z, prob = (
        np.where(inside, plane[row, column], np.float32(0)) for plane in (depth.z, depth.prob)
    )
    validity = np.where(inside, depth.validity[row, column], np.uint8(DepthStatus.MISSING))
    return Depth(z, prob, depth.metric, depth.source, validity, depth.scale)
