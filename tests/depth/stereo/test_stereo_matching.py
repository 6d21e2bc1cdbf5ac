"""Pairs in any state are matched or refused: rectified, calibrated, or neither."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depthmatte.camera import Rig
from depthmatte.depth.stereo.keypoints import KeypointMatches
from depthmatte.depth.stereo.matching import match_pair
from depthmatte.depth.stereo.sgbm import match_sgbm
from depthmatte.depth.stereo.triangulate import triangulate
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus
from stereo_pairs import BASE, blank, made, wrong
from stereoscenes import camera, view
from usac_points import POINTS


@pytest.mark.parametrize("original", ["left", "right"])
def test_a_rectified_pair_is_matched_from_either_view(original: str) -> None:
    left, right, *truths = made()
    found = match_pair(left, right, match_sgbm, original)  # type: ignore[arg-type]
    assert found.pair.how == "given"
    assert wrong(found.disparity, truths[original == "right"]) < 0.02
    assert (found.disparity.prob > 0).mean() > 0.85


@pytest.mark.parametrize("original", ["left", "right"])
def test_swapped_views_are_found(original: str) -> None:
    left, right, _, _ = made()
    with pytest.raises(InputError, match="views seem swapped; exchange them"):
        match_pair(right, left, match_sgbm, original)  # type: ignore[arg-type]


def test_views_that_tell_nothing_have_probability_0() -> None:
    left = made()[0]
    noise = np.random.default_rng(0).integers(0, 256, left.shape, np.uint8)
    for pair in ((left, left), (blank(), blank()), (left, blank()), (left, noise)):
        found = match_pair(*pair, match_sgbm)
        assert not found.disparity.prob.any()
        depth = triangulate(found)
        assert not depth.prob.any()
        assert np.unique(depth.validity).tolist() == [DepthStatus.MISSING]


def test_gray_views_are_matched() -> None:
    left, right, truth, _ = made()
    gray = [np.repeat(cv2.cvtColor(v, cv2.COLOR_RGB2GRAY)[..., None], 3, 2) for v in (left, right)]
    assert wrong(match_pair(*gray, match_sgbm).disparity, truth) < 0.02


def test_views_of_slightly_different_size_are_matched() -> None:
    left, right, truth, _ = made()
    larger = cv2.resize(right, (344, 258), interpolation=cv2.INTER_LINEAR)
    assert wrong(match_pair(left, larger, match_sgbm).disparity, truth) < 0.05


def test_views_of_other_shapes_are_refused() -> None:
    left, right, _, _ = made()
    with pytest.raises(InputError, match="320 x 240 and 160 x 240 differ in shape"):
        match_pair(left, right[:, :160], match_sgbm)


@pytest.mark.parametrize("original", ["left", "right"])
def test_a_pair_cut_for_viewing_keeps_its_depth(original: str) -> None:
    """Shifted until the square is at the screen: the wall's disparity is negative then."""
    left, right, *truths = made()
    shift = 15
    cut = (left[:, shift:], right[:, :-shift])
    with pytest.raises(InputError, match="swapped"):
        match_pair(left[:, 20:], right[:, :-20], match_sgbm)
    found = match_pair(*cut, match_sgbm, original, shifted=True)  # type: ignore[arg-type]
    kept = truths[0][:, shift:] if original == "left" else truths[1][:, :-shift]
    assert wrong(found.disparity, kept - shift) < 0.02
    assert found.shifted
    z, known = triangulate(found).z, found.disparity.prob > 0
    assert np.percentile(z[known & (kept > 15)], 95) < 0.2
    assert np.percentile(z[known & (kept < 10)], 5) > 0.5


@pytest.mark.parametrize("original", ["left", "right"])
@pytest.mark.parametrize("distortion", [(), (0.08, -0.05, 0.002, -0.001)])
def test_a_calibrated_pair_gives_meters(original: str, distortion: tuple[float, ...]) -> None:
    left = camera((0, 0, 0), (2, -3, 4), distortion=distortion)
    right = camera((BASE, 0.01, 0.005), (-2, 3, -1), distortion=distortion)
    photo, other = (left, right) if original == "left" else (right, left)
    rgb, truth = view(photo)
    second, _ = view(other)
    views = (rgb, second) if original == "left" else (second, rgb)
    found = match_pair(*views, match_sgbm, original, Rig(photo, other))  # type: ignore[arg-type]
    depth = triangulate(found)
    assert depth.metric
    known = depth.prob > 0
    assert known.mean() > 0.7
    error = np.abs(depth.z - truth)[known] / truth[known]
    assert np.median(error) < 0.01
    assert (error > 0.05).mean() < 0.04


def test_an_uncalibrated_pair_keeps_the_order_of_depths() -> None:
    left, right = camera(degrees=(1, -2, -2)), camera((BASE, 0, 0), (-1, 2, 1))
    (rgb, truth), (second, _) = view(left), view(right)
    found = match_pair(rgb, second, match_sgbm)
    assert found.pair.how == "estimated"
    depth, known = triangulate(found), found.disparity.prob > 0
    assert known.mean() > 0.7
    near, far = (known & side for side in (truth < 2, truth > 3))
    assert np.percentile(depth.z[near], 95) < np.percentile(depth.z[far], 5)


def test_points_on_which_opencv_asserts_match_nothing() -> None:
    """Its estimator fails on some sets: an answer, no error, and the next source is asked."""
    found = KeypointMatches(POINTS[:, :2], POINTS[:, 2:], 1.0).epipolar_inliers()
    assert len(found) in (0, *range(8, len(POINTS) + 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_views_are_matched_or_refused(shape: tuple[int, int]) -> None:
    view = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    try:
        found = match_pair(view, view, match_sgbm)
    except InputError:
        return
    assert found.disparity.shape == shape
