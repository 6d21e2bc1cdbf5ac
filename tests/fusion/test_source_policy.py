"""How far fusion follows depth depends on where the depth comes from."""

from __future__ import annotations

import numpy as np
import pytest

import depthmatte as dm
from depthmatte.canvas import Canvas
from depthmatte.fusion import FUSIONS
from depthmatte.fusion.adaptive import fuse_adaptive
from depthmatte.fusion.source_policy import is_measured, may_be_foreign
from depthmatte.values import Depth, Matte
from fusion_scenes import scene


def depth_from(source: str) -> Depth:
    z = np.zeros((4, 4), np.float32)
    return Depth(z, np.ones_like(z), source=source)


@pytest.mark.parametrize(
    ("source", "measured", "foreign"),
    [
        ("stored", True, True),
        ("sensor", True, True),
        ("stereo", True, False),
        ("mono", False, False),
        ("none", False, False),
        ("Sensor", False, False),
        ("my estimator", False, False),
    ],
)
def test_only_built_in_sources_count_as_measured(
    source: str, measured: bool, foreign: bool
) -> None:
    assert is_measured(depth_from(source)) == measured
    assert may_be_foreign(depth_from(source)) == foreign


def test_an_unknown_source_fuses_like_an_estimate() -> None:
    matte, sensor, _ = scene(behind=0.5, hole=True)
    mono, unknown = (Depth(sensor.z, sensor.prob, source=name) for name in ("mono", "none"))
    assert fuse_adaptive(matte, unknown) == fuse_adaptive(matte, mono)
    inverted = [Depth(1 - one.z, one.prob, source=one.source) for one in (unknown, sensor)]
    assert fuse_adaptive(matte, inverted[0]) != matte  # an estimate is never of another photo
    assert fuse_adaptive(matte, inverted[1]) == matte


def test_a_users_own_measure_without_a_source_removes_no_arm_in_front() -> None:
    """The arm reaches for the camera. An estimate must not remove it."""
    alpha = np.zeros((128, 128), np.float32)
    alpha[20:124, 30:60] = alpha[20:124, 70:80] = 1

    def cut(source: str | None) -> np.ndarray:
        def measure(photo: dm.Photo, canvas: Canvas) -> Depth:
            z = np.full((128, 128), 0.9, np.float32)
            z[:, 30:60], z[:, 70:80] = 0.5, 0.1
            named = {} if source is None else {"source": source}
            return Depth(z, np.full_like(z, 0.9), **named)  # type: ignore[arg-type]

        pipeline = dm.Pipeline(
            segment=lambda canvas: Matte(alpha, alpha, canvas.rgb[0]),
            measure=measure,
            fuse=FUSIONS["adaptive"],
            preset=(128, 128),
            second_look=False,
        )
        return pipeline(dm.Photo(np.full((128, 128, 3), 120, np.uint8))).alpha

    default = cut(None)
    np.testing.assert_array_equal(default, cut("mono"))
    assert (default[30:110, 72:78] == 1).all()
