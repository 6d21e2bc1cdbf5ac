"""Disparity and depth from two views: made scenes with exact truth, odd pairs, real pairs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from depthmatte.camera import Camera, Rig
from depthmatte.canvas import Fit, lay, prepare
from depthmatte.cli import app
from depthmatte.depth.binocular import LARGEST, OVERLAP, binocular
from depthmatte.depth.disparity import (
    Disparity,
    Matcher,
    across,
    difference,
    fill,
    hidden,
    match_right,
)
from depthmatte.depth.distance import distance
from depthmatte.depth.features import Matches
from depthmatte.depth.pair import Match, match
from depthmatte.depth.placing import on_canvas
from depthmatte.depth.rectify import Rectified
from depthmatte.depth.sgbm import sgbm
from depthmatte.depth.stereo import matcher, stereo
from depthmatte.errors import InputError, WeightsError
from depthmatte.evidence import Evidence, Reason, StereoView
from depthmatte.io import calibration, pfm
from depthmatte.io.image import read
from depthmatte.io.pairs import attach
from depthmatte.io.write import write
from depthmatte.maps import Depth
from depthmatte.network import Network
from depthmatte.photo import RGB, Photo
from stereoscenes import SCENE, Plane, camera, texture, view
from tinynets import model
from usac_points import POINTS

BASE = 0.1
LEFT, RIGHT = camera(), camera((BASE, 0, 0))
floats = st.floats(-30, 30, width=32)


@cache
def made() -> tuple[RGB, RGB, np.ndarray, np.ndarray]:
    """Both views of the scene and their true disparities."""
    (left, near), (right, far) = view(LEFT), view(RIGHT)
    return left, right, 300 * BASE / near, 300 * BASE / far


def wrong(found: Disparity, truth: np.ndarray) -> float:
    """Share of what was matched that is more than a pixel off."""
    known = found.prob > 0
    return float((np.abs(found.pixels - truth)[known] > 1).mean())


# Disparity as a value


@pytest.mark.parametrize(
    ("pixels", "prob", "problem"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), np.float32), "float32"),
        (np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), "float32"),
        (np.full((2, 2), np.nan, np.float32), np.zeros((2, 2), np.float32), "finite"),
        (np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32), "differ in size"),
        (np.zeros((2, 2), np.float32), np.full((2, 2), 2, np.float32), r"in \[0, 1\]"),
    ],
)
def test_a_disparity_is_checked(pixels: np.ndarray, prob: np.ndarray, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Disparity(pixels, prob)


def test_resized_disparity_counts_in_the_new_pixels() -> None:
    ones = np.ones((4, 6), np.float32)
    grown = Disparity(3 * ones, ones).resized((8, 9))
    assert grown.shape == (8, 9)
    np.testing.assert_allclose(grown.pixels, 4.5)


@given(arrays(np.float32, (5, 6), elements=floats), arrays(np.bool_, (5, 6)))
def test_unmatched_values_are_never_mixed_in(pixels: np.ndarray, known: np.ndarray) -> None:
    found = Disparity(np.where(known, 7, pixels), known.astype(np.float32))
    for shape in ((10, 12), (3, 4), (1, 1), (5, 9)):
        small = found.resized(shape)
        factor = shape[1] / 6
        np.testing.assert_allclose(small.pixels[small.prob > 0], 7 * factor, rtol=1e-4)


def test_hidden_is_what_a_nearer_thing_covers() -> None:
    far, near = 1.0, 4.0
    row = np.array([[far] * 6 + [near] * 3 + [far] * 4], np.float32)
    # The near thing at 6 to 8 lands on 2 to 4: what is at 3 to 5 there lies behind it.
    expected = np.zeros((1, 13), bool)
    expected[0, [0, 3, 4, 5]] = True  # 0 lands outside
    assert np.array_equal(hidden(row), expected)


def test_hidden_agrees_with_the_scene() -> None:
    """By disparity alone, against the truth seen from the other side."""
    truth, other = made()[2:]
    apart = difference(truth.astype(np.float32), other.astype(np.float32))
    assert (hidden(truth.astype(np.float32)) == (apart > 1)).mean() > 0.99


def test_what_the_other_view_does_not_cover_is_hidden() -> None:
    covered = np.ones((1, 5), bool)
    covered[0, 1] = False
    assert hidden(np.full((1, 5), 2, np.float32), covered).tolist() == [
        [True, True, False, True, False]
    ]


def test_across_looks_where_the_disparity_points() -> None:
    values = np.arange(5, dtype=np.float32)[None]
    found = across(np.array([[1, 1, 0, 5, -1]], np.float32), values, -9)
    assert found.tolist() == [[-9, 0, 2, -9, -9]]


def test_holes_get_the_farther_neighbour() -> None:
    pixels = np.array([[0, 5, 9, 9, 2, 0], [9, 9, 9, 9, 9, 9]], np.float32)
    known = np.array([[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    assert fill(pixels, known).tolist() == [[5, 5, 2, 2, 2, 2], [5, 5, 2, 2, 2, 2]]
    assert not fill(pixels, np.zeros_like(known)).any()


# The classical matcher


def test_sgbm_finds_both_views_disparities() -> None:
    left, right, truth, other = made()
    found = sgbm(left, right)
    assert wrong(found, truth) < 0.02
    assert (found.prob > 0).mean() > 0.85
    back = match_right(sgbm, left, right)
    assert wrong(back, other) < 0.02
    assert (back.prob > 0).mean() > 0.85


def test_sgbm_knows_what_it_cannot_see() -> None:
    left, right, truth, _ = made()
    found = sgbm(left, right)
    unseen = hidden(truth.astype(np.float32))
    assert (found.prob[unseen] == 0).mean() > 0.8
    assert np.isfinite(found.pixels).all()


def test_sgbm_claims_nothing_about_blank_parts() -> None:
    left, right, _, _ = (part.copy() for part in made())
    left[:80], right[:80] = 255, 255
    found = sgbm(left, right)
    assert not found.prob[:70].any()
    assert (found.prob[90:] > 0).mean() > 0.8


def test_sgbm_matches_other_exposures() -> None:
    left, right, truth, _ = made()
    darker = np.clip(right * 0.8 - 6, 0, 255).astype(np.uint8)
    found = sgbm(left, darker)
    assert wrong(found, truth) < 0.02
    assert (found.prob > 0).mean() > 0.8


def test_large_pairs_are_matched_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right, truth, _ = made()
    monkeypatch.setattr("depthmatte.depth.sgbm.CELLS", 2**19)
    assert wrong(sgbm(left, right), truth) < 0.06


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 900), (33, 7)])
def test_any_shape_is_matched(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    for matching in (sgbm, binocular(tiny())):
        for original in ("left", "right"):
            found = match(left, right, matching, original)  # type: ignore[arg-type]
            assert found.disparity.shape == shape


# The network's runner


def tiny() -> Network:
    """A "stereo" network whose disparity is 100 times the right view's blue, I2 the left red."""
    return Network(model("stereo"), threads=1)


def test_the_runner_scales_disparity_back() -> None:
    left, right = np.zeros((50, 100, 3), np.uint8), np.zeros((50, 100, 3), np.uint8)
    left[..., 0] = 204
    right[..., 2] = 51
    found = binocular(tiny(), side=200)(left, right)
    np.testing.assert_allclose(found.pixels, 10, rtol=1e-4)
    np.testing.assert_allclose(found.prob, 0.8, rtol=1e-4)


def test_the_runner_looks_again_where_the_first_look_points() -> None:
    """The first look, at half the size, says 100: that is 200, in the band from 96 on."""
    left, right = np.zeros((300, 768, 3), np.uint8), np.zeros((300, 768, 3), np.uint8)
    left[..., 0] = right[..., 2] = 255
    found = binocular(tiny())(left, right)
    np.testing.assert_allclose(found.pixels, LARGEST - OVERLAP + 100)
    assert found.prob.min() == 1
    near = binocular(tiny())(left, right, reach=50)  # then only the band from 0 on is asked
    np.testing.assert_allclose(near.pixels, 100)


def test_the_runner_takes_the_surer_of_two_bands() -> None:
    """Left half: near 20, so the band from 0 on; right half: near 200, so the one from 96 on."""
    left, right = np.full((320, 768, 3), 255, np.uint8), np.zeros((320, 768, 3), np.uint8)
    right[:, :384, 2] = 26
    right[:, 384:, 2] = 255
    found = binocular(tiny())(left, right)
    np.testing.assert_allclose(found.pixels[:, 20:360], 26 / 2.55, rtol=1e-3)
    np.testing.assert_allclose(found.pixels[:, 620:], LARGEST - OVERLAP + 100)


def test_the_runner_keeps_its_grid() -> None:
    """A column in the right view stays where it is, through scaling and padding."""
    left, right = np.zeros((90, 130, 3), np.uint8), np.zeros((90, 130, 3), np.uint8)
    right[:, 60:70, 2] = 255
    found = binocular(tiny(), side=520)(left, right)
    centre = (found.pixels * np.arange(130)).sum() / found.pixels.sum()
    assert centre == pytest.approx(64.5, abs=0.05)


def test_the_runner_lets_no_nan_out() -> None:
    network = tiny()
    bad = np.full((1, 1, 32, 64), np.nan, np.float32)
    network.run = lambda image: {"disparity": bad, "prob": bad}  # type: ignore[method-assign]
    blank = np.zeros((16, 32, 3), np.uint8)
    found = binocular(network, side=64)(blank, blank)
    assert not found.prob.any()


def test_only_stereo_networks_are_taken() -> None:
    with pytest.raises(WeightsError, match="stereo network is needed"):
        binocular(Network(model("depth"), threads=1))


def test_matchers_by_name(tmp_path: Path) -> None:
    assert matcher("sgbm") is sgbm
    file = tmp_path / "tiny.onnx"
    file.write_bytes(model("stereo"))
    blank = np.zeros((32, 32, 3), np.uint8)
    assert matcher(file, 1)(blank, blank).shape == (32, 32)
    with pytest.raises(InputError, match="unknown network"):
        matcher("best")


# Pairs in any state


@pytest.mark.parametrize("original", ["left", "right"])
def test_a_rectified_pair_is_matched_from_either_view(original: str) -> None:
    left, right, *truths = made()
    found = match(left, right, sgbm, original)  # type: ignore[arg-type]
    assert found.pair.how == "given"
    assert wrong(found.disparity, truths[original == "right"]) < 0.02
    assert (found.disparity.prob > 0).mean() > 0.85


@pytest.mark.parametrize("original", ["left", "right"])
def test_swapped_views_are_found(original: str) -> None:
    left, right, _, _ = made()
    with pytest.raises(InputError, match="views seem swapped; exchange them"):
        match(right, left, sgbm, original)  # type: ignore[arg-type]


def blank() -> RGB:
    return np.full((240, 320, 3), 127, np.uint8)


def test_views_that_tell_nothing_have_probability_0() -> None:
    left = made()[0]
    noise = np.random.default_rng(0).integers(0, 256, left.shape, np.uint8)
    for pair in ((left, left), (blank(), blank()), (left, blank()), (left, noise)):
        found = match(*pair, sgbm)
        assert not found.disparity.prob.any()
        depth = distance(found)
        assert not depth.prob.any()
        assert np.unique(depth.validity).tolist() == [Reason.MISSING]


def test_grey_views_are_matched() -> None:
    left, right, truth, _ = made()
    grey = [np.repeat(cv2.cvtColor(v, cv2.COLOR_RGB2GRAY)[..., None], 3, 2) for v in (left, right)]
    assert wrong(match(*grey, sgbm).disparity, truth) < 0.02


def test_views_of_slightly_different_size_are_matched() -> None:
    left, right, truth, _ = made()
    larger = cv2.resize(right, (344, 258), interpolation=cv2.INTER_LINEAR)
    assert wrong(match(left, larger, sgbm).disparity, truth) < 0.05


def test_views_of_other_shapes_are_refused() -> None:
    left, right, _, _ = made()
    with pytest.raises(InputError, match="320 x 240 and 160 x 240 differ in shape"):
        match(left, right[:, :160], sgbm)


@pytest.mark.parametrize("original", ["left", "right"])
def test_a_pair_cut_for_viewing_keeps_its_depth(original: str) -> None:
    """Shifted until the square is at the screen: the wall's disparity is negative then."""
    left, right, *truths = made()
    shift = 15
    cut = (left[:, shift:], right[:, :-shift])
    with pytest.raises(InputError, match="swapped"):
        match(left[:, 20:], right[:, :-20], sgbm)
    found = match(*cut, sgbm, original, shifted=True)  # type: ignore[arg-type]
    kept = truths[0][:, shift:] if original == "left" else truths[1][:, :-shift]
    assert wrong(found.disparity, kept - shift) < 0.02
    assert found.shifted
    z, known = distance(found).z, found.disparity.prob > 0
    assert np.percentile(z[known & (kept > 15)], 95) < 0.2
    assert np.percentile(z[known & (kept < 10)], 5) > 0.5


@pytest.mark.parametrize("original", ["left", "right"])
@pytest.mark.parametrize("distortion", [(), (0.08, -0.05, 0.002, -0.001)])
def test_a_calibrated_pair_gives_metres(original: str, distortion: tuple[float, ...]) -> None:
    left = camera((0, 0, 0), (2, -3, 4), distortion=distortion)
    right = camera((BASE, 0.01, 0.005), (-2, 3, -1), distortion=distortion)
    photo, other = (left, right) if original == "left" else (right, left)
    rgb, truth = view(photo)
    second, _ = view(other)
    views = (rgb, second) if original == "left" else (second, rgb)
    found = match(*views, sgbm, original, Rig(photo, other))  # type: ignore[arg-type]
    depth = distance(found)
    assert depth.metric
    known = depth.prob > 0
    assert known.mean() > 0.7
    error = np.abs(depth.z - truth)[known] / truth[known]
    assert np.median(error) < 0.01
    assert (error > 0.05).mean() < 0.04


def test_an_uncalibrated_pair_keeps_the_order_of_depths() -> None:
    left, right = camera(degrees=(1, -2, -2)), camera((BASE, 0, 0), (-1, 2, 1))
    (rgb, truth), (second, _) = view(left), view(right)
    found = match(rgb, second, sgbm)
    assert found.pair.how == "estimated"
    depth, known = distance(found), found.disparity.prob > 0
    assert known.mean() > 0.7
    near, far = (known & side for side in (truth < 2, truth > 3))
    assert np.percentile(depth.z[near], 95) < np.percentile(depth.z[far], 5)


# Distance


def flat(pixels: np.ndarray, **about: object) -> Match:
    """A match with probability 1 where `pixels` is finite."""
    known = np.isfinite(pixels)
    blank = np.zeros((*pixels.shape, 3), np.uint8)
    pair = replace(Rectified(blank, blank, "left", "given"), **about)  # type: ignore[arg-type]
    disparity = Disparity(np.where(known, pixels, 0).astype(np.float32), known.astype(np.float32))
    return Match(disparity, np.zeros(pixels.shape, bool), pair)


def test_metres_on_hand_made_numbers() -> None:
    """z = fx * baseline / (disparity + doffs)."""
    found = flat(np.array([[10.0, 40, -20, np.nan]]), focal=500.0, baseline=0.2, doffs=10.0)
    depth = distance(found)
    assert depth.metric
    assert depth.z[0, :3].tolist() == pytest.approx([5, 2, 200])  # cut off at half a pixel
    reasons = [Reason.VALID, Reason.VALID, Reason.TOO_FAR, Reason.MISSING]
    assert depth.validity.tolist() == [reasons]


def test_relative_depth_is_log_distance() -> None:
    found = flat(np.array([[40.0, 20, 10, 5]] * 60))
    np.testing.assert_allclose(distance(found).z[0], [0, 1 / 3, 2 / 3, 1], atol=1e-6)
    assert not distance(found).metric


def test_relative_depth_ends_where_it_cannot_be_told() -> None:
    found = flat(np.array([[100.0, 2, 0.0, 0.4]] * 60))
    depth = distance(found)
    np.testing.assert_allclose(depth.z[0], [0, 1, 1, 1], atol=1e-6)
    assert depth.validity[0].tolist() == [Reason.VALID, Reason.VALID, *[Reason.TOO_FAR] * 2]


def test_a_flat_wall_is_not_stretched_into_a_scene() -> None:
    noise = np.random.default_rng(0).normal(40, 0.3, (50, 50))
    assert distance(flat(noise)).z.max() < 0.15


def test_hidden_parts_say_so() -> None:
    found = flat(np.array([[40.0, 20]]))
    found = replace(found, hidden=np.array([[False, True]]))
    assert distance(found).validity.tolist() == [[Reason.VALID, Reason.SHADOW]]


@given(arrays(np.float32, (4, 5), elements=floats), arrays(np.bool_, (4, 5)), st.booleans())
def test_any_disparity_gives_a_sound_depth(
    pixels: np.ndarray, known: np.ndarray, shifted: bool
) -> None:
    found = replace(flat(np.where(known, pixels, np.nan)), shifted=shifted)
    for pair in (found.pair, replace(found.pair, focal=300.0, baseline=0.1, doffs=-5.0)):
        depth = distance(replace(found, pair=pair))  # Depth checks itself
        assert (depth.prob > 0).sum() == known.sum()


# The source


def attached(side: str = "right", **about: object) -> Photo:
    left, right, _, _ = made()
    rgb, second = (left, right) if side == "right" else (right, left)
    seen = StereoView(second, side, "file", **about)  # type: ignore[arg-type]
    return Photo(rgb, evidence=Evidence(second=seen))


def sources_depth(photo: Photo) -> Depth:
    return stereo(lambda: sgbm)(photo, prepare(photo))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_source_measures_on_the_canvas(side: str) -> None:
    photo = attached(side)
    depth = sources_depth(photo)
    canvas = prepare(photo)
    truth = 300 * BASE / made()[2 if side == "right" else 3]
    assert depth.source == "stereo"
    assert not depth.metric
    assert depth.z.shape == canvas.fit.canvas
    assert not depth.prob[~canvas.fit.inside()].any()
    at = canvas.fit.to_canvas(np.array([[180.0, 130.0], [20.0, 20.0], [300.0, 220.0]]))
    columns, rows = np.rint(at).astype(int).T
    square, corner, last = depth.z[rows, columns]
    assert truth[130, 180] < 2 < truth[20, 20]
    assert square < 0.1 < 0.6 < min(corner, last)


def test_the_source_gives_metres_with_cameras() -> None:
    photo = replace(attached(camera=RIGHT, rectified=True), camera=LEFT)
    depth = sources_depth(photo)
    assert depth.metric
    known = depth.prob > 0
    assert np.percentile(depth.z[known], 2) == pytest.approx(1.6, rel=0.02)


def test_without_a_second_view_nothing_loads() -> None:
    def loads() -> Matcher:
        raise AssertionError

    photo = Photo(made()[0])
    depth = stereo(loads)(photo, prepare(photo))
    assert depth.source == "none"
    assert not depth.prob.any()


def test_the_source_names_the_photo() -> None:
    photo = attached("left")
    swapped = replace(photo.evidence.second, side="right")  # type: ignore[type-var]
    with pytest.raises(InputError, match=r"^array: stereo: left and right views seem swapped"):
        sources_depth(replace(photo, evidence=Evidence(second=swapped)))


def test_on_the_canvas_nothing_is_mixed() -> None:
    photo = Photo(np.zeros((300, 200, 3), np.uint8))
    rng = np.random.default_rng(0)
    z = rng.choice(np.array([1, 5], np.float32), (150, 100))
    prob = rng.choice(np.array([0, 1], np.float32), (150, 100))
    placed = on_canvas(Depth(z, prob, True, "stereo"), prepare(photo))
    inside = Fit.of(photo.shape).inside()
    assert np.unique(placed.z[inside]).tolist() == [1, 5]
    assert np.unique(placed.validity[~inside]).tolist() == [Reason.MISSING]
    assert np.array_equal(placed.prob > 0, placed.validity == Reason.VALID)


# The command


def ask(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["stereo", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    left, right, _, _ = made()
    return write(left, tmp_path / "left.png"), write(right, tmp_path / "right.png")


def test_the_command_writes_pixels_of_the_left_view(files: tuple[Path, Path]) -> None:
    left, right = files
    out, picture = left.with_name("o.pfm"), left.with_name("o.png")
    code, told, problem = ask(
        left, right, "-o", out, "--method", "sgbm", "--preview", picture, "--json"
    )
    assert (code, problem) == (0, "")
    pixels = pfm.read(out)
    assert (np.abs(pixels - made()[2]) > 1).mean() < 0.08
    assert np.isfinite(pixels).all()
    assert read(picture).shape == pixels.shape
    about = json.loads(told)
    assert (about["width"], about["height"]) == (320, 240)
    assert about["rectified"] == "given"
    assert about["disparity"]["high"] == pytest.approx(300 * BASE / 1.6, abs=0.5)
    assert about["metres"] is None


def test_the_command_marks_holes_and_measures_the_right_view(files: tuple[Path, Path]) -> None:
    left, right = files
    out = left.with_name("o.pfm")
    code, told, _ = ask(
        left, right, "-o", out, "--method", "sgbm", "--holes", "--view", "right",
        "--max-disparity", "40",
    )  # fmt: skip
    assert code == 0
    assert told.startswith(f"{left} -> {out}: disparity ")
    pixels = pfm.read(out)
    known = np.isfinite(pixels)
    assert 0.8 < known.mean() < 1
    assert (np.abs(pixels - made()[3])[known] > 1).mean() < 0.02


def test_the_command_takes_a_calibration(tmp_path: Path) -> None:
    cameras: tuple[Camera, Camera] = (
        camera(degrees=(0, 0, 2)),
        camera((BASE, 0, 0), (0, 1, 0)),
    )
    left, right = (
        write(view(seen)[0], tmp_path / name)
        for seen, name in zip(cameras, ("l.png", "r.png"), strict=True)
    )
    rig = tmp_path / "rig.json"
    rig.write_text(calibration.encode(Rig(*cameras)), "utf-8")
    code, told, problem = ask(
        left, right, "-o", tmp_path / "o.pfm", "--method", "sgbm", "--calib", rig, "--json"
    )
    assert (code, problem) == (0, "")
    about = json.loads(told)
    assert about["rectified"] == "calibrated"
    assert about["metres"]["near"] == pytest.approx(1.6, rel=0.03)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"right": "left.png"}, "left.png: nothing matches .*two views of one scene"),
        ({"left": "right.png", "right": "left.png"}, "right.png: stereo: .*exchange them"),
        ({"out": "o.png"}, "o.png: disparity is written as PFM"),
        ({"more": ("--view", "top")}, "--view top: unknown; use one of left, right"),
        ({"more": ("--method", "best")}, "best: unknown network"),
        ({"more": ("--preview", "o.jpg")}, "o.jpg: the preview is a PNG"),
        ({"right": "none.png"}, "none.png: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    problem: str,
) -> None:
    monkeypatch.chdir(files[0].parent)
    given = {"left": "left.png", "right": "right.png", "out": "o.pfm", "more": ()} | change
    more = ("--method", "sgbm", *given["more"])  # type: ignore[misc]
    code, told, said = ask(given["left"], given["right"], "-o", given["out"], *more)  # type: ignore[arg-type]
    assert (code, told) == (2 if change.keys() & {"out", "more"} else 1, "")
    assert said.count("\n") == 1
    assert not list(files[0].parent.glob("o.*"))
    assert re.search(problem, said)


# Real pairs

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
    ours, theirs = (match(left, right, sgbm, side).disparity for side in ("left", "right"))  # type: ignore[arg-type]
    known = ours.prob > 0
    assert known.mean() > 0.8
    apart = difference(ours.pixels, theirs.pixels)
    assert (apart[known] <= 1.5).mean() > 0.99
    with pytest.raises(InputError, match="exchange them"):
        match(right, left, sgbm)


def test_a_real_pair_agrees_with_its_truth() -> None:
    left, right, truth = motorcycle()
    found = match(left, right, sgbm).disparity
    known = np.isfinite(truth) & (found.prob > 0)
    assert (np.abs(found.pixels - truth)[known] > 2).mean() < 0.06


def test_a_pair_runs_from_middleburys_files(tmp_path: Path) -> None:
    """Two views and calib.txt, as that data set stores them: the depth is in meters."""
    left, right, _, _ = made()
    write(left, tmp_path / "im0.png")
    write(right, tmp_path / "im1.png")
    (tmp_path / "calib.txt").write_text(
        f"cam0=[300 0 {LEFT.cx}; 0 300 {LEFT.cy}; 0 0 1]\n"
        f"cam1=[300 0 {RIGHT.cx}; 0 300 {RIGHT.cy}; 0 0 1]\n"
        f"doffs=0\nbaseline={BASE * 1000}\nwidth=320\nheight=240\nndisp=40\n"
    )
    photo = attach(
        read(tmp_path / "im0.png"), right=tmp_path / "im1.png", calib=tmp_path / "calib.txt"
    )
    depth = sources_depth(photo)
    assert depth.metric
    canvas, truth = prepare(photo), view(LEFT)[1]
    there = lay(truth, canvas.fit)
    known = (depth.prob > 0) & canvas.fit.inside()
    assert known.mean() > 0.6
    assert np.median(np.abs(depth.z - there)[known] / there[known]) < 0.02


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
    plain, found = match(left, right, sgbm), match(left, moved, sgbm)
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


def test_points_on_which_opencv_asserts_match_nothing() -> None:
    """Its estimator fails on some sets: an answer, no error, and the next source is asked."""
    found = Matches(POINTS[:, :2], POINTS[:, 2:], 1.0).epipolar()
    assert len(found) in (0, *range(8, len(POINTS) + 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_views_are_matched_or_refused(shape: tuple[int, int]) -> None:
    view = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    try:
        found = match(view, view, sgbm)
    except InputError:
        return
    assert found.disparity.shape == shape
