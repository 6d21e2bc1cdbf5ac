"""The binocular network's runner: scales a pair to what the network sees, and back (row A9)."""

from __future__ import annotations

import cv2
import numpy as np

from ..canvas import Float, resize, scaled
from ..network import Network
from ..photo import RGB
from .disparity import Disparity, Matcher

SIDE = 768
"""Longer side in pixels at which pairs are matched."""

LARGEST = 128.0
"""Pixels of disparity the network can tell apart."""


def binocular(network: Network, side: int = SIDE) -> Matcher:
    """A matcher that asks `network` (task "stereo") for disparity and I2.

    The pair is scaled so that its longer side is `side`, or less where `reach` would not fit
    the network. Raises WeightsError for a network with another task.
    """
    network.expect("stereo")

    def match(left: RGB, right: RGB, reach: float | None = None) -> Disparity:
        height, width = left.shape[:2]
        scale = min(side / max(height, width), LARGEST / (reach or 1.0))
        shape = scaled((height, width), scale)
        maps = network.run(_stacked(left, right, shape, network.contract.multiple))
        pixels, prob = (maps[name][0, 0, : shape[0], : shape[1]] for name in ("disparity", "prob"))
        return _sound(pixels, prob).resized((height, width))

    return match


def _stacked(left: RGB, right: RGB, shape: tuple[int, int], multiple: int) -> Float:
    """Both views as float32 (1, 6, h, w) in [0, 1], their last rows and columns repeated."""
    below, beside = (-size % multiple for size in shape)
    planes = []
    for view in (left, right):
        small = resize(view, shape)
        padded = cv2.copyMakeBorder(small, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        planes.append(padded.transpose(2, 0, 1))
    return np.asarray(np.concatenate(planes)[None], np.float32) / np.float32(255)


def _sound(pixels: Float, prob: Float) -> Disparity:
    """What a network says, without what is no number."""
    good = np.isfinite(pixels) & np.isfinite(prob)
    return Disparity(
        np.where(good, np.maximum(pixels, 0), 0).astype(np.float32),
        np.where(good, np.clip(prob, 0, 1), 0).astype(np.float32),
    )
