"""Depth from one photo alone, by a network: SPEC row A8."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas
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
        maps = network.run(canvas.rgb)
        z, prob = (np.clip(maps[name][0, 0], 0, 1) for name in ("depth", "prob"))
        return Depth(z, np.where(canvas.fit.inside(), prob, np.float32(0)), source="mono")

    return estimate
