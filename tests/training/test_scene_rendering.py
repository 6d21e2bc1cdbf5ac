"""Layers, cameras, sensors and drawn things of the scenes, each on its own."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from depthmatte.camera import Camera
from depthmatte.training.scenes.depth_sensor import (
    DEPTH_SENSORS,
    STRUCTURED_LIGHT,
    TIME_OF_FLIGHT,
    lamp_shadow,
    simulate_sensor,
)
from depthmatte.training.scenes.hard_scenes.drawn_objects import DRAWN_OBJECTS, draw_garment
from depthmatte.training.scenes.layer import Layer
from depthmatte.training.scenes.light import ContactShadow
from depthmatte.training.scenes.placement import Placement, SurfaceShape, place_cutout
from depthmatte.training.scenes.renderer import Backdrop, render
from hard_scene_data import benchmark, place_photo
from places import ROOT

CAMERA = Camera((60, 80), 100.0, 100.0, 39.5, 29.5)


def flat(
    kind: str, color: int, alpha: float, meters: float, is_subject: bool, left: int = 30
) -> Layer:
    rgba = np.full((20, 20, 4), color * alpha, np.float32)
    rgba[..., 3] = alpha
    still = np.zeros((20, 20), np.float32)
    return Layer(kind, rgba, (20, left), meters, still, still, is_subject)


def backdrop(wall: float = 4.0, tall: float = 50.0) -> Backdrop:
    ramp = np.repeat(np.arange(120, dtype=np.float32)[None], 100, axis=0)
    return Backdrop(np.dstack([ramp] * 3), np.zeros((100, 120), np.float32), 20, tall, wall)


def test_alpha_of_layers_that_cover_each_other() -> None:
    layers = [flat("subject", 200, 1.0, 2, True), flat("passer-by", 50, 0.4, 1, False)]
    seen = render(layers, backdrop(), CAMERA, CAMERA)
    assert seen.alpha[30, 40] == pytest.approx(0.6)
    assert seen.rgb[30, 40] == pytest.approx(0.6 * 200 + 0.4 * 50)
    assert seen.meters[30, 40] == 2
    assert seen.alpha[5, 5] == 0
    assert seen.meters[5, 5] == 4
    both = [layers[0], replace(layers[1], is_subject=True)]
    assert render(both, backdrop(), CAMERA, CAMERA).alpha[30, 40] == pytest.approx(1)


def test_another_camera_sees_layers_moved_by_their_disparity() -> None:
    beside = replace(CAMERA, translation=np.array([-0.1, 0, 0]))
    seen = render([flat("subject", 200, 1.0, 2, True)], backdrop(), CAMERA, beside)
    columns = np.flatnonzero(seen.alpha[30] > 0.5)
    assert (columns[0], columns[-1]) == (25, 44)  # 100 * 0.1 / 2 = 5 to the left
    # The wall at 4 m moves by 2.5, so column 60 shows what the photo shows at 62.5.
    assert seen.rgb[30, 60, 0] == pytest.approx(20 + 62.5, abs=0.02)
    assert seen.meters[30, 60] == pytest.approx(4)


def test_a_bulge_moves_with_its_own_depth() -> None:
    ramp = np.linspace(0, 0.2, 20, dtype=np.float32)
    layer = replace(flat("subject", 0, 1.0, 2, True), relief=np.repeat(ramp[None], 20, axis=0))
    layer.rgba[..., :3] = np.arange(20, dtype=np.float32)[None, :, None]
    beside = replace(CAMERA, translation=np.array([-0.1, 0, 0]))
    seen = render([layer], backdrop(), CAMERA, beside)
    inner = np.s_[28:32, 27:43]
    source = seen.rgb[inner][..., 0]  # the column of the layer that is seen here
    meters = 2 - np.interp(source, np.arange(20), ramp)
    x = np.mgrid[28:32, 27:43][1]
    assert source + 30 - 100 * 0.1 / meters == pytest.approx(x, abs=0.02)
    assert seen.meters[inner] == pytest.approx(meters, abs=1e-3)


def test_a_turned_camera_measures_along_its_own_axis() -> None:
    turn = cv2.Rodrigues(np.array([0.2, 0.1, 0]))[0]
    other = Camera(
        (50, 50), 90.0, 90.0, 24.5, 24.5, rotation=turn, translation=np.array([0.05, 0.02, 0])
    )
    seen = render([], backdrop(wall=3.0), CAMERA, other)
    y, x = np.mgrid[:50, :50]
    points = other.unproject(np.stack([x, y], axis=-1), seen.meters)
    assert points[..., 2] == pytest.approx(3.0, abs=1e-4)


def test_ground_and_wall_meet() -> None:
    seen = render([], backdrop(wall=4.0, tall=0.5), CAMERA, CAMERA)
    row = 29.5 + 100 * 0.5 / 4
    assert seen.meters[int(row) - 2, 0] == pytest.approx(4)
    assert seen.meters[55, 0] == pytest.approx(100 * 0.5 / (55 - 29.5), rel=1e-5)


def test_the_lamp_casts_a_shadow_of_the_right_width_on_the_right_side() -> None:
    meters = np.full((5, 100), 3, np.float32)
    meters[:, 40:60] = 1
    width = 30 * (1 / 1 - 1 / 3)  # focal times baseline = 30 pixels times meters
    for sign, columns in ((1, np.arange(20, 40)), (-1, np.arange(60, 80))):
        dark = np.flatnonzero(lamp_shadow(meters, sign * 30.0)[2])
        assert set(dark) <= set(columns)
        assert dark.size == pytest.approx(width, abs=1.5)


@pytest.mark.parametrize("sensor", DEPTH_SENSORS, ids=lambda sensor: sensor.name)
def test_a_flat_wall_keeps_its_distance_with_noise_and_steps(sensor: Any) -> None:
    wall = np.full(sensor.shape, 2.6, np.float32)
    z = simulate_sensor(np.random.default_rng(0), sensor, wall, np.zeros_like(wall))
    middle = z[150:250, 150:350]
    good = middle[middle > 0]
    assert good.size > 0.9 * middle.size
    assert good.mean() == pytest.approx(2.6, abs=0.01)
    assert 0.002 < good.std() < 0.012
    apart = np.diff(np.unique(good))
    step = max(1, sensor.step * 2.6**2)
    assert np.median(apart) * 1000 == pytest.approx(step, abs=1.1)


@pytest.mark.parametrize("meters", [0.3, 9.0])
def test_too_near_and_too_far_are_missing(meters: float) -> None:
    for sensor in DEPTH_SENSORS:
        wall = np.full(sensor.shape, meters, np.float32)
        assert not simulate_sensor(
            np.random.default_rng(0), sensor, wall, np.zeros_like(wall)
        ).any()


def test_what_gives_nothing_back_is_missing() -> None:
    wall = np.full(TIME_OF_FLIGHT.shape, 2, np.float32)
    missing = np.zeros_like(wall)
    missing[100:200] = 1
    z = simulate_sensor(np.random.default_rng(0), TIME_OF_FLIGHT, wall, missing)
    assert not z[100:200].any()
    assert (z[220:300, 150:350] > 0).mean() > 0.9


def test_hair_is_lost_and_a_body_bulges() -> None:
    rgba = np.zeros((400, 150, 4), np.uint8)
    cv2.ellipse(rgba, (75, 200), (60, 195), 0, 0, 360, (150, 150, 150, 255), -1)
    rgba[:40, :, :3] = 10
    body = SurfaceShape(bulge=0.15, softness=0.06, head=0.15)
    rng = np.random.default_rng(0)
    layer = place_cutout(
        rng, "someone", rgba, Placement(400.0, 20.0, 30.0, 2.0), body, 500.0, (480, 300)
    )
    assert layer is not None
    row, column = 220 - layer.corner[0], 105 - layer.corner[1]
    assert layer.relief[row, column] > 0.08
    assert layer.relief[0].max() < 0.02
    assert layer.missing[4:8, column].min() > 0.5
    assert layer.missing[row, column] < 0.4


@pytest.mark.parametrize("name", [*DRAWN_OBJECTS, "clothes"])
def test_drawn_things_are_solid_pictures_of_their_size(name: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rgba, high = (
            draw_garment(rng, place_photo(1)) if name == "clothes" else DRAWN_OBJECTS[name](rng)
        )
        assert rgba.dtype == np.uint8
        assert rgba.shape[2] == 4
        assert (rgba[..., 3] > 127).mean() > 0.1
        assert 0.05 < high < 1.5


def test_simulated_sensors_repeat_what_was_measured() -> None:
    """The same measures, taken of simulated frames, come near those of the recordings."""
    fit = benchmark("fit_noise")
    with (ROOT / "benchmarks" / "hard_scenes" / "noise.csv").open() as file:
        rows = {row.pop("measure"): row for row in csv.DictReader(file)}
    noise = {key: {k: float(v) for k, v in row.items()} for key, row in rows.items()}
    nothing = np.zeros((1, 2, 2), np.float32)
    none = np.zeros((1, 2, 2), bool)
    office = fit.Recording("office", 525, nothing, none, (0.6, 1.5), (2.3, 3))
    kinect2 = fit.Recording("kinect2", 366, nothing, none, (1.5, 2.6), (2.9, 8))
    light = fit.measure(fit.simulated(STRUCTURED_LIGHT, office, 1.0, 2.6, 4))
    flight = fit.measure(fit.simulated(TIME_OF_FLIGHT, kinect2, 2.1, 3.4, 4))
    assert light["step_mm_per_m2"] == pytest.approx(noise["step_mm_per_m2"]["office"], rel=0.15)
    assert light["sigma_mm_at_2.6m"] == pytest.approx(noise["sigma_mm_at_2.6m"]["office"], rel=0.4)
    assert flight["sigma_mm_at_2m"] == pytest.approx(noise["sigma_mm_at_2m"]["kinect2"], rel=0.4)
    assert light["emitter_m"] == pytest.approx(noise["emitter_m"]["office"], rel=0.35)
    assert light["gap_shadow_px"] == pytest.approx(noise["gap_shadow_px"]["office"], rel=0.35)
    assert flight["gap_shadow_px"] == pytest.approx(noise["gap_shadow_px"]["kinect2"], abs=2)
    assert flight["corner_missing"] == pytest.approx(noise["corner_missing"]["kinect2"], abs=0.2)


def test_recorded_noise_is_what_the_script_measures(shared: Path) -> None:
    fit = benchmark("fit_noise")
    with (ROOT / "benchmarks" / "hard_scenes" / "noise.csv").open() as file:
        rows = {row["measure"]: row for row in csv.DictReader(file)}
    for record in (fit.office(shared / "data"), fit.kinect2(shared / "data")):
        for key, value in fit.measure(record).items():
            assert float(rows[key][record.name]) == pytest.approx(value, abs=0.002, nan_ok=True)


def test_a_contact_shadow_is_darkest_at_its_middle_and_stays_near() -> None:
    rgb = np.full((80, 120, 3), 200, np.float32)
    shadow = ContactShadow(axes=(1.0, 0.2), softness=0.1, strength=0.4, reach=3.0)
    shadow.draw(rgb, 40, 60, 20)
    assert rgb[40, 60, 0] == pytest.approx(200 * 0.6, rel=0.02)
    assert (rgb[:26] == 200).all()
    assert (rgb[:, :25] == 200).all()
    before = rgb.copy()
    shadow.draw(rgb, 500, 60, 20)  # below the frame
    np.testing.assert_array_equal(rgb, before)
