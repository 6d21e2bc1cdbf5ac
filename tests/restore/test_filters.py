"""Smoothing filters against their definitions, and missing pixels that never mix in."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from depthmatte import filters
from depthmatte.filters import (
    box_filter,
    disc_filter,
    fill_pull_push,
    gaussian_filter,
    guided_coefficients,
    local_range,
    median_value,
    normalized_convolution,
)

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))
SMOOTHERS = [
    lambda v: box_filter(v, 2),
    lambda v: gaussian_filter(v, 1.5),
    lambda v: disc_filter(v, 2.3),
]


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(shape, np.float32)


def mirrored(values: NDArray[Any], reach: int) -> NDArray[Any]:
    return np.pad(values, reach, mode="symmetric")


def test_box_is_the_mean_of_the_window() -> None:
    values = noise(9, 7)
    wide = mirrored(values, 2)
    mean = [[wide[y : y + 5, x : x + 5].mean() for x in range(7)] for y in range(9)]
    assert np.allclose(box_filter(values, 2), mean, atol=1e-6)


def test_gaussian_spreads_a_point_by_sigma() -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1
    blurred = gaussian_filter(point, 3)
    offset = np.arange(41) - 20
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((blurred.sum(axis=0) * offset**2).sum()) == pytest.approx(3, abs=0.1)


@given(st.floats(0.5, 9))
def test_a_disc_is_round_flat_and_of_its_area(radius: float) -> None:
    point = np.zeros((25, 25), np.float32)
    point[12, 12] = 1
    spot = disc_filter(point, radius)
    assert spot.sum() == pytest.approx(1, abs=1e-5)
    assert 1 / spot.max() == pytest.approx(np.pi * radius**2, rel=0.15, abs=1.5)
    assert np.allclose(spot, spot.T, atol=1e-6)
    y, x = np.mgrid[-12:13, -12:13]
    assert np.abs(spot[np.hypot(x, y) > radius + 0.5]).max(initial=0) < 1e-6


def test_no_blur_is_a_copy() -> None:
    values = noise(5, 6)
    for smooth in (gaussian_filter(values, 0), disc_filter(values, 0.2), box_filter(values, 0)):
        assert (smooth == values).all()
        assert smooth is not values


@pytest.mark.parametrize("smooth", SMOOTHERS)
@given(SIZES, st.sampled_from([(), (1,), (3,)]))
def test_smoothing_keeps_constants_and_shapes(smooth: Any, size: Any, axes: Any) -> None:
    values = np.full((*size, *axes), 0.3, np.float32)
    smoothed = smooth(values)
    assert smoothed.shape == values.shape
    assert smoothed.dtype == np.float32
    assert np.allclose(smoothed, 0.3, atol=1e-6)


def test_spread() -> None:
    values = np.zeros((7, 7), np.float32)
    values[3, 3] = 1
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = 1
    assert (local_range(values, 1) == expected).all()


@pytest.mark.parametrize("smooth", SMOOTHERS)
@pytest.mark.parametrize("missing", [np.nan, np.inf, -1e9])
def test_missing_pixels_never_reach_the_mean(smooth: Any, missing: float) -> None:
    weights = (noise(30, 20, seed=1) > 0.6).astype(np.float32)
    values = 2 + noise(30, 20, 3)
    holed = np.where(weights[..., None] > 0, values, np.float32(missing)).astype(np.float32)
    mean, share = normalized_convolution(holed, weights, smooth)
    seen = share > 0.02
    assert seen.mean() > 0.9
    assert mean[seen].min() > 1.99
    assert mean[seen].max() < 3.01
    assert np.isfinite(mean).all()


def test_where_nothing_is_near_the_mean_is_zero() -> None:
    weights = np.zeros((20, 20), np.float32)
    weights[:, :3] = 1
    mean, share = normalized_convolution(
        np.ones((20, 20), np.float32), weights, lambda v: box_filter(v, 2)
    )
    assert (mean[:, 6:] == 0).all()
    assert (share[:, 6:] == 0).all()
    assert np.allclose(mean[:, :4], 1)


def test_weights_of_one_are_the_plain_blur() -> None:
    values = noise(20, 30, 3)
    mean, share = normalized_convolution(
        values, np.ones((20, 30), np.float32), lambda v: gaussian_filter(v, 2)
    )
    assert np.allclose(mean, gaussian_filter(values, 2), atol=1e-6)
    assert np.allclose(share, 1, atol=1e-6)


@given(SIZES, st.integers(0, 99))
def test_filling_keeps_what_is_known_and_stays_in_its_range(size: Any, seed: int) -> None:
    values = 1 + noise(*size, 3, seed=seed)
    weights = (noise(*size, seed=seed + 100) > 0.7).astype(np.float32)
    holed = np.where(weights[..., None] > 0, values, np.float32(np.nan)).astype(np.float32)
    filled = fill_pull_push(holed, weights)
    known = weights > 0
    assert filled.shape == values.shape
    assert (filled[known] == values[known]).all()
    if known.any():
        assert filled.min() >= values[known].min() - 1e-5
        assert filled.max() <= values[known].max() + 1e-5
    else:
        assert (filled == 0).all()


def test_filling_takes_the_nearest_color() -> None:
    values = np.zeros((32, 64), np.float32)
    values[:, 44:] = 1
    weights = np.ones((32, 64), np.float32)
    weights[:, 20:44] = 0
    filled = fill_pull_push(values, weights)
    assert (filled[:, 20:24] < 0.25).all()
    assert (filled[:, 40:44] > 0.75).all()
    middle = filled[16, 20:44]
    assert (np.diff(middle) > -1e-6).all()  # one smooth step from one side to the other


def slow_coefficients(
    guide: NDArray[Any], target: NDArray[Any], radius: int, eps: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ridge regression window by window, then the mean over windows: the paper's own words."""
    height, width = target.shape
    colors = np.pad(guide, ((radius,) * 2, (radius,) * 2, (0, 0)), mode="symmetric").astype(float)
    levels = mirrored(target, radius).astype(float)
    side = 2 * radius + 1
    slopes, offsets = np.zeros((height, width, 3)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            window = colors[y : y + side, x : x + side].reshape(-1, 3)
            aim = levels[y : y + side, x : x + side].ravel()
            centered = window - window.mean(axis=0)
            system = centered.T @ centered / len(aim) + eps * np.eye(3)
            slopes[y, x] = np.linalg.solve(system, centered.T @ (aim - aim.mean()) / len(aim))
            offsets[y, x] = aim.mean() - slopes[y, x] @ window.mean(axis=0)
    return box_filter(slopes.astype(np.float32), radius), box_filter(
        offsets.astype(np.float32), radius
    )


def test_guided_coefficients_are_local_ridge_regression() -> None:
    guide, target = noise(12, 10, 3), noise(12, 10, seed=5)
    for fast, slow in zip(
        guided_coefficients(guide, target, 2, 1e-2),
        slow_coefficients(guide, target, 2, 1e-2),
        strict=True,
    ):
        assert np.allclose(fast, slow, atol=1e-3)


def test_a_linear_target_is_found_again() -> None:
    guide = noise(24, 24, 3)
    target = guide @ np.array([0.5, -0.2, 0.3], np.float32) + np.float32(0.1)
    a, b = guided_coefficients(guide, target, 3, 1e-7)
    assert np.allclose(a, [0.5, -0.2, 0.3], atol=1e-3)
    assert np.allclose(b, 0.1, atol=1e-3)


def test_every_pixel_becomes_its_nearest_known_one() -> None:
    rng = np.random.default_rng(4)
    values, known = rng.integers(0, 99, (12, 15)), rng.random((12, 15)) < 0.2
    got = filters.fill_nearest(values, known)
    np.testing.assert_array_equal(got[known], values[known])
    places = np.argwhere(known)
    for spot in np.argwhere(~known):
        away = np.hypot(*(places - spot).T)
        # OpenCV's distances are exact to a fifth of a pixel here.
        close = places[away <= away.min() + 0.2]
        assert got[tuple(spot)] in values[tuple(close.T)]
    np.testing.assert_array_equal(filters.fill_nearest(values, np.zeros_like(known)), values)


def test_relief_is_the_range_of_what_is_known_nearby() -> None:
    d, known = np.zeros((9, 9), np.float32), np.zeros((9, 9), bool)
    d[4, 3:6], known[4, 3:6] = (0.3, 0.9, 0.4), (True, False, True)
    d[~known] = 0
    relief = filters.known_local_range(d, known, 3)
    assert relief[4, 4] == pytest.approx(0.1)
    assert relief[4, 2] == 0
    assert relief[0, 0] < 0


@given(
    arrays(np.float32, st.integers(1, 60), elements=st.floats(-9, 9, width=32) | st.just(np.nan))
)
def test_the_median_is_numpys(values: NDArray[np.float32]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own remark about NaN
        expected = float(np.median(values))
    np.testing.assert_array_equal(median_value(values), expected)
