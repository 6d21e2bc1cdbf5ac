"""Segmentation by a network: Canvas -> Matte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..canvas import Canvas
from ..networks.network import Network
from ..values import Matte


def create_segmenter(network: Network, mirrored_view: bool = False) -> Callable[[Canvas], Matte]:
    """Make a segmentation step for the pipeline.

    Parameters
    ----------
    network : Network
        With the task "matte".
    mirrored_view : bool
        Whether the mean with the mirrored canvas counts for the whole photo too.

    Returns
    -------
    callable
        Canvas -> Matte with alpha and probability. Both are 0 on the canvas's padding.

    Raises
    ------
    WeightsError
        For a network with another task.
    """
    network.require_task("matte")

    def segment(canvas: Canvas) -> Matte:
        # The second look averages with the mirrored canvas: a network errs differently there.
        maps = network.predict_canvas(canvas, flip_average=mirrored_view or canvas.fit.is_crop)
        inside = canvas.fit.inside()
        alpha, prob = (np.where(inside, maps[name], np.float32(0)) for name in ("alpha", "prob"))
        return Matte(alpha, prob, canvas.rgb[0])

    return segment
