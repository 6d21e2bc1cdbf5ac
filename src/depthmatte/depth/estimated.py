"""Depth estimated from the photo alone, by a network."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas
from ..evidence import DepthStatus
from ..networks.network import Network
from ..photo import Photo
from ..values import Depth
from . import DepthFunction


def create_depth_estimator(network: Network) -> DepthFunction:
    """Make the depth source "mono".

    Parameters
    ----------
    network : Network
        With the task "depth".

    Returns
    -------
    callable
        (Photo, Canvas) -> Depth with relative depth in [0, 1], 0 nearest, and its probability.
        The probability is 0 on the canvas's padding.

    Raises
    ------
    WeightsError
        For a network with another task.
    """
    network.require_task("depth")

    def estimate(photo: Photo, canvas: Canvas) -> Depth:
        # The second look averages with the mirrored canvas: a network errs differently there.
        maps = network.predict_canvas(canvas, flip_average=canvas.fit.is_crop)
        inside = canvas.fit.inside()
        prob = np.where(inside, maps["prob"], np.float32(0))
        # The estimate covers every pixel of the photo, also where its probability is 0.
        validity = np.where(inside, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
        return Depth(maps["depth"], prob, source="mono", validity=validity)

    return estimate
