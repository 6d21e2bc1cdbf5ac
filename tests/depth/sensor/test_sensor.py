"""Measured depth as a source: on numbers made by hand, and what goes wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import room_files
from depthmatte.camera import Camera
from depthmatte.canvas import Letterbox, prepare_canvas, to_canvas
from depthmatte.depth import measure_depth
from depthmatte.depth.embedded_depth import embedded_depth
from depthmatte.depth.sensor.depth_map import (
    SensorOptions,
    canvas_camera,
    sensor_depth,
    sensor_probability,
)
from depthmatte.depth.sensor.resize import resize_depth
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus, Evidence, RawDepth
from depthmatte.io.attach import attach
from depthmatte.io.photo import photo_reader
from depthmatte.photo import Meta, Photo
from rigs import pixels, plane_depth, rotation
from sensor_photos import measured, own, raw, taken

Map = NDArray[Any]


@pytest.mark.parametrize(("apart", "good"), [(0.0, True), (0.019, True), (0.021, False)])
def test_photo_and_depth_are_of_one_moment(apart: float, good: bool) -> None:
    photo = taken(raw([[1, 2]], time=100 + apart), meta=Meta("me.jpg", time=100.0))
    if good:
        assert sensor_depth(photo, own(photo)).prob.any()
        return
    with pytest.raises(InputError) as found:
        sensor_depth(photo, own(photo))
    assert "me.jpg: taken at 100.000000 s but its depth at 100.021000 s" in str(found.value)
    assert sensor_depth(photo, own(photo), SensorOptions(max_time_difference=0.03)).prob.any()


def test_without_a_clock_nothing_is_refused() -> None:
    photo = taken(raw([[1, 2]], time=5.0))
    assert sensor_depth(photo, own(photo)).source == "sensor"


def test_bilinear_by_hand() -> None:
    """Four pixels out of two: centers at -1/4, 1/4, 3/4, 5/4 of the old ones."""
    values = np.array([[2.0, 2.04]], np.float32)
    got, origin = resize_depth(values, values > 0, (1, 4))
    assert got == pytest.approx(np.array([[2.0, 2.01, 2.03, 2.04]]))
    assert origin.tolist() == [[0, 0, 1, 1]]
    got, _ = resize_depth(values, values > 0, (1, 4), "nearest")
    assert got.tolist() == [[2.0, 2.0, np.float32(2.04), np.float32(2.04)]]


def test_bilinear_makes_no_flying_pixels() -> None:
    values = np.array([[1.0, 3.0]], np.float32)
    got, _ = resize_depth(values, values > 0, (1, 4))
    assert got.tolist() == [[1, 1, 3, 3]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_missing_never_mixes_with_valid(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    valid = rng.random((13, 17)) < 0.6
    values = np.where(valid, rng.uniform(2.0, 2.05, valid.shape), 60.0).astype(np.float32)
    got, origin = resize_depth(values, valid, (height, width))
    good = valid.ravel()[origin]
    assert ((got[good] >= 2.0 - 1e-5) & (got[good] <= 2.05 + 1e-5)).all()


def test_a_map_covers_the_whole_photo_on_either_canvas() -> None:
    """Landscape photo, depth at half its size: the same place in `pad` and in `rotate`."""
    z = np.full((30, 40), 2.0, np.float32)
    z[:, 20:] = 4.0
    photo = taken(raw(z), (60, 80))
    for orient in ("pad", "rotate"):
        canvas = prepare_canvas(photo, (80, 60), orient)
        depth = sensor_depth(photo, canvas)
        left, right = (
            canvas.fit.points_to_canvas(np.array([[20, 30], [60, 30]])).round().astype(int)
        )
        assert depth.z[left[1], left[0]] == 2
        assert depth.z[right[1], right[0]] == 4
        assert (depth.validity[~canvas.fit.inside()] == DepthStatus.MISSING).all()
        assert not depth.prob[~canvas.fit.inside()].any()


def test_blur_stays_among_valid_pixels() -> None:
    z = np.full((9, 9), 2.0, np.float32)
    z[4, 4], z[:, :3] = 2.05, 0
    depth = measured(raw(z), SensorOptions(blur=1.0))
    assert 2.0 < depth.z[4, 4] < 2.05
    assert depth.z[4, 5] > 2.0
    valid = depth.validity == DepthStatus.VALID
    assert not valid[:, :3].any()
    assert valid[:, 3:].all()
    assert depth.z[valid].min() > 2.0 - 1e-5
    assert measured(raw(z)).z[4, 5] == 2.0


def test_probability_by_hand() -> None:
    d = np.array([[1.0, 2.0, 4.0, 8.0]], np.float32)
    valid = np.array([[True, True, True, False]])
    assert sensor_probability(d, valid).tolist() == [[0.75, 0.5, 0, 0]]
    assert sensor_probability(d, valid, 0.5).tolist() == [[0.25, 0, 0, 0]]
    assert sensor_probability(d, valid, 1.5).tolist() == [[1.0, 1.0, 0.5, 0]]


def test_sensor_gives_exactly_that() -> None:
    z = [[1.0, 1.0, 4.0, 4.0, 0.0]] * 3
    depth = measured(raw(z))
    assert depth.prob[1].tolist() == [0.75, 0.75, 0, 0, 0]
    assert depth.validity[1].tolist() == [0, 0, 0, 0, DepthStatus.MISSING]
    assert (depth.metric, depth.source) == (True, "sensor")
    assert depth.z[1].tolist() == [1, 1, 4, 4, 0]


def test_the_devices_confidence_counts() -> None:
    sure = np.array([[0.5, 1.0, 1.0]], np.float32)
    depth = measured(raw([[1.0, 1.0, 2.0]], confidence=sure))
    assert depth.prob.tolist() == [[0.25, 0.5, 0]]


@given(st.floats(0.1, 3), st.integers(0, 2**31))
def test_probability_stays_one(preset: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = rng.random((5, 6), np.float32) * 9
    prob = sensor_probability(d, d > 2, preset)
    assert ((prob >= 0) & (prob <= 1)).all()
    assert not prob[d <= 2].any()


def test_two_cameras_meet_on_the_canvas() -> None:
    source = Camera((120, 160), 130, 130, 79.5, 59.5)
    target = Camera(
        (480, 640), 500, 500, 319.5, 239.5, (0.05, -0.02, 0.001, 0.0), rotation(0.01, 0.02, 0),
        np.array([0.03, 0, 0]),
    )  # fmt: skip
    z = plane_depth(source, np.array([0.2, 0.1, 1]), 2.0).astype(np.float32)
    photo = taken(raw(z, camera=source), (480, 640), camera=target)
    for orient in ("pad", "rotate"):
        canvas = prepare_canvas(photo, (96, 72), orient)
        depth = sensor_depth(photo, canvas)
        truth = plane_depth(canvas_camera(target, canvas.fit), np.array([0.2, 0.1, 1]), 2.0)
        valid = depth.validity == DepthStatus.VALID
        assert valid[canvas.fit.content_slices].mean() > 0.8
        assert np.abs(depth.z / truth - 1)[valid].max() < 5e-3
        assert depth.prob[valid].max() == pytest.approx(
            1 - depth.z[valid].min() / depth.z[valid].max(), abs=1e-6
        )


def test_the_canvas_has_a_camera() -> None:
    camera = Camera((60, 80), 70, 71, 41, 28, (0.1, 0.0, 0.01, 0.02))
    for orient in ("pad", "rotate"):
        fit = Letterbox.for_photo((60, 80), (50, 30), orient)
        points = camera.unproject(pixels(camera), np.full((60, 80), 2.0))
        wanted = fit.points_to_canvas(pixels(camera))
        assert np.abs(canvas_camera(camera, fit).project(points) - wanted).max() < 1e-3


def test_confidence_moves_with_its_pixel() -> None:
    source = Camera((60, 80), 70, 70, 39.5, 29.5)
    target = replace(source, translation=np.array([0.2, 0, 0]))
    z = np.full((60, 80), 2.0, np.float32)
    z[:, 60:] = 2.5
    sure = np.ones_like(z)
    sure[:, 30:40] = 0.5
    photo = taken(raw(z, camera=source, confidence=sure), (60, 80), camera=target)
    depth = sensor_depth(photo, own(photo))
    assert depth.prob[30, 39:46] == pytest.approx(0.1, abs=1e-6)  # seven pixels to the right
    assert depth.prob[30, 34] == pytest.approx(0.2, abs=1e-6)


def test_one_view_of_two_sizes_is_scaled_not_moved() -> None:
    camera = Camera((60, 80), 70, 70, 39.5, 29.5)
    z = np.full((30, 40), 2.0, np.float32)
    z[10, 10] = 0
    photo = taken(raw(z, camera=camera.scaled((30, 40))), (60, 80), camera=camera)
    depth = sensor_depth(photo, own(photo))
    assert np.argwhere(depth.validity != 0).tolist() == [[20, 20], [20, 21], [21, 20], [21, 21]]


def test_no_evidence_is_no_depth() -> None:
    photo = Photo(np.zeros((4, 4, 3), np.uint8))
    for source in (sensor_depth, embedded_depth):
        depth = source(photo, own(photo))
        assert depth.source == "none"
        assert not depth.prob.any()


@pytest.mark.parametrize("z", [[[0.0]], [[2.0]], np.zeros((5, 5)), np.full((5, 5), 2.0)])
def test_all_missing_and_constant_depth_count_for_nothing(z: Any) -> None:
    assert not measured(raw(z)).prob.any()


def test_relative_zeros_count_for_nothing() -> None:
    zeros = np.zeros((5, 5), np.float32)
    flat = RawDepth(zeros, np.zeros((5, 5), np.uint8), False, "png")
    assert not measured(flat).prob.any()


def test_relative_depth_follows_the_same_formula() -> None:
    z = np.array([[0.2, 0.2, 0.8, 0.8]], np.float32)
    depth = measured(RawDepth(z, np.zeros((1, 4), np.uint8), False, "png"))
    assert depth.prob == pytest.approx(np.array([[0.75, 0.75, 0, 0]]))
    assert not depth.metric


@pytest.mark.parametrize("source", ["depth_map", "embedded_depth"])
def test_depth_of_another_shape_is_refused(source: str) -> None:
    photo = Photo(
        np.zeros((108, 192, 3), np.uint8), Meta("me.jpg"),
        evidence=Evidence(**{source: raw(np.full((64, 48), 2.0))}),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"depth of 48 x 64 pixels cannot belong.*192 x 108"):
        {"depth_map": sensor_depth, "embedded_depth": embedded_depth}[source](photo, own(photo))


def test_swapped_cameras_are_refused() -> None:
    """Depth camera and photo camera the wrong way round, where their shapes tell."""
    tof, color = Camera((60, 80), 70, 70, 39.5, 29.5), Camera((90, 160), 140, 140, 79.5, 44.5)
    photo = taken(raw(np.full((60, 80), 2.0), camera=color), (90, 160), camera=tof)
    with pytest.raises(InputError, match="calibrated for 160 x 90 pixels but its picture has 80"):
        sensor_depth(photo, own(photo))


def test_relative_depth_cannot_move() -> None:
    camera = Camera((60, 80), 70, 70, 39.5, 29.5)
    z = np.linspace(0, 1, 4800, dtype=np.float32).reshape(60, 80)
    depth = RawDepth(z, np.zeros((60, 80), np.uint8), False, "png", camera)
    photo = taken(depth, camera=replace(camera, translation=np.array([0.1, 0, 0])))
    with pytest.raises(InputError, match="relative and cannot move"):
        sensor_depth(photo, own(photo))
    alone = taken(replace(depth, camera=None))
    with pytest.raises(InputError, match="no meters to limit"):
        sensor_depth(alone, own(alone), SensorOptions(far=3.0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": 0.0}, "preset"),
        ({"preset": np.nan}, "preset"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic'"),
        ({"blur": -1.0}, "blur"),
        ({"near": 3.0, "far": 2.0}, "below far"),
        ({"max_time_difference": np.nan}, "max_time_difference is nan"),
        ({"blur": 1e9}, "blur is 1000000000.0; give a number from 0 to"),
        ({"near": "x"}, "near is 'x'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        SensorOptions(**options)


def test_stored_depth_ignores_cameras_and_covers_the_frame() -> None:
    """As phones store it: the same view at another size, a little off in shape."""
    camera = Camera((60, 80), 70, 70, 39.5, 29.5)
    elsewhere = replace(camera, translation=np.array([1.0, 0, 0]))
    z = np.full((59, 80), 0.2, np.float32)
    z[:, 40:] = 0.8
    kept = RawDepth(z, np.zeros(z.shape, np.uint8), False, "apple-disparity", elsewhere)
    photo = Photo(
        np.zeros((60, 80, 3), np.uint8), camera=camera, evidence=Evidence(embedded_depth=kept)
    )
    depth = measure_depth(photo, own(photo), {"stored": embedded_depth, "sensor": sensor_depth})
    assert depth.source == "stored"
    assert depth.z[[0, 59], 39] == pytest.approx(0.2)
    assert depth.z[[0, 59], 40] == pytest.approx(0.8)
    assert depth.prob[5, 5] == pytest.approx(0.75)


def check_frame(folder: Path, name: str) -> None:
    """One person before a wall: photo, 16-bit depth and OpenCV XML, end to end."""
    start = folder / name
    photo = attach(
        photo_reader.read(f"{start}.jpg"), depth=f"{start}_depth.png", calib=f"{start}_camera.xml"
    )
    assert photo.camera == Camera((480, 640), 525, 525, 320, 240)
    depth = measure_depth(photo, prepare_canvas(photo), {"sensor": sensor_depth}, "sensor")
    valid = depth.validity == DepthStatus.VALID
    person = valid & (depth.z < 1.5)
    assert depth.metric
    assert 0.5 < valid.mean() < 0.95
    assert 0.05 < person.mean() < 0.3
    assert np.median(depth.prob[person]) > 0.5 > 4 * np.median(depth.prob[valid & ~person])
    assert not depth.prob[~valid].any()


def test_a_frame_of_a_room_runs_from_its_files(tmp_path: Path) -> None:
    name = room_files.save(tmp_path)
    check_frame(tmp_path, name)
    made = room_files.frame()
    photo = photo_reader.read(tmp_path / f"{name}.jpg")
    canvas = prepare_canvas(photo)
    photo = attach(photo, tmp_path / f"{name}_depth.png", calib=tmp_path / f"{name}_camera.xml")
    depth = sensor_depth(photo, canvas)
    truth = cv2.erode(made.person.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(np.float32)
    inside = to_canvas(truth, canvas.fit) > 0.99
    assert (depth.validity[inside] == DepthStatus.VALID).mean() > 0.99
    middle = np.median(made.mm[truth > 0]) / 1000
    assert np.median(depth.z[inside]) == pytest.approx(middle, rel=0.01)


def test_the_office_runs_from_its_files(shared: Path) -> None:
    check_frame(shared / "data" / "rgbd" / "office", "0000000025")
