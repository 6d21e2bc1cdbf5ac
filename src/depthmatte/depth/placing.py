"""Depth maps brought from one grid of a photo to another: the nearest value is taken.

Between two surfaces, or a hole and a surface, no mean is true.
"""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Fit, lay
from ..evidence import Reason
from ..maps import Depth


def on_canvas(depth: Depth, canvas: Canvas) -> Depth:
    """Depth on a picture of the photo of any size -> the same on the canvas of that photo.

    On the canvas's padding nothing is measured.
    """
    fit = canvas.fit.resized((depth.z.shape[0], depth.z.shape[1]))
    z, prob = (lay(values, fit, nearest=True) for values in (depth.z, depth.prob))
    validity = lay(depth.validity, fit, Reason.MISSING, nearest=True)
    return Depth(z, prob, depth.metric, depth.source, validity)


def moved(depth: Depth, fit: Fit, canvas: Canvas) -> Depth:
    """Depth on the canvas of a whole photo's `fit` -> on another canvas of that photo."""
    turns = -1 if fit.turned else 0
    z, prob = (
        np.asarray(np.ascontiguousarray(np.rot90(plane[fit.window], turns)), np.float32)
        for plane in (depth.z, depth.prob)
    )
    validity = np.asarray(
        np.ascontiguousarray(np.rot90(depth.validity[fit.window], turns)), np.uint8
    )
    return on_canvas(Depth(z, prob, depth.metric, depth.source, validity), canvas)
