from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.errors import InputError
from depthmatte.fuse import BEHIND, DEFAULT, FUSIONS, adaptive, fusion, none, normalized, product
from depthmatte.maps import Depth, Matte

UNIT = st.floats(0, 1, width=32)


def maps(count: int) -> st.SearchStrategy[Any]:
    """`count` random maps of one shape, float32 in [0, 1]."""
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
    return shapes.flatmap(
        lambda shape: st.tuples(*[arrays(np.float32, shape, elements=UNIT)] * count)
    )


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_product_by_hand() -> None:
    """S_out = I2 (1 - d) I1 S_in with d divided by its maximum, 0.8."""
    matte = Matte(alpha=row(1.0, 1.0, 0.5, 1.0), prob=row(1.0, 0.5, 0.8, 1.0))
    depth = Depth(z=row(0.0, 0.4, 0.2, 0.8), prob=row(1.0, 0.5, 0.5, 1.0))
    expected = row(1.0, 0.5 * 0.5 * 0.5, 0.5 * 0.75 * 0.8 * 0.5, 0.0)
    np.testing.assert_allclose(product(matte, depth).alpha, expected, rtol=1e-6)


def test_normalized_by_hand() -> None:
    """The products 0.125 and 0.05 divided by E = 0.125."""
    matte = Matte(alpha=row(1.0, 0.4, 1.0), prob=row(0.5, 0.5, 1.0))
    depth = Depth(z=row(0.5, 0.5, 1.0), prob=row(0.5, 0.5, 1.0))
    np.testing.assert_allclose(product(matte, depth).alpha, row(0.125, 0.05, 0), rtol=1e-6)
    np.testing.assert_allclose(normalized(matte, depth).alpha, row(1.0, 0.4, 0.0), rtol=1e-6)


def test_metres_and_relative_depth_agree() -> None:
    matte = Matte(row(0.9, 0.8, 0.7), row(0.9, 0.8, 0.7))
    metres = Depth(row(1.0, 2.0, 4.0), row(1, 1, 1), metric=True)
    relative = Depth(row(0.25, 0.5, 1.0), row(1, 1, 1))
    for combine in (product, normalized, adaptive):
        np.testing.assert_allclose(combine(matte, metres).alpha, combine(matte, relative).alpha)


def test_unmeasured_depth_does_not_set_the_maximum() -> None:
    matte = Matte(row(1, 1, 1), row(1, 1, 1))
    depth = Depth(row(1.0, 2.0, 99.0), row(1, 1, 0), metric=True)
    np.testing.assert_allclose(product(matte, depth).alpha, row(0.5, 0, 0))


@pytest.mark.parametrize("name", list(FUSIONS))
def test_nobody_stays_nobody(name: str) -> None:
    sure = Depth(np.zeros((4, 5), np.float32), np.ones((4, 5), np.float32))
    matte, _ = FUSIONS[name](Matte.empty((4, 5)), sure)
    assert not matte.alpha.any()


def test_no_portrait_anywhere_divides_by_nothing() -> None:
    matte = Matte(row(1, 1), row(1, 1))
    with np.errstate(all="raise"):
        assert not normalized(matte, Depth.none((1, 2))).alpha.any()
        assert not normalized(matte, Depth(row(1, 1), row(1, 1))).alpha.any()


@given(maps(4))
def test_every_fusion_stays_a_matte(values: Any) -> None:
    """Matte and Depth check range, dtype and finiteness when they are made."""
    alpha, prob, z, sure = values
    for combine in FUSIONS.values():
        matte, depth = combine(Matte(alpha, prob), Depth(z, sure))
        np.testing.assert_array_equal(matte.prob, prob)
        np.testing.assert_array_equal(depth.z, z)


@given(maps(4))
def test_only_normalized_may_raise_alpha(values: Any) -> None:
    alpha, prob, z, sure = values
    for combine in (none, product, adaptive):
        assert (combine(Matte(alpha, prob), Depth(z, sure)).alpha <= alpha).all()


@given(maps(5))
def test_product_grows_with_alpha_and_both_probabilities(values: Any) -> None:
    alpha, prob, z, sure, more = values
    before = product(Matte(alpha, prob), Depth(z, np.maximum(sure, np.float32(0.1)))).alpha
    for grown in (
        product(Matte(np.maximum(alpha, more), prob), Depth(z, np.maximum(sure, np.float32(0.1)))),
        product(Matte(alpha, np.maximum(prob, more)), Depth(z, np.maximum(sure, np.float32(0.1)))),
        product(Matte(alpha, prob), Depth(z, np.maximum(np.maximum(sure, more), np.float32(0.1)))),
    ):
        assert (grown.alpha >= before).all()


@given(maps(4))
def test_product_falls_with_depth(values: Any) -> None:
    alpha, prob, near, step = values
    far = np.maximum(near, step)
    near[0, 0] = far[0, 0] = 1  # the same maximum
    sure = np.ones_like(near)
    assert (
        product(Matte(alpha, prob), Depth(far, sure)).alpha
        <= product(Matte(alpha, prob), Depth(near, sure)).alpha
    ).all()


@given(maps(4))
def test_normalized_reaches_one_or_is_empty(values: Any) -> None:
    alpha, prob, z, sure = values
    largest = normalized(Matte(alpha, prob), Depth(z, sure)).alpha.max()
    assert largest in (0, 1)


@given(maps(3))
def test_depth_without_probability_is_the_identity(values: Any) -> None:
    alpha, prob, z = values
    matte = Matte(alpha, prob)
    for combine in (none, adaptive):
        fused = combine(matte, Depth(z, np.zeros_like(z)))
        np.testing.assert_array_equal(fused.alpha, alpha)


@given(maps(4))
def test_adaptive_keeps_or_drops_and_never_redraws(values: Any) -> None:
    alpha, prob, z, sure = values
    fused = adaptive(Matte(alpha, prob), Depth(z, sure)).alpha
    assert ((fused == alpha) | (fused == 0)).all()


def two_people(behind: float, sure: float = 1.0) -> tuple[Matte, Depth]:
    """A large subject at depth 0.2 and a small second region, both with soft edges."""
    alpha = np.zeros((40, 40), np.float32)
    alpha[5:35, 2:20], alpha[6:34, 3:19] = 0.3, 1
    alpha[5:15, 28:36], alpha[6:14, 29:35] = 0.3, 1
    z = np.ones((40, 40), np.float32)
    z[alpha > 0] = 0.2
    z[:, 24:][alpha[:, 24:] > 0] = 0.2 + behind
    return Matte(alpha, alpha), Depth(z, np.full((40, 40), sure, np.float32))


def test_adaptive_drops_a_region_clearly_behind_with_its_soft_edge() -> None:
    matte, depth = two_people(BEHIND + 0.1)
    fused = adaptive(matte, depth).alpha
    assert not fused[:, 24:].any()
    np.testing.assert_array_equal(fused[:, :24], matte.alpha[:, :24])


@pytest.mark.parametrize(
    ("behind", "sure"), [(BEHIND - 0.1, 1.0), (-0.2, 1.0), (BEHIND + 0.1, 0.2)]
)
def test_adaptive_keeps_what_is_near_or_unsure(behind: float, sure: float) -> None:
    matte, depth = two_people(behind, sure)
    np.testing.assert_array_equal(adaptive(matte, depth).alpha, matte.alpha)


def test_the_table() -> None:
    assert list(FUSIONS) == ["none", "product", "normalized", "adaptive"]
    assert fusion(DEFAULT) is FUSIONS[DEFAULT]
    with pytest.raises(InputError, match="fusion 'mean' is unknown; use one of none, product"):
        fusion("mean")
