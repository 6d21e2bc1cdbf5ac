"""Lens models: each undoes itself, agrees with OpenCV, and what a lens folds is left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte import lens_distortion
from depthmatte.camera import Camera, Rig
from depthmatte.canvas import Letterbox
from depthmatte.depth.sensor.align import align_depth
from depthmatte.depth.stereo.rectify import rectify_calibrated
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus
from rigs import pixels, plane_depth, small

NEAR = small(0.05)
FISHEYES = st.one_of(st.just(()), st.tuples(NEAR, small(0.02), small(0.005), small(0.002)))
WILD = st.one_of(
    st.tuples(*[small(9)] * 5),
    st.tuples(small(5), small(3), small(0.5), small(0.5)),
    st.tuples(*[small(20)] * 8),
)


def fisheye(bent: tuple[float, ...] = (), turn: float = 0.0) -> Camera:
    """A lens of 130 degrees across."""
    turned = np.asarray(cv2.Rodrigues(np.array([0, turn, 0]))[0])
    return Camera((90, 120), 53, 52, 59.1, 44.3, bent, turned, model="equidistant")


@given(FISHEYES)
def test_a_fisheye_undoes_itself(bent: tuple[float, ...]) -> None:
    camera = fisheye(bent)
    places = pixels(camera)
    back = camera.project(camera.unproject(places, np.full(camera.shape, 2.0)))
    seen = np.isfinite(back).all(axis=-1)
    assert seen.mean() > 0.8
    assert np.abs(back - places)[seen].max() < 1e-5


@given(FISHEYES)
def test_opencv_has_the_same_fisheye(bent: tuple[float, ...]) -> None:
    camera = fisheye(bent)
    points = np.random.default_rng(0).uniform([-2, -2, 1], [2, 2, 2], (80, 3))
    got = camera.project(points)
    coefficients = np.array(bent or (0.0, 0, 0, 0))
    zero = np.zeros((3, 1))
    wanted, _ = cv2.fisheye.projectPoints(points[None], zero, zero, camera.matrix, coefficients)
    seen = np.isfinite(got).all(axis=-1)
    assert seen.sum() > 40
    assert np.abs(got - wanted[0])[seen].max() < 1e-6


def test_a_fisheye_without_coefficients_is_no_pinhole() -> None:
    x, y = fisheye().project(np.array([1.0, 0, 1]))
    assert (x, y) == (pytest.approx(59.1 + 53 * np.pi / 4), pytest.approx(44.3))
    assert fisheye().has_distortion
    with pytest.raises(InputError, match="none or 4"):
        fisheye((0.1,) * 5)


@given(FISHEYES, st.integers(1, 8))
def test_a_fisheye_turns_with_its_picture(bent: tuple[float, ...], orientation: int) -> None:
    camera = fisheye(bent)
    points = camera.unproject(pixels(camera), np.full(camera.shape, 2.0))
    places = camera.apply_orientation(orientation).project(points)
    known = np.isfinite(places).all(axis=-1)
    assert known.mean() > 0.8
    assert np.abs(places[known] - np.round(places[known])).max() < 1e-4


def test_depth_of_a_fisheye_lands_where_a_plane_is() -> None:
    """A slanted plane seen by a fisheye comes out exact on an ordinary lens beside it."""
    source = fisheye((0.02, -0.01, 0.0, 0.0), 0.05)
    target = Camera((60, 80), 70, 70, 39.5, 29.5, translation=np.array([-0.05, 0, 0]))
    normal = np.array([0.2, -0.1, 1.0])
    z = plane_depth(source, normal, 2.0)
    good = np.isfinite(z) & (z > 0)
    raw = np.where(good, z, 0).astype(np.float32)
    validity = np.where(good, np.uint8(0), np.uint8(DepthStatus.MISSING))
    found = align_depth(raw, validity, source, target)
    truth = plane_depth(target, normal, 2.0)
    known = found.validity == DepthStatus.VALID
    assert known.mean() > 0.98
    assert np.abs(found.z / truth - 1)[known].max() < 3e-3


def test_a_fisheye_pair_is_rectified() -> None:
    """What both fisheyes see of a wall lies in equal rows afterwards."""
    shape = (240, 320)
    left, right = (
        Camera(
            shape, 140, 140, 159.5, 119.5, (0.01, 0, 0, 0), model="equidistant",
            translation=np.array([-shift, 0, 0]),
        )
        for shift in (0.0, 0.1)
    )  # fmt: skip
    wall = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (700, 900, 3), np.uint8), (0, 0), 2
    )

    def seen(camera: Camera) -> np.ndarray:
        """The wall 1 m away, 250 pixels a meter."""
        points = camera.unproject(pixels(camera), np.ones(shape))
        spots = (points[..., :2] * 250 + (450, 350)).astype(np.float32)
        spots = np.nan_to_num(spots, nan=-1.0)
        return cv2.remap(wall, spots[..., 0], spots[..., 1], cv2.INTER_LINEAR)

    pair = rectify_calibrated(seen(left), seen(right), Rig(left, right))
    disparity = pair.focal * 0.1
    middle = (slice(90, -90), slice(120, -120))
    ours = pair.left[middle].astype(float)
    theirs = np.roll(pair.right, round(disparity), axis=1)[middle].astype(float)
    assert pair.how == "calibrated"
    assert np.abs(ours - theirs).mean() < 0.15 * ours.std()


@given(WILD)
def test_within_its_reach_a_lens_is_one_to_one(bent: tuple[float, ...]) -> None:
    limit = min(lens_distortion.max_ideal_radius(bent), 4.0)
    turn = np.linspace(0, 2 * np.pi, 40)[:, None]
    radius = np.linspace(0, limit, 50)[:-1]
    x, y = radius * np.cos(turn), radius * np.sin(turn)
    step = 1e-6
    (x0, y0), (x1, y1), (x2, y2) = (
        lens_distortion.distort_points(x + a, y + b, bent)
        for a, b in ((0, 0), (step, 0), (0, step))
    )
    turns = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    assert (turns / step**2 > -1e-3).all()


@settings(max_examples=40)
@given(WILD, st.one_of(st.just(()), WILD), st.floats(0.3, 1.5), st.booleans())
def test_a_lens_that_folds_costs_only_its_rays(
    source_lens: tuple[float, ...], target_lens: tuple[float, ...], focal: float, beside: bool
) -> None:
    """No calibration of any lens stops the rest: values are finite wherever they count."""
    shift = np.array([0.05, 0, 0]) * beside
    source = Camera((48, 64), 64 * focal, 64 * focal, 31.5, 23.5, source_lens, translation=shift)
    target = Camera((60, 80), 70, 70, 39.5, 29.5, target_lens)
    z = np.full(source.shape, 1.5, np.float32)
    z[:, 30:] = 3.0
    found = align_depth(z, np.zeros(source.shape, np.uint8), source, target)
    known = found.validity == DepthStatus.VALID
    assert np.isfinite(found.z).all()
    assert (found.z[known] > 0).all()


def test_the_middle_of_a_folding_lens_is_kept() -> None:
    """A barrel whose corners fold: the rest of the plane is where it belongs."""
    source = Camera((256, 256), 250, 250, 127.5, 127.5, (-0.9, 0.0, 0.0, 0.0))
    target = Camera((240, 240), 235, 235, 119.5, 119.5)
    z = np.full(source.shape, 1.5, np.float32)
    found = align_depth(z, np.zeros(source.shape, np.uint8), source, target)
    middle = (slice(60, 180), slice(60, 180))
    assert (found.validity[middle] == DepthStatus.VALID).all()
    assert found.z[middle] == pytest.approx(1.5, rel=1e-3)
    assert source.max_ideal_radius < np.hypot(127, 127) / 250


@settings(max_examples=40)
@given(WILD, WILD)
def test_pairs_of_wild_lenses_are_matched_or_refused(
    ours: tuple[float, ...], theirs: tuple[float, ...]
) -> None:
    left = Camera((48, 64), 50, 50, 31.5, 23.5, ours)
    right = Camera((48, 64), 50, 50, 31.5, 23.5, theirs, translation=np.array([-0.1, 0, 0]))
    view = np.zeros((48, 64, 3), np.uint8)
    try:
        pair = rectify_calibrated(view, view, Rig(left, right))
    except InputError:
        return
    assert pair.left.shape == pair.right.shape


def test_a_denser_map_is_bounded() -> None:
    """A wild focal length must not make a map millions of pixels wide."""
    source = Camera((600, 800), 10, 10, 399.5, 299.5)
    target = Camera((480, 352), 9000, 9000, 175, 239)
    z = np.full(source.shape, 1.5, np.float32)
    found = align_depth(z, np.zeros(source.shape, np.uint8), source, target)
    assert np.isfinite(found.z).all()
    assert Letterbox.identity(target.shape).canvas == found.z.shape
