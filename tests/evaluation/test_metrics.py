"""Every metric against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from depthmatte.errors import InputError
from depthmatte.evaluation import depth_metrics, metrics
from depthmatte.evaluation.metrics import METRICS, compute_metrics
from depthmatte.types import Float

EMPTY = np.zeros((40, 30), np.float32)
FULL = np.ones((40, 30), np.float32)


def block(top: int, bottom: int, left: int, right: int) -> Float:
    values = np.zeros((40, 30), np.float32)
    values[top:bottom, left:right] = 1
    return values


def disc(size: int = 200, radius: float = 60) -> NDArray[np.bool_]:
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.asarray(x * x + y * y < radius * radius)


def test_plain_errors() -> None:
    alpha = np.array([[0.0, 0.5], [1.0, 0.25]], np.float32)
    truth = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    assert metrics.mae(alpha, truth) == pytest.approx(0.75 / 4)
    assert metrics.mse(alpha, truth) == pytest.approx((0.25 + 0.0625) / 4)
    assert metrics.sad(alpha, truth) == pytest.approx(0.75 / 1000)


def test_gradient_of_a_ramp_is_its_slope_in_filter_units() -> None:
    """On a ramp every derivative filter answers slope x (sum of its own x-weights)."""
    ramp = np.tile(np.linspace(0, 1, 41, dtype=np.float32), (41, 1))
    x = np.arange(-4, 5)
    smooth = np.exp(-(x**2) / (2 * 1.4**2))
    smooth /= np.linalg.norm(smooth)
    slope = x * smooth / np.linalg.norm(x * smooth)
    answer = abs((slope * x).sum() * smooth.sum()) / 40
    inner = metrics._gradient(ramp)[10:-10, 10:-10]
    assert inner == pytest.approx(answer, rel=1e-4)


def test_gradient_error_sees_a_softened_edge_only() -> None:
    sharp = block(0, 40, 15, 30)
    soft = sharp.copy()
    soft[:, 14], soft[:, 15] = 0.3, 0.7
    assert metrics.gradient_error(sharp, sharp) == 0
    assert metrics.gradient_error(soft, sharp) > 0.01
    assert metrics.gradient_error(FULL, EMPTY) == pytest.approx(0, abs=1e-9)  # both flat


def test_connectivity_counts_an_island() -> None:
    """A 3 x 4 island beside the shared body is disconnected at every level: 12 pixels."""
    truth = block(0, 20, 0, 20)
    island = truth.copy()
    island[30:33, 10:14] = 1
    assert metrics.connectivity_error(island, truth) == pytest.approx(12 / 1000)
    assert metrics.connectivity_error(truth, truth) == 0


def test_connectivity_levels() -> None:
    """A pixel of 0.4 beside a body of 1 hangs on up to 0.4; against 1 it misses 0.6."""
    truth = block(0, 10, 0, 10)
    alpha = truth.copy()
    alpha[5, 9] = 0.4
    # level 0.4: truth's excess 0.6 >= 0.15 counts whole, alpha's excess 0 does not.
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(0.6 / 1000, abs=1e-6)


def test_iou() -> None:
    one, other = block(0, 10, 0, 10), block(0, 10, 5, 15)
    assert metrics.iou(one, other) == pytest.approx(50 / 150)
    assert metrics.iou(one * np.float32(0.5), one) == 1  # 0.5 is in
    assert metrics.iou(one * np.float32(0.49), one) == 0


def test_boundary_iou_by_hand() -> None:
    """Diagonal 50, so the boundary is 1 pixel: rings of 36 pixels, shifted by one."""
    one, other = block(5, 15, 5, 15), block(5, 15, 6, 16)
    shared = 9 + 9  # top and bottom rows overlap in 9 columns, the sides do not meet
    assert metrics.boundary_iou(one, other) == pytest.approx(shared / (36 + 36 - shared))
    assert metrics.boundary_iou(one, one) == 1


def test_boundary_includes_the_photo_border() -> None:
    assert metrics._boundary(FULL >= 0.5, 1).sum() == 2 * 40 + 2 * 28


def test_boundary_iou_is_stricter_than_iou() -> None:
    truth = disc().astype(np.float32)
    alpha = disc(radius=57).astype(np.float32)
    assert metrics.boundary_iou(alpha, truth) < metrics.iou(alpha, truth)


def test_s_measure() -> None:
    truth = block(10, 30, 8, 22)
    assert metrics.s_measure(truth, truth) == pytest.approx(1)
    assert metrics.s_measure(1 - truth, truth) == 0
    assert metrics.s_measure(EMPTY, EMPTY) == 1
    assert metrics.s_measure(FULL, EMPTY) == 0
    assert metrics.s_measure(FULL * np.float32(0.25), FULL) == pytest.approx(0.25)


def test_s_measure_object_part() -> None:
    """Object score of an even value v is 2v / (v^2 + 1)."""
    assert metrics._object_similarity(np.full(9, 0.5, np.float32)) == pytest.approx(1 / 1.25)
    assert metrics._object_similarity(np.array([0.7], np.float32)) == pytest.approx(1.4 / 1.49)


def test_s_measure_region_part() -> None:
    """Means .5 and .5, covariance of a block and its half-strength copy, by hand."""
    one = np.array([[0.25, 0.25], [0.75, 0.75]], np.float32)
    other = np.array([[0, 0], [1, 1]], np.float32)
    # x = y = 1/2, xx = 1/12, yy = 1/3, xy = 1/6
    expected = 4 * 0.25 * (1 / 6) / ((0.25 + 0.25) * (1 / 12 + 1 / 3))
    assert metrics._similarity(one, other) == pytest.approx(expected)


def test_band_of_a_straight_edge() -> None:
    """Diagonal 500, radius 5: five columns on each side of the edge."""
    truth = np.zeros((300, 400), np.float32)
    truth[:, 200:] = 1
    band = metrics.transition_band(truth)
    assert band.any(axis=0).nonzero()[0].tolist() == list(range(195, 205))
    alpha = truth.copy()
    alpha[:, 0] = 1  # far away: the band does not see it
    assert metrics.band_error(alpha, truth) == 0
    alpha[:, 200] = 0.5  # one of ten columns half wrong
    assert metrics.band_error(alpha, truth) == pytest.approx(0.05)


def test_band_holds_every_soft_pixel() -> None:
    truth = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (300, 1))
    assert metrics.transition_band(truth)[(truth > 0.05) & (truth < 0.95)].all()


def test_empty_truth_and_empty_alpha() -> None:
    both = compute_metrics(EMPTY, EMPTY)
    assert math.isnan(both.pop("band"))
    assert both == {
        "mae": 0,
        "mse": 0,
        "sad": 0,
        "gradient": 0,
        "connectivity": 0,
        "iou": 1,
        "boundary_iou": 1,
        "s_measure": 1,
    }
    truth = block(10, 20, 10, 20)
    missed = compute_metrics(EMPTY, truth)
    assert missed["iou"] == missed["boundary_iou"] == 0
    assert missed["mae"] == pytest.approx(100 / 1200)
    assert missed["connectivity"] == pytest.approx(100 / 1000)
    ghost = compute_metrics(truth, EMPTY)
    assert ghost["iou"] == ghost["boundary_iou"] == 0
    assert ghost["s_measure"] == pytest.approx(1 - 100 / 1200)
    assert math.isnan(ghost["band"])


def test_full_truth_is_defined() -> None:
    numbers = compute_metrics(FULL, FULL)
    assert numbers["iou"] == numbers["boundary_iou"] == numbers["s_measure"] == 1
    assert math.isnan(numbers["band"])


@settings(max_examples=30, deadline=None)
@given(
    *[
        arrays(np.float32, (12, 9), elements=st.floats(0, 1, width=32, allow_subnormal=False))
        for _ in range(2)
    ]
)
def test_ranges_and_perfection(alpha: Float, truth: Float) -> None:
    for name, value in compute_metrics(alpha, truth).items():
        assert math.isnan(value) or value >= 0, name
        if METRICS[name].better == "higher":
            assert value <= 1 + 1e-6, name
    for name, value in compute_metrics(truth, truth).items():
        if METRICS[name].better == "lower":
            assert math.isnan(value) or value == pytest.approx(0, abs=1e-7), name


def test_measure_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(InputError, match="differ in size"):
        compute_metrics(EMPTY, EMPTY[:-1])
    with pytest.raises(InputError, match=r"lie in \[0, 1\]"):
        compute_metrics(EMPTY + 2, EMPTY)
    with pytest.raises(InputError, match=r"lie in \[0, 1\]"):
        compute_metrics(EMPTY * np.nan, EMPTY)
    with pytest.raises(InputError, match=r"must be \(H, W\)"):
        compute_metrics(EMPTY[..., None], EMPTY[..., None])


def test_outline_pairs_lie_across_the_outline() -> None:
    mask = disc()
    pairs = depth_metrics.outline_pairs(mask)
    step = 0.025 * math.hypot(*mask.shape)
    center = np.array([99.5, 99.5])
    inner = np.linalg.norm(pairs.inside - center, axis=1)
    outer = np.linalg.norm(pairs.outside - center, axis=1)
    assert len(pairs.inside) > 250
    assert inner == pytest.approx(60 - step, abs=2)
    assert outer == pytest.approx(60 + step, abs=2)


def test_outline_pairs_leave_the_feet_out() -> None:
    mask = np.zeros((200, 200), bool)
    mask[50:150, 50:150] = True
    pairs = depth_metrics.outline_pairs(mask)
    assert not (pairs.outside[:, 0] > 150).any()
    assert (depth_metrics.outline_pairs(mask, feet=0).outside[:, 0] > 150).any()


def test_outline_pairs_off_the_photo_are_dropped() -> None:
    mask = np.zeros((200, 200), bool)
    mask[:, 100:] = True  # its outline is one edge; the frame is no outline
    pairs = depth_metrics.outline_pairs(mask)
    assert set(np.unique(pairs.inside[:, 1] >= 100)) == {True}
    assert set(np.unique(pairs.outside[:, 1] < 100)) == {True}


def test_outline_pairs_between_limbs() -> None:
    """Two columns 4 pixels apart: the outer end of an inner pair lands in the other one."""
    mask = np.zeros((200, 200), bool)
    mask[20:180, 60:98] = mask[20:180, 102:140] = True
    every, clear = (
        depth_metrics.outline_pairs(mask),
        depth_metrics.outline_pairs(mask, clear_outside=True),
    )
    assert mask[tuple(every.outside.T)].any()
    assert not mask[tuple(clear.outside.T)].any()
    assert 0 < len(clear.inside) < len(every.inside)


@pytest.mark.parametrize("fill", [False, True])
def test_no_outline_no_pairs(fill: bool) -> None:
    pairs = depth_metrics.outline_pairs(np.full((50, 50), fill))
    assert pairs.is_inside_nearer(np.zeros((50, 50))).size == 0


def test_nearer_counts_strictly() -> None:
    mask = disc()
    pairs = depth_metrics.outline_pairs(mask)
    assert pairs.is_inside_nearer(np.where(mask, 0.2, 0.8)).all()
    assert not pairs.is_inside_nearer(np.where(mask, 0.8, 0.2)).any()
    assert not pairs.is_inside_nearer(np.zeros(mask.shape)).any()
    half = np.where(mask & (np.arange(200) < 100), 0.2, 0.8)
    assert pairs.is_inside_nearer(half).mean() == pytest.approx(0.5, abs=0.02)


def test_outline_pairs_need_a_mask() -> None:
    with pytest.raises(InputError, match="boolean"):
        depth_metrics.outline_pairs(np.zeros((5, 5)))  # type: ignore[arg-type]


def strips(*depths: float) -> tuple[NDArray[np.float64], list[NDArray[np.bool_]]]:
    depth = np.repeat(np.array(depths), 10)[None].repeat(10, 0)
    masks = [np.arange(depth.shape[1])[None].repeat(10, 0) // 10 == i for i in range(len(depths))]
    return depth, masks


def test_person_order() -> None:
    depth, people = strips(0.1, 0.5, 0.3)
    assert depth_metrics.person_order(depth, people, [1.0, 2.0, 3.0]) == (2, 3)
    assert depth_metrics.person_order(depth, people, [1.0, 3.0, 2.0]) == (3, 3)
    assert depth_metrics.person_order(depth, people, [1.0, 2.0, 2.1], min_ratio=1.1) == (2, 2)
    assert depth_metrics.person_order(depth * 0, people, [1.0, 2.0, 3.0]) == (0, 3)
    nobody = np.zeros_like(people[0])
    assert depth_metrics.person_order(depth, [people[0], nobody], [1.0, 2.0]) == (0, 0)


def test_poster_step() -> None:
    wall = np.full((200, 200), 0.6)
    poster = np.zeros((200, 200), bool)
    poster[80:120, 80:120] = True
    everywhere = np.ones_like(poster)
    flat = wall.copy()
    flat[77:123, 77:123] = 0.9  # a soft rim just outside is not the wall
    flat[poster] = 0.57
    assert depth_metrics.poster_depth_step(flat, poster, everywhere) == pytest.approx(0.03)
    assert math.isnan(depth_metrics.poster_depth_step(flat, poster, poster))


def test_abs_rel_is_blind_to_scale_and_shift() -> None:
    meters = np.linspace(1, 5, 100).reshape(10, 10)
    seen = np.ones((10, 10), bool)
    assert depth_metrics.abs_rel(3 * np.log(meters) - 1, meters, seen, "log") == pytest.approx(0)
    assert depth_metrics.abs_rel(2 - 5 / meters, meters, seen, "disparity") == pytest.approx(0)


def test_abs_rel_by_hand() -> None:
    """A constant map can only answer the geometric mean: 2 between 1 and 4 meters."""
    meters = np.array([[1.0, 4.0, 0.0]])
    valid = np.ones((1, 3), bool)  # the third has no distance and is left out
    constant = np.zeros((1, 3))
    assert depth_metrics.abs_rel(constant, meters, valid, "log") == pytest.approx((1 + 0.5) / 2)
    # the mean of disparities 1 and 1/4 is 5/8: z = 1.6
    expected = (0.6 + 2.4 / 4) / 2
    assert depth_metrics.abs_rel(constant, meters, valid, "disparity") == pytest.approx(expected)


def test_abs_rel_of_a_disparity_below_zero_stays_finite() -> None:
    meters = np.array([[1.0, 1.0, 50.0]])
    assert (
        depth_metrics.abs_rel(
            np.array([[1.0, 0.0, -3.0]]), meters, np.ones((1, 3), bool), "disparity"
        )
        < 80
    )


def test_abs_rel_needs_pixels() -> None:
    with pytest.raises(InputError, match="at least two"):
        depth_metrics.abs_rel(np.zeros((2, 2)), np.ones((2, 2)), np.zeros((2, 2), bool), "log")


def test_reliability() -> None:
    prob = np.array([0.05, 0.15, 0.15, 1.0])
    right = np.array([False, True, False, True])
    table = depth_metrics.reliability_table(prob, right)
    assert table[0] == (pytest.approx(0.05), 0, 1)
    assert table[1] == (pytest.approx(0.15), 0.5, 2)
    assert table[9] == (1, 1, 1)
    assert table[5].pixels == 0
    assert math.isnan(table[5].confidence)
    expected = (0.05 + 2 * 0.35 + 0) / 4
    assert depth_metrics.expected_calibration_error(table) == pytest.approx(expected)
    assert math.isnan(
        depth_metrics.expected_calibration_error(
            depth_metrics.reliability_table(prob[:0], right[:0])
        )
    )
