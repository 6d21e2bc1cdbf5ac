"""Photographed pairs: Middlebury's motorcycle, and those beside the repository."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from depthmatte.depth.stereo.disparity import left_right_difference
from depthmatte.depth.stereo.matching import match_pair
from depthmatte.depth.stereo.sgbm import match_sgbm
from depthmatte.errors import InputError
from depthmatte.io.photo.photo_reader import read
from depthmatte.types import RGB
from stereo_pairs import LEFT
from stereoscenes import SCENE, Plane, texture, view

REAL = {
    "cones": ("2bt_cones_left.png", "2bt_cones_right.png"),
    "bowling": ("2bt_bowling_left.png", "2bt_bowling_right.png"),
    "people": ("ambush_5_left.jpg", "ambush_5_right.jpg"),
}


@cache
def motorcycle() -> tuple[RGB, RGB, np.ndarray]:
    """Middlebury's motorcycle, which scikit-image brings: left, right, true disparity."""
    data = pytest.importorskip("skimage.data", reason="needs the extra demo")
    left, right, truth = data.stereo_motorcycle()
    return left, right, truth


@pytest.fixture(params=["motorcycle", *REAL])
def real_pair(request: pytest.FixtureRequest) -> tuple[RGB, RGB]:
    """One pair at a time; all but the first lie beside the repository."""
    if request.param == "motorcycle":
        return motorcycle()[:2]
    folder = request.getfixturevalue("shared") / "data" / "stereo"
    left, right = (read(folder / file).rgb for file in REAL[request.param])
    return left, right


def test_real_pairs_agree_from_both_sides(real_pair: tuple[RGB, RGB]) -> None:
    left, right = real_pair
    ours, theirs = (
        match_pair(left, right, match_sgbm, side).disparity for side in ("left", "right")
    )  # type: ignore[arg-type]
    known = ours.prob > 0
    assert known.mean() > 0.8
    apart = left_right_difference(ours.pixels, theirs.pixels)
    assert (apart[known] <= 1.5).mean() > 0.99
    with pytest.raises(InputError, match="exchange them"):
        match_pair(right, left, match_sgbm)


def test_a_real_pair_agrees_with_its_truth() -> None:
    left, right, truth = motorcycle()
    found = match_pair(left, right, match_sgbm).disparity
    known = np.isfinite(truth) & (found.prob > 0)
    assert (np.abs(found.pixels - truth)[known] > 2).mean() < 0.06


@pytest.mark.parametrize("real_pair", ["motorcycle", "cones"], indirect=True)
def test_a_real_pair_is_rectified_without_calibration(real_pair: tuple[RGB, RGB]) -> None:
    """The right camera turned by a few degrees: what is found stays in the order it had."""
    left, right = real_pair
    height, width = left.shape[:2]
    lens = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    turn = cv2.Rodrigues(np.radians([1.0, 0.5, 1.5]))[0]
    moved = cv2.warpPerspective(
        right, lens @ turn @ np.linalg.inv(lens), (width, height), borderMode=cv2.BORDER_REFLECT
    )
    plain, found = match_pair(left, right, match_sgbm), match_pair(left, moved, match_sgbm)
    assert found.pair.how == "estimated"
    both = (plain.disparity.prob > 0) & (found.disparity.prob > 0)
    assert both.mean() > 0.7
    agreement = np.corrcoef(plain.disparity.pixels[both], found.disparity.pixels[both])[0, 1]
    assert agreement > 0.9


def test_scene_and_texture_are_worth_matching() -> None:
    """The fixtures themselves: another seed is another picture, planes have their depth."""
    assert np.abs(texture(1) - texture(2)).mean() > 0.1
    depth = view(LEFT, (Plane(2.0),))[1]
    np.testing.assert_allclose(depth, 2, rtol=1e-6)
    assert len(SCENE) == 2
