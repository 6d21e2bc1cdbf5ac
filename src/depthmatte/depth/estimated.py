"""Depth from one photo alone, by a network: SPEC row A8."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas
from ..evidence import DepthStatus
from ..networks.network import Network
from ..photo import Photo
from ..values import Depth
from . import DepthFunction


def create_depth_estimator(network: Network) -> DepthFunction:
    """A step that asks `network` (task "depth") for d (0 nearest) and I2.

    The canvas's padding shows no scene: there I2 is 0. Raises WeightsError for a network
    with another task.
    """
    network.require_task("depth")

    def estimate(photo: Photo, canvas: Canvas) -> Depth:
        # The second look averages with the mirrored canvas: a network errs differently there.
        maps = network.predict_canvas(canvas, flip_average=canvas.fit.is_crop)
        inside = canvas.fit.inside()
        prob = np.where(inside, maps["prob"], np.float32(0))
        # It answers for every pixel of the photo, also where it is not sure at all.
        validity = np.where(inside, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
        return Depth(maps["depth"], prob, source="mono", validity=validity)

    return estimate
