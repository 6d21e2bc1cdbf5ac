"""From canvas to photo: places kept, solid areas exact, edges nearer the photo's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.canvas import Box, Letterbox, from_canvas, prepare_canvas, to_canvas
from depthmatte.evidence import DepthStatus
from depthmatte.filters import box_filter, guided_coefficients, local_range
from depthmatte.options import OrientMode
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.restore import _EPS, _RADIUS, restore_map, restore_measured
from depthmatte.system.row_strips import row_strips
from depthmatte.types import RGB, Float
from depthmatte.values import Depth, Matte
from known_people import background, onto

SHAPES = st.tuples(st.integers(40, 300), st.integers(40, 300))
SMALL = (64, 48)
ORIENTS = st.sampled_from(get_args(OrientMode))


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def blob(shape: tuple[int, int], at: tuple[float, float], radius: float) -> NDArray[np.float32]:
    """A soft disc, `at` as (x, y) in shares of the width and the height."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(x - at[0] * shape[1], y - at[1] * shape[0])
    return np.clip(radius + 0.5 - away, 0, 1).astype(np.float32)


def centroid(values: NDArray[Any]) -> NDArray[np.float64]:
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    return np.array([(x * values).sum(), (y * values).sum()]) / values.sum()


@given(SHAPES, ORIENTS, st.floats(0.4, 0.6), st.floats(0.4, 0.6), st.booleans())
def test_a_blob_stays_where_it_is(
    shape: tuple[int, int], orient: OrientMode, x: float, y: float, guided: bool
) -> None:
    fit = Letterbox.for_photo(shape, SMALL, orient)
    truth = blob(shape, (x, y), 0.25 * min(shape))
    rgb = (40 + 150 * truth[..., None] + noise(shape) * 0.2).astype(np.uint8)
    back = restore_map(np.clip(to_canvas(truth, fit), 0, 1), fit, rgb if guided else None)
    assert back.shape == shape
    assert back.dtype == np.float32
    assert np.abs(centroid(back) - centroid(truth)).max() < 0.5


@given(SHAPES, ORIENTS, st.floats(0, 1, width=32))
def test_constants_stay(shape: tuple[int, int], orient: OrientMode, value: float) -> None:
    fit = Letterbox.for_photo(shape, SMALL, orient)
    values = np.full(fit.canvas, value, np.float32)
    guided = restore_map(values, fit, noise(shape))
    assert guided.shape == shape
    assert np.allclose(guided, value, rtol=0, atol=1e-6)
    assert (guided == restore_map(values, fit)).all()


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("shape", [(200, 130), (130, 200), (61, 47), (1, 1), (1, 300)])
@pytest.mark.parametrize("orient", get_args(OrientMode))
def test_nothing_and_everything_are_exact(
    shape: tuple[int, int], orient: OrientMode, value: int
) -> None:
    fit = Letterbox.for_photo(shape, SMALL, orient)
    assert (restore_map(np.full(fit.canvas, value, np.float32), fit, noise(shape)) == value).all()


def test_no_veil_and_no_holes() -> None:
    """Where the map is solid, the wildest photo changes nothing, to the last bit."""
    shape = (400, 300)
    fit = Letterbox.for_photo(shape, SMALL)
    alpha = np.round(to_canvas(blob(shape, (0.5, 0.5), 90), fit), 6)  # averaging leaves 0.9999999
    back = restore_map(alpha, fit, noise(shape))
    cell = shape[0] / fit.content_shape[0]
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(x - 150, y - 200)
    assert (back[away < 90 - 5 * cell] == 1).all()
    assert (back[away > 90 + 5 * cell] == 0).all()


def test_a_map_of_the_photos_size_is_returned() -> None:
    values = np.random.default_rng(0).random((33, 47), np.float32)
    same = restore_map(values, Letterbox.identity(values.shape), noise((33, 47)))
    assert (same == values).all()


@pytest.mark.parametrize("shape", [(30, 20), (64, 48), (20, 30)])
def test_a_photo_smaller_than_its_canvas_is_only_scaled(shape: tuple[int, int]) -> None:
    fit = Letterbox.for_photo(shape, SMALL)
    values = np.random.default_rng(0).random(fit.canvas, np.float32)
    assert (restore_map(values, fit, noise(shape)) == restore_map(values, fit)).all()


@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
@pytest.mark.parametrize("orient", get_args(OrientMode))
def test_edges_follow_the_photo(shape: tuple[int, int], orient: OrientMode) -> None:
    truth = blob(shape, (0.5, 0.5), 80)
    colors = truth[..., None] * np.array([200, 90, 40]) + (1 - truth[..., None]) * 60
    rgb = (colors + noise(shape) * 0.05).astype(np.uint8)
    fit = Letterbox.for_photo(shape, SMALL, orient)
    alpha = np.clip(to_canvas(truth, fit), 0, 1)
    guided, plain = restore_map(alpha, fit, rgb), restore_map(alpha, fit)
    assert np.abs(guided - truth).mean() < 0.4 * np.abs(plain - truth).mean()
    assert guided.min() >= 0
    assert guided.max() <= 1


def gain(pairs: Iterable[tuple[RGB, Float]]) -> float:
    """Error with the guide, as a share of the error without it, of true alphas laid on a canvas
    and brought back.
    """
    errors = []
    for rgb, truth in pairs:
        fit = Letterbox.for_photo(truth.shape)
        alpha = np.clip(to_canvas(truth, fit), 0, 1)
        guided, plain = restore_map(alpha, fit, rgb), restore_map(alpha, fit)
        errors.append((np.abs(guided - truth).mean(), np.abs(plain - truth).mean()))
    guided_error, plain_error = np.mean(errors, axis=0)
    return float(guided_error / plain_error)


def test_on_composites_the_guide_helps() -> None:
    """An astronaut before other pictures, large enough to lose pixels on the canvas."""
    pytest.importorskip("skimage", reason="needs the extra demo")
    names = ("chelsea", "rocket", "brick")
    known = [onto(background(name, (800, 960)), 200, 1.5) for name in names]
    assert gain((one.rgb, one.alpha) for one in known) < 0.75


def test_on_real_photos_the_guide_helps(shared: Path) -> None:
    """Ten training photos and their true masks."""
    folder = shared / "data/people/ccp/train"
    pairs = []
    for file in sorted((folder / "masks").glob("*.png"))[:100:10]:
        truth = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE).astype(np.float32) / np.float32(255)
        rgb = cv2.imread(str(folder / "images" / f"{file.stem}.jpg"))[..., ::-1]
        pairs.append((np.ascontiguousarray(rgb), truth))
    assert gain(pairs) < 0.85


def plain(values: Float, fit: Letterbox, guide: RGB) -> Float:
    """The guided restoration as it is written down: everything at full size, on whole arrays."""
    part = fit.content_slices
    color = to_canvas(guide, fit)[part].astype(np.float32) * np.float32(1 / 255)
    target = np.ascontiguousarray(values[part], np.float32)
    a, _ = guided_coefficients(color, target, _RADIUS, _EPS)
    mean, level = box_filter(color, _RADIUS), box_filter(target, _RADIUS)
    slant = box_filter(color * target[..., None], _RADIUS) - mean * level[..., None]
    variance = np.maximum(box_filter(target * target, _RADIUS) - level * level, 0)
    share = (a * slant).sum(axis=-1) / (variance + np.float32(1e-4))
    edge = np.clip(local_range(target, _RADIUS) * np.float32(1 / 0.02), 0, 1)
    a *= (edge * np.clip(share, 0, 1))[..., None]
    slopes, offset = np.zeros((*fit.canvas, 3), np.float32), np.zeros(fit.canvas, np.float32)
    slopes[part], offset[part] = a, target - (a * color).sum(axis=-1)
    restored = np.asarray(from_canvas(offset, fit), np.float32)
    for channel in range(3):
        slope = np.ascontiguousarray(slopes[..., channel]) * np.float32(1 / 255)
        restored += from_canvas(slope, fit) * guide[..., channel]
    return np.clip(restored, 0, 1)


@given(SHAPES, ORIENTS, st.booleans(), st.booleans(), st.integers(0, 99))
def test_what_is_skipped_changes_no_bit(
    shape: tuple[int, int], orient: OrientMode, closer: bool, given_colors: bool, seed: int
) -> None:
    """Only strips that hold an edge are worked on; the result is that of the whole, exactly."""
    draw = np.random.default_rng(seed)
    part = Box(3, 5, shape[0] - 20, shape[1] - 10) if closer else None
    fit, guide = Letterbox.for_photo(shape, SMALL, orient, part), noise(shape, seed)
    truth = blob(shape, (float(draw.uniform(0, 1)), 0.5), 0.3 * min(shape))
    values = np.round(np.clip(to_canvas(truth, fit), 0, 1), 6)
    values[draw.random(values.shape) < 0.02 * (seed % 3)] = 0.4
    shown = prepare_canvas(Photo(guide), SMALL, orient, part).rgb[0] if given_colors else None
    if fit.content_shape[0] * fit.content_shape[1] < fit.photo_box.height * fit.photo_box.width:
        np.testing.assert_array_equal(
            restore_map(values, fit, guide, shown), plain(values, fit, guide)
        )


@pytest.mark.parametrize("shape", [(200, 2800), (2800, 200), (300, 1025)])
@pytest.mark.parametrize("orient", get_args(OrientMode))
def test_blocks_of_columns_change_no_bit(
    shape: tuple[int, int], orient: OrientMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("depthmatte.restore._MAX_BLOCK_COLUMNS", 512)
    fit, guide = Letterbox.for_photo(shape, SMALL, orient), noise(shape)
    values = np.clip(to_canvas(blob(shape, (0.5, 0.5), 0.4 * max(shape)), fit), 0, 1)
    values[:, ::3] *= np.float32(0.7)
    np.testing.assert_array_equal(restore_map(values, fit, guide), plain(values, fit, guide))


def test_memory_stays_near_the_map_itself() -> None:
    """12 megapixels: the map, one enlarged slope, and little else."""
    tracemalloc = pytest.importorskip("tracemalloc")
    shape = (4000, 3000)
    fit, guide = Letterbox.for_photo(shape), np.zeros((*shape, 3), np.uint8)
    values = to_canvas(blob((400, 300), (0.5, 0.5), 80), Letterbox.for_photo((400, 300)))
    tracemalloc.start()
    try:
        restore_map(np.clip(values, 0, 1), fit, guide)
        assert tracemalloc.get_traced_memory()[1] < 2.3 * 4 * shape[0] * shape[1]
    finally:
        tracemalloc.stop()


@given(st.integers(0, 1000), st.integers(1, 300))
def test_strips_cover_every_row_once(height: int, rows: int) -> None:
    parts = list(row_strips(height, rows))
    assert [row for part in parts for row in range(height)[part]] == list(range(height))
    assert all(part.stop - part.start <= rows for part in parts)


@given(SHAPES, ORIENTS, st.integers(0, 99))
def test_holes_never_mix_with_what_is_known(
    shape: tuple[int, int], orient: OrientMode, seed: int
) -> None:
    """Values of 1.9 to 2 among holes that hold 0 or 50: nothing else comes out."""
    fit = Letterbox.for_photo(shape, SMALL, orient)
    draw = np.random.default_rng(seed)
    known = draw.random(fit.canvas) > 0.4
    values = np.where(known, 2 - 0.1 * draw.random(fit.canvas), 50 * (seed % 2))
    back = restore_measured(values.astype(np.float32), known, fit)
    nearest = from_canvas(known.astype(np.uint8), fit, nearest=True) > 0
    assert (back[~nearest] == 0).all()
    assert back[nearest].min(initial=2) >= 1.9 - 1e-5
    assert back[nearest].max(initial=0) <= 2 + 1e-5


@given(SHAPES, ORIENTS, st.integers(0, 99))
def test_without_holes_it_is_plain_enlargement(
    shape: tuple[int, int], orient: OrientMode, seed: int
) -> None:
    fit = Letterbox.for_photo(shape, SMALL, orient)
    values = np.random.default_rng(seed).random(fit.canvas, np.float32)
    known = np.ones(fit.canvas, bool)
    np.testing.assert_array_equal(restore_measured(values, known, fit), restore_map(values, fit))


def test_a_portraits_depth_is_right_beside_holes() -> None:
    """A wall at half of the largest depth with a hole in it, four times enlarged."""
    fit = Letterbox.for_photo((192, 256), (48, 64))
    z = np.full((64, 48) if fit.rotated else fit.canvas, 2, np.float32)
    z[0, 0] = 4
    validity = np.zeros(z.shape, np.uint8)
    validity[20:30, 20:30] = DepthStatus.OCCLUDED
    z[20:30, 20:30] = 0
    sure = np.where(validity == DepthStatus.VALID, np.float32(0.5), np.float32(0))
    depth = Depth(z, sure, True, "sensor", validity)
    rgb = np.zeros((192, 256, 3), np.uint8)
    portrait = Portrait(Photo(rgb), Matte.empty(z.shape), depth, fit)
    hole = portrait.validity == DepthStatus.OCCLUDED
    assert hole.sum() > 1000
    assert not portrait.depth[hole].any()
    assert not portrait.depth_prob[hole].any()
    beside = (cv2.dilate(hole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~hole
    np.testing.assert_allclose(portrait.depth[beside], 0.5, atol=1e-6)
    np.testing.assert_allclose(portrait.depth_prob[beside], 0.5, atol=1e-6)
