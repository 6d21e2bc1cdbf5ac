"""From disparity to depth, in meters or relative."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.depth.stereo.disparity import Disparity
from depthmatte.depth.stereo.matching import StereoMatch
from depthmatte.depth.stereo.rectify import RectifiedPair
from depthmatte.depth.stereo.triangulate import triangulate
from depthmatte.evidence import DepthStatus
from stereo_pairs import floats


def flat(pixels: np.ndarray, **about: object) -> StereoMatch:
    """A match with probability 1 where `pixels` is finite."""
    known = np.isfinite(pixels)
    blank = np.zeros((*pixels.shape, 3), np.uint8)
    pair = replace(RectifiedPair(blank, blank, "left", "given"), **about)  # type: ignore[arg-type]
    disparity = Disparity(np.where(known, pixels, 0).astype(np.float32), known.astype(np.float32))
    return StereoMatch(disparity, np.zeros(pixels.shape, bool), pair)


def test_meters_on_hand_made_numbers() -> None:
    """z = fx * baseline / (disparity + doffs)."""
    found = flat(np.array([[10.0, 40, -20, np.nan]]), focal=500.0, baseline=0.2, doffs=10.0)
    depth = triangulate(found)
    assert depth.metric
    assert depth.z[0, :3].tolist() == pytest.approx([5, 2, 200])  # cut off at half a pixel
    reasons = [DepthStatus.VALID, DepthStatus.VALID, DepthStatus.TOO_FAR, DepthStatus.MISSING]
    assert depth.validity.tolist() == [reasons]


def test_relative_depth_is_log_distance() -> None:
    found = flat(np.array([[40.0, 20, 10, 5]] * 60))
    np.testing.assert_allclose(triangulate(found).z[0], [0, 1 / 3, 2 / 3, 1], atol=1e-6)
    assert not triangulate(found).metric


def test_relative_depth_ends_where_it_cannot_be_told() -> None:
    found = flat(np.array([[100.0, 2, 0.0, 0.4]] * 60))
    depth = triangulate(found)
    np.testing.assert_allclose(depth.z[0], [0, 1, 1, 1], atol=1e-6)
    assert depth.validity[0].tolist() == [
        DepthStatus.VALID,
        DepthStatus.VALID,
        *[DepthStatus.TOO_FAR] * 2,
    ]


def test_a_flat_wall_is_not_stretched_into_a_scene() -> None:
    noise = np.random.default_rng(0).normal(40, 0.3, (50, 50))
    assert triangulate(flat(noise)).z.max() < 0.15


def test_hidden_parts_say_so() -> None:
    found = flat(np.array([[40.0, 20]]))
    found = replace(found, hidden=np.array([[False, True]]))
    assert triangulate(found).validity.tolist() == [[DepthStatus.VALID, DepthStatus.OCCLUDED]]


@given(arrays(np.float32, (4, 5), elements=floats), arrays(np.bool_, (4, 5)), st.booleans())
def test_any_disparity_gives_a_sound_depth(
    pixels: np.ndarray, known: np.ndarray, shifted: bool
) -> None:
    found = replace(flat(np.where(known, pixels, np.nan)), shifted=shifted)
    for pair in (found.pair, replace(found.pair, focal=300.0, baseline=0.1, doffs=-5.0)):
        depth = triangulate(replace(found, pair=pair))  # Depth checks itself
        assert (depth.prob > 0).sum() == known.sum()
