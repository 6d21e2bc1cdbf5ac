"""Depth moved through 3-D: planes in closed form, occlusion, holes, and other people's code."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.camera import Camera, relative_pose
from depthmatte.depth.sensor.align import AlignedDepth, align_depth
from depthmatte.depth.sensor.source_density import SourceGrid
from depthmatte.evidence import DepthStatus
from rigs import cameras, pixels, plane_depth, rotation, small

Map = NDArray[Any]


def all_valid(z: Map) -> Map:
    return np.zeros(z.shape, np.uint8)


def looked_at(target: Camera, truth: Map, source: Camera, margin: float = 1.0) -> Map:
    """Which of the target's pixels, at their true depths, lie well inside the source's view."""
    places = source.project(target.unproject(pixels(target), truth))
    room = np.array(source.shape[::-1]) - 1 - margin
    with np.errstate(invalid="ignore"):
        return ((places >= margin) & (places <= room)).all(axis=-1)


SOME = settings(max_examples=25)


@SOME
@given(cameras(least=60), cameras(), small(0.3), small(0.3), st.floats(0.5, 20))
def test_a_plane_is_exact_and_without_gaps(
    source: Camera, target: Camera, slope_x: float, slope_y: float, offset: float
) -> None:
    """Closed form: the depth of a slanted plane at every photo pixel, at any ratio of sizes."""
    plane = np.array([slope_x, slope_y, 1.0])
    z = plane_depth(source, plane, offset)
    truth = plane_depth(target, plane, offset)
    assume(np.isfinite(z).all() and z.min() > 0.2)
    assume(np.isfinite(truth).all() and truth.min() > 0.2)
    moved = align_depth(z.astype(np.float32), all_valid(z), source, target)
    inside = looked_at(target, truth, source)
    assert (moved.validity[inside] == DepthStatus.VALID).all()
    # A lens is taken for straight from pixel to pixel; at 60 pixels that is a little off, at a
    # single pixel of a steep plane by 1.6 per mille (found by hypothesis).
    wrong = np.abs(moved.z / truth - 1)[inside]
    assert wrong.max(initial=0) < 3e-3
    assert wrong.sum() <= 1e-3 * wrong.size


@SOME
@given(cameras(shape=(90, 120), turn=0.05), cameras(turn=0.05), st.floats(1, 3))
def test_the_nearest_surface_wins(source: Camera, target: Camera, near: float) -> None:
    """A card before a wall, ray by ray: no wall through the card, no card beyond its rim."""
    z = plane_depth(source, np.array([0, 0, 1.0]), 6.0)
    card = plane_depth(source, np.array([0.1, 0, 1.0]), near)
    cut = (slice(30, 60), slice(40, 80))
    z[cut] = card[cut]
    moved = align_depth(z.astype(np.float32), all_valid(z), source, target)
    on_card = plane_depth(target, np.array([0.1, 0, 1.0]), near)
    on_wall = plane_depth(target, np.array([0, 0, 1.0]), 6.0)
    places = source.project(target.unproject(pixels(target), on_card))
    grown, shrunk = _within(places, cut, 0.5 + 1.5), _within(places, cut, -1.5)
    valid = moved.validity == DepthStatus.VALID
    assert valid[shrunk].all()
    assert np.abs(moved.z / on_card - 1)[shrunk].max(initial=0) < 0.01
    hidden = _within(source.project(target.unproject(pixels(target), on_wall)), cut, -2.0)
    seen = looked_at(target, on_wall, source, 2.0)
    beside = ~_wide(grown, target, source)
    assert np.abs(moved.z / on_wall - 1)[beside & valid & seen & ~hidden].max(initial=0) < 0.01
    # What the card hides from the depth camera has no depth, and says so.
    assert not valid[hidden & beside].any()
    assert (moved.validity[hidden & beside] == DepthStatus.OCCLUDED).all()


@pytest.mark.parametrize("shift", [(0.4, 0, 0), (-0.4, 0, 0), (0, 0.4, 0), (0.25, -0.25, 0)])
def test_the_shadow_lies_beside_what_casts_it(shift: tuple[float, float, float]) -> None:
    """Before a wall at 6 m a card at 1.5 m; the photo looks past it from any side."""
    source = Camera((90, 120), 110, 110, 59.5, 44.5)
    target = Camera((100, 130), 100, 100, 64.5, 49.5, translation=np.array(shift))
    z = np.full((90, 120), 6.0, np.float32)
    cut = (slice(30, 60), slice(40, 80))
    z[cut] = 1.5
    moved = align_depth(z, all_valid(z), source, target)
    wall = np.full(target.shape, 6.0)
    on_wall = source.project(target.unproject(pixels(target), wall))
    on_card = source.project(target.unproject(pixels(target), wall / 4))
    shadow = _within(on_wall, cut, -1.0) & ~_within(on_card, cut, 1.0)
    assert shadow.sum() > 300
    assert (moved.validity[shadow] == DepthStatus.OCCLUDED).all()
    assert (z.ravel()[moved.origin[shadow]] == 1.5).all()
    clear = ~_within(on_wall, cut, 1.0) & ~_within(on_card, cut, 1.0)
    clear &= looked_at(target, wall, source)
    assert moved.z[clear] == pytest.approx(6.0, rel=1e-5)
    assert moved.z[_within(on_card, cut, -1.0)] == pytest.approx(1.5, rel=1e-5)


def _within(places: Map, cut: tuple[slice, slice], margin: float) -> Map:
    rows, columns = cut
    x, y = places[..., 0], places[..., 1]
    with np.errstate(invalid="ignore"):
        return (
            (x > columns.start - 0.5 - margin)
            & (x < columns.stop - 0.5 + margin)
            & (y > rows.start - 0.5 - margin)
            & (y < rows.stop - 0.5 + margin)
        )


def _wide(mask: Map, target: Camera, source: Camera) -> Map:
    """The mask and a pixel around it, where either grid may decide."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


@pytest.mark.parametrize("size", [(60, 80), (240, 320)])
@pytest.mark.parametrize(
    "reason", [DepthStatus.MISSING, DepthStatus.TOO_FAR, DepthStatus.FLYING_PIXEL]
)
def test_holes_stay_holes_and_keep_their_reason(size: tuple[int, int], reason: DepthStatus) -> None:
    source = Camera((120, 160), 130, 130, 79.5, 59.5)
    target = Camera(
        size, size[1] * 0.8, size[1] * 0.8, size[1] / 2, size[0] / 2, (), rotation(0, 0.02, 0),
        np.array([0.02, 0, 0]),
    )  # fmt: skip
    z = np.full((120, 160), 2.0, np.float32)
    validity = all_valid(z)
    validity[40:80, 60:100] = reason
    z[40:80, 60:100] = 0.7  # must not matter
    moved = align_depth(z, validity, source, target)
    truth = plane_depth(target, np.array([0, 0, 1.0]), 2.0)
    places = source.project(target.unproject(pixels(target), truth))
    hole = _within(places, (slice(40, 80), slice(60, 100)), -1.0)
    assert hole.sum() > 100
    assert (moved.validity[hole] == reason).all()
    assert (moved.z[hole] == 0).all()
    around = ~_within(places, (slice(40, 80), slice(60, 100)), 1.0)
    around &= looked_at(target, truth, source)
    assert (moved.validity[around] == DepthStatus.VALID).all()


def test_beyond_the_depth_cameras_view_depth_is_missing() -> None:
    narrow = Camera((120, 160), 300, 300, 79.5, 59.5)
    wide = Camera((120, 160), 100, 100, 79.5, 59.5, (), np.eye(3), np.array([0.02, 0, 0]))
    z = np.full((120, 160), 2.0, np.float32)
    moved = align_depth(z, all_valid(z), narrow, wide)
    assert (moved.validity[60, 60:100] == DepthStatus.VALID).all()
    assert (moved.validity[:, :40] == DepthStatus.MISSING).all()
    assert (moved.origin[:, :40] == -1).all()


def test_nothing_in_common_is_no_depth() -> None:
    source = Camera((30, 40), 40, 40, 19.5, 14.5)
    behind = Camera((30, 40), 40, 40, 19.5, 14.5, (), rotation(0, np.pi, 0))
    z = np.full((30, 40), 2.0, np.float32)
    for moved in (
        align_depth(z, all_valid(z), source, behind),
        align_depth(z, np.full_like(all_valid(z), DepthStatus.MISSING), source, source),
    ):
        assert (moved.validity == DepthStatus.MISSING).all()
        assert not moved.z.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_maps_work(shape: tuple[int, int]) -> None:
    source = Camera(shape, 9, 9, (shape[1] - 1) / 2, (shape[0] - 1) / 2, (0.1, 0.0, 0.0, 0.0))
    target = Camera((12, 16), 4, 4, 7.5, 5.5, (), np.eye(3), np.array([0.01, 0, 0]))
    moved = align_depth(np.full(shape, 2.0, np.float32), np.zeros(shape, np.uint8), source, target)
    valid = moved.validity == DepthStatus.VALID
    assert valid.any()
    assert moved.z[valid] == pytest.approx(2.0, rel=1e-5)


def test_nearest_takes_the_points_own_depth() -> None:
    source = Camera((60, 80), 70, 70, 39.5, 29.5)
    target = Camera((30, 40), 35, 35, 19.5, 14.5, (), rotation(0, 0.05, 0), np.array([0.1, 0, 0]))
    z = plane_depth(source, np.array([0.4, 0.1, 1]), 2.0).astype(np.float32)
    moved = align_depth(z, all_valid(z), source, target, "nearest")
    valid = moved.validity == DepthStatus.VALID
    points = source.unproject(pixels(source), z).reshape(-1, 3)[moved.origin[valid]]
    own = (points @ target.rotation.T + target.translation)[:, 2]
    assert moved.z[valid] == pytest.approx(own, rel=1e-5)


def test_a_coarse_map_is_filled_and_a_fine_one_kept() -> None:
    z = np.full((480, 640), 2.0, np.float32)
    source = Camera((480, 640), 600, 600, 319.5, 239.5)
    assert SourceGrid.from_depth(z, z > 0, source, source.scaled((96, 128))).z.shape == (480, 640)
    coarse = SourceGrid.from_depth(z, z > 0, source, source.scaled((960, 1280)))
    assert coarse.z.shape[0] >= 960
    assert coarse.z.shape[1] >= 1280
    assert coarse.z[5, 5] == pytest.approx(2.0)


ORACLE_SOURCE = Camera((240, 320), 260.0, 262.0, 158.0, 121.0)


def scene(source: Camera) -> Map:
    """A wall turning away, a person-sized block, a far window and holes, in whole mm."""
    height, width = source.shape
    z = 3.0 + np.linspace(0, 1, width)[None] + np.linspace(0, 0.3, height)[:, None]
    z[60:200, 100:200] = 1.2 + 0.1 * np.sin(np.arange(100) / 20)
    z[20:50, 230:300] = 7.0
    z[150:170, 20:60] = 0
    return np.round(z * 1000).astype(np.uint16)


def ours(mm: Map, target: Camera, interpolation: Any = "bilinear") -> AlignedDepth:
    validity = np.where(mm > 0, DepthStatus.VALID, DepthStatus.MISSING).astype(np.uint8)
    return align_depth(
        (mm / 1000).astype(np.float32), validity, ORACLE_SOURCE, target, interpolation
    )


def differ(got: Map, wanted: Map, both: Map) -> float:
    """Share of pixels where `got` is 1 % off `wanted` and off all that is half a pixel around."""
    low = cv2.erode(np.where(wanted > 0, wanted, np.inf).astype(np.float32), np.ones((2, 2)))
    low = np.minimum(low, cv2.erode(low, np.ones((2, 2)), anchor=(0, 0)))
    high = cv2.dilate(wanted.astype(np.float32), np.ones((3, 3)))
    off = (got < low * 0.99) | (got > high * 1.01)
    return float(off[both].mean())


@SOME
@given(cameras(shape=(300, 400), turn=0.06, shift=0.06))
def test_opencv_registers_the_same(target: Camera) -> None:
    """cv2.registerDepth splats points on whole pixels; ours may differ by half of one."""
    if not hasattr(cv2, "registerDepth"):
        pytest.skip("this OpenCV has no registerDepth")
    mm = scene(ORACLE_SOURCE)
    turn, shift = relative_pose(ORACLE_SOURCE, target)
    whole = np.block([[turn, shift[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])
    bent = np.array(target.distortion or (0, 0, 0, 0), float)
    registered = cv2.registerDepth(
        ORACLE_SOURCE.matrix, target.matrix, bent, whole, mm, target.shape[::-1],
        depthDilation=True,
    )  # fmt: skip
    wanted = registered.astype(np.float32) / 1000
    moved = ours(mm, target)
    both = (wanted > 0) & (moved.validity == DepthStatus.VALID)
    assert both.sum() > 0.9 * (wanted > 0).sum()
    smooth = np.abs(moved.z / np.where(both, wanted, 1) - 1)[both]
    assert np.percentile(smooth, 95) < 0.01
    assert differ(moved.z, wanted, both) < 0.005


def test_librealsense_aligns_the_same() -> None:
    """Its software device: the same depth pixels land on the same photo pixels."""
    device = pytest.importorskip("realsense_oracle", exc_type=ImportError)
    rng = np.random.default_rng(7)
    for bent in ((), (0.1, -0.2, 0.002, 0.001, 0.05)):
        target = Camera(
            (300, 400), 380.0, 379.0, 203.0, 148.0, bent, rotation(*rng.uniform(-0.04, 0.04, 3)),
            rng.uniform(-0.04, 0.04, 3),
        )  # fmt: skip
        mm = scene(ORACLE_SOURCE)
        wanted = device.aligned(mm, ORACLE_SOURCE, target)  # keeps the depth camera's own z
        moved = ours(mm, target)
        both = (wanted > 0) & (moved.validity == DepthStatus.VALID)
        assert both.sum() > 0.97 * max((wanted > 0).sum(), both.sum())
        landed = np.where(both, mm.ravel()[moved.origin] / 1000, 0)
        assert differ(landed, wanted, both) < 0.005
