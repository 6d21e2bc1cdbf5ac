"""Pairs in any state are brought to equal rows, and what is found comes back to the photo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.camera import Camera, Rig
from depthmatte.depth.stereo.disparity import Disparity
from depthmatte.depth.stereo.keypoints import KeypointMatches, match_keypoints
from depthmatte.depth.stereo.rectify import (
    RectifiedPair,
    common_axes,
    is_rectified,
    rectify_calibrated,
    rectify_uncalibrated,
)
from depthmatte.depth.stereo.rectify import pair_from_rectified as as_given
from depthmatte.errors import InputError
from stereoscenes import Plane, camera, view

BASE = 0.1
turns = st.tuples(*[st.floats(-6, 6)] * 3)


@given(turns, turns, st.floats(-0.03, 0.03), st.floats(-0.03, 0.03), st.booleans())
def test_in_the_common_frame_rows_agree(
    first: tuple[float, ...],
    second: tuple[float, ...],
    up: float,
    forth: float,
    leftwards: bool,
) -> None:
    photo = camera((0.2, -0.1, 0.3), first)
    step = -BASE if leftwards else BASE
    other = camera((0.2 + step, -0.1 + up, 0.3 + forth), second)
    axes, side = common_axes(photo, other)
    assert side == ("left" if leftwards else "right")
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    centers = [axes @ -seen.rotation.T @ seen.translation for seen in (photo, other)]
    np.testing.assert_allclose(centers[0][1:], centers[1][1:], atol=1e-12)
    apart = centers[1][0] - centers[0][0]
    assert apart == pytest.approx(np.copysign(np.hypot(np.hypot(step, up), forth), step))
    # Neither view is turned over or away.
    for seen in (photo, other):
        assert np.diag(axes @ seen.rotation.T).min() > 0.5


def test_the_common_frame_looks_the_same_way_as_opencvs() -> None:
    left, right = camera(degrees=(2, -3, 4)), camera((BASE, 0.01, 0.02), (-2, 3, -1))
    rotation, translation = Rig(right, left).pose
    turn = cv2.stereoRectify(
        left.matrix,
        np.zeros(5),
        right.matrix,
        np.zeros(5),
        (320, 240),
        rotation,
        translation[:, None],
    )[0]
    ours = common_axes(left, right)[0] @ left.rotation.T
    np.testing.assert_allclose(ours[0], turn[0], atol=1e-9)
    np.testing.assert_allclose(ours, turn, atol=0.02)  # how far both tip about the line is free


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("distortion", [(), (0.08, -0.05, 0.002, -0.001)])
def test_calibrated_pictures_have_equal_rows(side: str, distortion: tuple[float, ...]) -> None:
    left = camera((0, 0, 0), (2, -3, 4), distortion=distortion)
    right = camera((BASE, 0.01, 0), (-2, 3, -1), distortion=distortion)
    photo, other = (left, right) if side == "left" else (right, left)
    pair = rectify_calibrated(view(photo)[0], view(other)[0], Rig(photo, other))
    assert pair.photo_side == side
    found = match_keypoints(pair.left, pair.right).epipolar_inliers()
    assert len(found) > 40
    assert np.median(np.abs(found.row_offsets)) < 0.3
    assert np.median(found.disparity) > 3


def test_a_vertical_pair_is_turned() -> None:
    """The second camera below the first: rows of the rectified pair run downwards."""
    above, below = camera(), camera((0, BASE, 0))
    pair = rectify_calibrated(view(above)[0], view(below)[0], Rig(above, below))
    found = match_keypoints(pair.left, pair.right).epipolar_inliers()
    assert len(found) > 40
    assert np.median(np.abs(found.row_offsets)) < 0.3
    disparity = 300 * BASE / 4
    assert np.percentile(found.disparity, 20) == pytest.approx(disparity, rel=0.1)


def test_what_is_found_comes_back_to_the_photo() -> None:
    left, right = camera(degrees=(3, -4, 6)), camera((BASE, 0, 0), (0, 2, 0))
    pair = rectify_calibrated(view(left)[0], view(right)[0], Rig(left, right))
    rows, columns = np.mgrid[: pair.left.shape[0], : pair.left.shape[1]].astype(np.float32)
    x, y = (
        pair.to_photo_pixels(Disparity(values, np.ones_like(values))).pixels
        for values in (columns, rows)
    )
    assert pair.grid is not None
    assert np.abs(np.stack([x, y], -1) - pair.grid).max() <= 0.5 + 1e-3


def test_photo_pixels_outside_the_rectified_view_are_not_measured() -> None:
    grid = np.array([[[0, 0], [5, 0], [np.nan, 0], [-0.6, 0], [1.4, 0]]], np.float32)
    blank = np.zeros((2, 2, 3), np.uint8)
    pair = RectifiedPair(blank, blank, "left", "calibrated", grid)
    ones = np.ones((2, 2), np.float32)
    assert pair.to_photo_pixels(Disparity(ones, ones)).prob.tolist() == [[1, 0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("second", "problem"),
    [(camera(), "one place"), (camera((0, 0, 0.3)), "behind the other")],
)
def test_cameras_that_see_no_parallax_are_refused(second: Camera, problem: str) -> None:
    blank = np.zeros((240, 320, 3), np.uint8)
    with pytest.raises(InputError, match=problem):
        rectify_calibrated(blank, blank, Rig(camera(), second))


def test_another_size_is_scaled_to_the_photos() -> None:
    left, right = np.zeros((30, 40, 3), np.uint8), np.zeros((60, 80, 3), np.uint8)
    assert as_given(left, right, "left").right.shape == (30, 40, 3)
    pair = as_given(left, right, "right", Rig(camera(shape=(60, 80)), camera((-0.2, 0, 0)), True))
    assert pair.left.shape == (60, 80, 3)
    assert pair.baseline == pytest.approx(0.2)


def test_rectified_pairs_are_known_from_others() -> None:
    left = view(camera())[0]
    assert is_rectified(match_keypoints(left, view(camera((BASE, 0, 0)))[0]))
    assert not is_rectified(match_keypoints(left, view(camera((BASE, 0, 0), (1.5, 0, 2)))[0]))
    assert not is_rectified(match_keypoints(left, view(camera((BASE, 0, 0), (0, 0, 2)))[0]))


@pytest.mark.parametrize(
    ("first", "second", "focal"),
    [
        ((0, 0, 0), (1, 1, 2), 300.0),
        ((1, -2, -2), (-1, 2, 1), 300.0),
        ((0, 0, 0), (0, 0, 0.5), 309.0),
    ],
)
def test_rows_are_estimated_without_calibration(
    first: tuple[float, ...], second: tuple[float, ...], focal: float
) -> None:
    left, right = camera(degrees=first), camera((BASE, 0, 0), second, focal=focal)
    views = view(left)[0], view(right)[0]
    pair = rectify_uncalibrated(*views, "left", match_keypoints(*views))
    found = match_keypoints(pair.left, pair.right).epipolar_inliers()
    assert len(found) > 40
    assert np.median(np.abs(found.row_offsets)) < 0.5
    # Depth order survives: the square in front has clearly more disparity than the wall.
    near = np.percentile(found.disparity, 95) - np.percentile(found.disparity, 20)
    assert near == pytest.approx(300 * BASE * (1 / 1.6 - 1 / 4), rel=0.25)


def test_too_few_points_are_refused() -> None:
    flat = np.full((100, 100, 3), 90, np.uint8)
    with pytest.raises(InputError, match="only 0 points match"):
        rectify_uncalibrated(flat, flat, "left", match_keypoints(flat, flat))


def test_points_by_chance_are_refused() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.uniform(0, 300, (2, 60, 2))
    blank = np.zeros((300, 300, 3), np.uint8)
    found = KeypointMatches(left, right, 1.0)
    with pytest.raises(InputError, match=r"points match|cannot be brought together"):
        rectify_uncalibrated(blank, blank, "left", found)


def test_one_plane_is_enough_to_estimate() -> None:
    wall = (Plane(3.0, slope=0.2, seed=5),)
    views = view(camera(), wall)[0], view(camera((BASE, 0, 0), (0.5, 0, 1.5)), wall)[0]
    pair = rectify_uncalibrated(*views, "left", match_keypoints(*views))
    assert (
        np.median(np.abs(match_keypoints(pair.left, pair.right).epipolar_inliers().row_offsets))
        < 0.5
    )
