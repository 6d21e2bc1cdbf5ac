"""Depth from one photo alone, by a network: SPEC row A8."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas
from ..evidence import Reason
from ..maps import Depth
from ..network import Network
from ..photo import Photo
from . import Source


def estimator(network: Network) -> Source:
    """A step that asks `network` (task "depth") for d (0 nearest) and I2.

    The canvas's padding shows no scene: there I2 is 0. Raises WeightsError for a network
    with another task.
    """
    network.expect("depth")

    def estimate(photo: Photo, canvas: Canvas) -> Depth:
        maps = network.look(canvas)
        inside = canvas.fit.inside()
        prob = np.where(inside, maps["prob"], np.float32(0))
        # It answers for every pixel of the photo, also where it is not sure at all.
        validity = np.where(inside, np.uint8(Reason.VALID), np.uint8(Reason.MISSING))
        return Depth(maps["depth"], prob, source="mono", validity=validity)

    return estimate
