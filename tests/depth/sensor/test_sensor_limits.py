"""Near and far limits of a sensor, and flying pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from depthmatte.depth.sensor.depth_map import (
    SensorOptions,
    mark_out_of_range,
)
from depthmatte.depth.sensor.flying_pixels import find_flying_pixels
from depthmatte.evidence import DepthStatus
from sensor_photos import measured, raw

Map = NDArray[Any]


def test_limits_by_hand() -> None:
    z = np.array([[0.3, 1.0, 9.0, 1.0]], np.float32)
    validity = np.array([[0, 0, 0, DepthStatus.FLYING_PIXEL]], np.uint8)
    assert mark_out_of_range(z, validity, 0.5, 5.0).tolist() == [
        [DepthStatus.TOO_NEAR, DepthStatus.VALID, DepthStatus.TOO_FAR, DepthStatus.FLYING_PIXEL]
    ]
    steps = np.repeat([[0.3, 1.0, 2.0, 9.0]], 3, axis=1).repeat(3, axis=0)
    depth = measured(raw(steps), SensorOptions(near=0.5, far=5.0))
    assert depth.validity[1].tolist() == [2, 2, 2, 0, 0, 0, 0, 0, 0, 3, 3, 3]
    assert depth.prob[1, 3] == 0.5  # d_max is the largest valid depth, not the largest


def test_flying_pixels_are_told_apart() -> None:
    z = np.full((7, 12), 3.0, np.float32)
    z[:, :6] = 1.0
    z[:, 6] = [1.9, 2.2, 1.7, 2.0, 2.3, 1.8, 2.1]
    expected = np.zeros_like(z, bool)
    expected[:, 6] = True
    assert np.array_equal(find_flying_pixels(z, z > 0), expected)
    assert np.array_equal(find_flying_pixels(z.T.copy(), z.T > 0), expected.T)
    assert (measured(raw(z)).validity[:, 6] == DepthStatus.FLYING_PIXEL).all()


def test_steep_walls_steps_and_strands_are_not_flying() -> None:
    steep = np.repeat(2.0 / (1 - 0.04 * np.arange(20))[None], 9, axis=0).astype(np.float32)
    assert not find_flying_pixels(steep, steep > 0).any()
    step = np.where(np.arange(20) < 9, 1.0, 3.0)[None].repeat(9, axis=0).astype(np.float32)
    assert not find_flying_pixels(step, step > 0).any()
    strand = np.full((9, 9), 3.0, np.float32)
    strand[:, 4] = 1.0
    assert not find_flying_pixels(strand, strand > 0).any()
    speck = np.full((9, 9), 3.0, np.float32)
    speck[4, 4] = 1.0
    assert np.flatnonzero(find_flying_pixels(speck, speck > 0)).tolist() == [40]


def test_sparse_depth_is_not_flying() -> None:
    """Lidar on the photo's grid: no pixel has neighbors to disagree with."""
    z = np.zeros((20, 20), np.float32)
    z[::4, ::4] = np.random.default_rng(0).uniform(2, 9, (5, 5))
    assert not find_flying_pixels(z, z > 0).any()
