"""The formulas of fusion by hand and by property, and the table of fusions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from depthmatte.depth.sensor.depth_map import sensor_probability
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus
from depthmatte.fusion import FUSIONS, get_fusion
from depthmatte.fusion.adaptive import fuse_adaptive
from depthmatte.fusion.inputs import stack_features
from depthmatte.fusion.multiplicative import fuse_none, fuse_normalized, fuse_product
from depthmatte.options import CutOptions
from depthmatte.subjects.select import Subject, select_subject
from depthmatte.values import Depth, DepthScale, Matte
from fusion_scenes import maps, row


def test_product_by_hand() -> None:
    """S_out = I2 (1 - d) I1 S_in with d divided by its maximum, 0.8."""
    matte = Matte(alpha=row(1.0, 1.0, 0.5, 1.0), prob=row(1.0, 0.5, 0.8, 1.0))
    depth = Depth(z=row(0.0, 0.4, 0.2, 0.8), prob=row(1.0, 0.5, 0.5, 1.0))
    expected = row(1.0, 0.5 * 0.5 * 0.5, 0.5 * 0.75 * 0.8 * 0.5, 0.0)
    np.testing.assert_allclose(fuse_product(matte, depth).alpha, expected, rtol=1e-6)


def test_normalized_by_hand() -> None:
    """The products 0.125 and 0.05 divided by E = 0.125."""
    matte = Matte(alpha=row(1.0, 0.4, 1.0), prob=row(0.5, 0.5, 1.0))
    depth = Depth(z=row(0.5, 0.5, 1.0), prob=row(0.5, 0.5, 1.0))
    np.testing.assert_allclose(fuse_product(matte, depth).alpha, row(0.125, 0.05, 0), rtol=1e-6)
    np.testing.assert_allclose(fuse_normalized(matte, depth).alpha, row(1.0, 0.4, 0.0), rtol=1e-6)


def test_meters_and_relative_depth_agree() -> None:
    matte = Matte(row(0.9, 0.8, 0.7), row(0.9, 0.8, 0.7))
    meters = Depth(row(1.0, 2.0, 4.0), row(1, 1, 1), metric=True)
    relative = Depth(row(0.25, 0.5, 1.0), row(1, 1, 1))
    for combine in (fuse_product, fuse_normalized):
        np.testing.assert_allclose(combine(matte, meters).alpha, combine(matte, relative).alpha)


def test_a_part_of_a_scene_keeps_the_scenes_maximum() -> None:
    """As in a second look, whose canvas does not show what is farthest."""
    matte = Matte(row(1, 1), row(1, 1))
    depth = Depth(
        row(2, 3), row(0.8, 0.8), metric=True, reference_scale=DepthScale(0.0, 2.3, max_meters=10.0)
    )
    np.testing.assert_allclose(fuse_product(matte, depth).alpha, row(0.64, 0.56), rtol=1e-6)


def test_unmeasured_depth_does_not_set_the_maximum() -> None:
    matte = Matte(row(1, 1, 1), row(1, 1, 1))
    depth = Depth(row(1.0, 2.0, 99.0), row(1, 1, 0), metric=True)
    np.testing.assert_allclose(fuse_product(matte, depth).alpha, row(0.5, 0, 0))


def before_a_wall(person: float = 1.2, wall: float = 3.0) -> tuple[Matte, Depth]:
    """A sure person, 80 of 100 columns wide, before a wall that is all of one depth."""
    alpha = np.repeat(row(*[0] * 10, *[1] * 80, *[0] * 10), 100, axis=0)
    z = np.where(alpha > 0, person, wall).astype(np.float32)
    valid = np.full(z.shape, DepthStatus.VALID, np.uint8)
    return Matte(alpha, alpha), Depth(z, sensor_probability(z, valid == 0), True, "sensor", valid)


def test_a_flat_far_wall_is_measured() -> None:
    """I2 = 1 - d / d_max is 0 on it, yet it sets d_max: (1 - 0.4) (1 - 0.4) for the person."""
    matte, depth = before_a_wall()
    assert not depth.prob[:, 0].any()
    np.testing.assert_allclose(depth.relative[0, [0, 50]], [1, 0.4], rtol=1e-6)
    np.testing.assert_allclose(fuse_product(matte, depth).alpha, matte.alpha * 0.36, rtol=1e-5)
    np.testing.assert_allclose(fuse_normalized(matte, depth).alpha, matte.alpha, rtol=1e-5)
    np.testing.assert_allclose(depth.log_depth[0, [0, 50]], [1, 0], atol=1e-6)
    assert stack_features(matte, depth, 0.0)[4].all()
    _, at = select_subject(matte, depth, Subject())
    assert at == 0


def test_depth_all_at_one_distance_tells_nothing_apart() -> None:
    matte, depth = before_a_wall(2.0, 2.0)
    assert depth.known.all()
    assert not depth.prob.any()
    np.testing.assert_array_equal(fuse_adaptive(matte, depth).alpha, matte.alpha)


@pytest.mark.parametrize("name", list(FUSIONS))
def test_an_empty_matte_stays_empty(name: str) -> None:
    sure = Depth(np.zeros((4, 5), np.float32), np.ones((4, 5), np.float32))
    matte = FUSIONS[name](Matte.empty((4, 5)), sure)
    assert not matte.alpha.any()


def test_no_portrait_anywhere_divides_by_nothing() -> None:
    matte = Matte(row(1, 1), row(1, 1))
    with np.errstate(all="raise"):
        assert not fuse_normalized(matte, Depth.none((1, 2))).alpha.any()
        assert not fuse_normalized(matte, Depth(row(1, 1), row(1, 1))).alpha.any()


@given(maps(4))
def test_every_fusion_stays_a_matte(values: Any) -> None:
    """Matte and Depth check range, dtype and finiteness when they are made."""
    alpha, prob, z, sure = values
    for combine in FUSIONS.values():
        depth = Depth(z, sure)
        matte = combine(Matte(alpha, prob), depth)
        np.testing.assert_array_equal(matte.prob, prob)
        np.testing.assert_array_equal(depth.z, z)


@given(maps(4))
def test_the_product_never_raises_alpha(values: Any) -> None:
    alpha, prob, z, sure = values
    for combine in (fuse_none, fuse_product):
        assert (combine(Matte(alpha, prob), Depth(z, sure)).alpha <= alpha).all()


@given(maps(5))
def test_product_grows_with_alpha_and_both_probabilities(values: Any) -> None:
    alpha, prob, z, sure, more = values
    before = fuse_product(Matte(alpha, prob), Depth(z, np.maximum(sure, np.float32(0.1)))).alpha
    for grown in (
        fuse_product(
            Matte(np.maximum(alpha, more), prob), Depth(z, np.maximum(sure, np.float32(0.1)))
        ),
        fuse_product(
            Matte(alpha, np.maximum(prob, more)), Depth(z, np.maximum(sure, np.float32(0.1)))
        ),
        fuse_product(
            Matte(alpha, prob), Depth(z, np.maximum(np.maximum(sure, more), np.float32(0.1)))
        ),
    ):
        assert (grown.alpha >= before).all()


@given(maps(4))
def test_product_falls_with_depth(values: Any) -> None:
    alpha, prob, near, step = values
    far = np.maximum(near, step)
    near[0, 0] = far[0, 0] = 1  # the same maximum
    sure = np.ones_like(near)
    assert (
        fuse_product(Matte(alpha, prob), Depth(far, sure)).alpha
        <= fuse_product(Matte(alpha, prob), Depth(near, sure)).alpha
    ).all()


@given(maps(4))
def test_normalized_reaches_one_or_is_empty(values: Any) -> None:
    alpha, prob, z, sure = values
    largest = fuse_normalized(Matte(alpha, prob), Depth(z, sure)).alpha.max()
    assert largest in (0, 1)


def test_unmeasured_depth_overflows_nothing() -> None:
    """Found by the property above: next to nothing measured, and 1 where nothing was."""
    z, sure, full = row(1.0, 1e-45), row(0.0, 1.0), row(1.0, 1.0)
    assert fuse_product(Matte(full, full), Depth(z, sure)).alpha.tolist() == [[0, 0]]
    assert Depth(z, sure, metric=True).relative.tolist() == [[1, 1]]


@given(maps(3))
def test_depth_without_probability_is_the_identity(values: Any) -> None:
    alpha, prob, z = values
    matte = Matte(alpha, prob)
    for combine in (fuse_none, fuse_adaptive):
        fused = combine(matte, Depth(z, np.zeros_like(z)))
        np.testing.assert_array_equal(fused.alpha, alpha)


def test_log_depth_by_hand() -> None:
    """1, 2 and 4 meters lie evenly in log distance; a flat wall is not stretched."""
    meters = np.repeat(row(1.0, 2.0, 4.0), 200, axis=1)
    depth = Depth(meters, np.ones_like(meters), metric=True)
    np.testing.assert_allclose(depth.log_depth[0, ::200], [0, 0.5, 1], atol=1e-6)
    wall = Depth(row(3.0, 3.0, 3.1), row(1, 1, 1), metric=True)
    assert np.ptp(wall.log_depth) < 0.06
    unknown = Depth(row(1.0, 9.0), row(1, 0), metric=True)
    assert unknown.log_depth[0, 1] == 0


def test_the_table() -> None:
    assert list(FUSIONS) == ["none", "product", "normalized", "adaptive"]
    default = CutOptions().fusion
    assert get_fusion(default) is FUSIONS[default]
    with pytest.raises(InputError, match="fusion 'mean' is unknown; use one of none, product"):
        get_fusion("mean")
