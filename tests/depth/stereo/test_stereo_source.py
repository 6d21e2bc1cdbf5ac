"""Stereo as a source of depth: on the canvas of a photo, and from files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from depthmatte.canvas import Letterbox, prepare_canvas, to_canvas
from depthmatte.depth.resample import depth_to_canvas
from depthmatte.depth.stereo.disparity import StereoMatcher
from depthmatte.depth.stereo.second_view import create_stereo_source
from depthmatte.depth.stereo.sgbm import match_sgbm
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus, Evidence, StereoView
from depthmatte.io.attach import attach
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write
from depthmatte.photo import Photo
from depthmatte.values import Depth
from stereo_pairs import BASE, LEFT, RIGHT, made
from stereoscenes import view


def attached(side: str = "right", **about: object) -> Photo:
    left, right, _, _ = made()
    rgb, second = (left, right) if side == "right" else (right, left)
    seen = StereoView(second, side, "file", **about)  # type: ignore[arg-type]
    return Photo(rgb, evidence=Evidence(second_view=seen))


def sources_depth(photo: Photo) -> Depth:
    return create_stereo_source(lambda: match_sgbm)(photo, prepare_canvas(photo))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_source_measures_on_the_canvas(side: str) -> None:
    photo = attached(side)
    depth = sources_depth(photo)
    canvas = prepare_canvas(photo)
    truth = 300 * BASE / made()[2 if side == "right" else 3]
    assert depth.source == "stereo"
    assert not depth.metric
    assert depth.z.shape == canvas.fit.canvas
    assert not depth.prob[~canvas.fit.inside()].any()
    at = canvas.fit.points_to_canvas(np.array([[180.0, 130.0], [20.0, 20.0], [300.0, 220.0]]))
    columns, rows = np.rint(at).astype(int).T
    square, corner, last = depth.z[rows, columns]
    assert truth[130, 180] < 2 < truth[20, 20]
    assert square < 0.1 < 0.6 < min(corner, last)


def test_the_source_gives_meters_with_cameras() -> None:
    photo = replace(attached(camera=RIGHT, rectified=True), camera=LEFT)
    depth = sources_depth(photo)
    assert depth.metric
    known = depth.prob > 0
    assert np.percentile(depth.z[known], 2) == pytest.approx(1.6, rel=0.02)


def test_without_a_second_view_nothing_loads() -> None:
    def loads() -> StereoMatcher:
        raise AssertionError

    photo = Photo(made()[0])
    depth = create_stereo_source(loads)(photo, prepare_canvas(photo))
    assert depth.source == "none"
    assert not depth.prob.any()


def test_the_source_names_the_photo() -> None:
    photo = attached("left")
    swapped = replace(photo.evidence.second_view, side="right")  # type: ignore[type-var]
    with pytest.raises(InputError, match=r"^array: stereo: left and right views seem swapped"):
        sources_depth(replace(photo, evidence=Evidence(second_view=swapped)))


def test_on_the_canvas_nothing_is_mixed() -> None:
    photo = Photo(np.zeros((300, 200, 3), np.uint8))
    rng = np.random.default_rng(0)
    z = rng.choice(np.array([1, 5], np.float32), (150, 100))
    prob = rng.choice(np.array([0, 1], np.float32), (150, 100))
    placed = depth_to_canvas(Depth(z, prob, True, "stereo"), prepare_canvas(photo))
    inside = Letterbox.for_photo(photo.shape).inside()
    assert np.unique(placed.z[inside]).tolist() == [1, 5]
    assert np.unique(placed.validity[~inside]).tolist() == [DepthStatus.MISSING]
    assert np.array_equal(placed.prob > 0, placed.validity == DepthStatus.VALID)


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
    canvas, truth = prepare_canvas(photo), view(LEFT)[1]
    there = to_canvas(truth, canvas.fit)
    known = (depth.prob > 0) & canvas.fit.inside()
    assert known.mean() > 0.6
    assert np.median(np.abs(depth.z - there)[known] / there[known]) < 0.02
