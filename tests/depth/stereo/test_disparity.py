"""Disparity as a value, and what the other view does not show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from depthmatte.depth.stereo.disparity import (
    Disparity,
    fill_disparity_holes,
    left_right_difference,
    occlusion_mask,
    warp_right_to_left,
)
from depthmatte.errors import InputError
from stereo_pairs import floats, made


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
    assert np.array_equal(occlusion_mask(row), expected)


def test_hidden_agrees_with_the_scene() -> None:
    """By disparity alone, against the truth seen from the other side."""
    truth, other = made()[2:]
    apart = left_right_difference(truth.astype(np.float32), other.astype(np.float32))
    assert (occlusion_mask(truth.astype(np.float32)) == (apart > 1)).mean() > 0.99


def test_what_the_other_view_does_not_cover_is_hidden() -> None:
    covered = np.ones((1, 5), bool)
    covered[0, 1] = False
    assert occlusion_mask(np.full((1, 5), 2, np.float32), covered).tolist() == [
        [True, True, False, True, False]
    ]


def test_across_looks_where_the_disparity_points() -> None:
    values = np.arange(5, dtype=np.float32)[None]
    found = warp_right_to_left(np.array([[1, 1, 0, 5, -1]], np.float32), values, -9)
    assert found.tolist() == [[-9, 0, 2, -9, -9]]


def test_holes_get_the_farther_neighbor() -> None:
    pixels = np.array([[0, 5, 9, 9, 2, 0], [9, 9, 9, 9, 9, 9]], np.float32)
    known = np.array([[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    assert fill_disparity_holes(pixels, known).tolist() == [[5, 5, 2, 2, 2, 2], [5, 5, 2, 2, 2, 2]]
    assert not fill_disparity_holes(pixels, np.zeros_like(known)).any()
