from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.depth.sensor import probability
from depthmatte.errors import InputError
from depthmatte.evidence import Reason
from depthmatte.fuse import DEFAULT, FUSIONS, fusion
from depthmatte.fuse.adaptive import adaptive
from depthmatte.fuse.agreement import agreement, belief
from depthmatte.fuse.decision import (
    ESTIMATED,
    MATCHED,
    MEASURED,
    STORED,
    Trust,
    decide,
)
from depthmatte.fuse.features import CHANNELS, GREY, features
from depthmatte.fuse.formulas import none, normalized, product
from depthmatte.fuse.subject import Subject, choose
from depthmatte.maps import Depth, Matte, Scale

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
    for combine in (product, normalized):
        np.testing.assert_allclose(combine(matte, metres).alpha, combine(matte, relative).alpha)


def test_a_part_of_a_scene_keeps_the_scenes_maximum() -> None:
    """As in a second look, whose canvas does not show what is farthest."""
    matte = Matte(row(1, 1), row(1, 1))
    depth = Depth(row(2, 3), row(0.8, 0.8), metric=True, given=Scale(0.0, 2.3, largest=10.0))
    np.testing.assert_allclose(product(matte, depth).alpha, row(0.64, 0.56), rtol=1e-6)


def test_unmeasured_depth_does_not_set_the_maximum() -> None:
    matte = Matte(row(1, 1, 1), row(1, 1, 1))
    depth = Depth(row(1.0, 2.0, 99.0), row(1, 1, 0), metric=True)
    np.testing.assert_allclose(product(matte, depth).alpha, row(0.5, 0, 0))


def before_a_wall(person: float = 1.2, wall: float = 3.0) -> tuple[Matte, Depth]:
    """A sure person, 80 of 100 columns wide, before a wall that is all of one depth."""
    alpha = np.repeat(row(*[0] * 10, *[1] * 80, *[0] * 10), 100, axis=0)
    z = np.where(alpha > 0, person, wall).astype(np.float32)
    valid = np.full(z.shape, Reason.VALID, np.uint8)
    return Matte(alpha, alpha), Depth(z, probability(z, valid == 0), True, "sensor", valid)


def test_a_flat_far_wall_is_measured() -> None:
    """I2 = 1 - d / d_max is 0 on it, yet it sets d_max: (1 - 0.4) (1 - 0.4) for the person."""
    matte, depth = before_a_wall()
    assert not depth.prob[:, 0].any()
    np.testing.assert_allclose(depth.relative[0, [0, 50]], [1, 0.4], rtol=1e-6)
    np.testing.assert_allclose(product(matte, depth).alpha, matte.alpha * 0.36, rtol=1e-5)
    np.testing.assert_allclose(normalized(matte, depth).alpha, matte.alpha, rtol=1e-5)
    np.testing.assert_allclose(depth.log[0, [0, 50]], [1, 0], atol=1e-6)
    assert features(matte, depth, 0.0)[4].all()
    _, at = choose(matte, depth, Subject())
    assert at == 0


def test_depth_all_at_one_distance_tells_nothing_apart() -> None:
    matte, depth = before_a_wall(2.0, 2.0)
    assert depth.known.all()
    assert not depth.prob.any()
    np.testing.assert_array_equal(adaptive(matte, depth).alpha, matte.alpha)


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
def test_the_product_never_raises_alpha(values: Any) -> None:
    alpha, prob, z, sure = values
    for combine in (none, product):
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


def test_what_nobody_measured_overflows_nothing() -> None:
    """Found by the property above: next to nothing measured, and 1 where nothing was."""
    z, sure, full = row(1.0, 1e-45), row(0.0, 1.0), row(1.0, 1.0)
    assert product(Matte(full, full), Depth(z, sure)).alpha.tolist() == [[0, 0]]
    assert Depth(z, sure, metric=True).relative.tolist() == [[1, 1]]


@given(maps(3))
def test_depth_without_probability_is_the_identity(values: Any) -> None:
    alpha, prob, z = values
    matte = Matte(alpha, prob)
    for combine in (none, adaptive):
        fused = combine(matte, Depth(z, np.zeros_like(z)))
        np.testing.assert_array_equal(fused.alpha, alpha)


def test_log_depth_by_hand() -> None:
    """1, 2 and 4 metres lie evenly in log distance; a flat wall is not stretched."""
    metres = np.repeat(row(1.0, 2.0, 4.0), 200, axis=1)
    depth = Depth(metres, np.ones_like(metres), metric=True)
    np.testing.assert_allclose(depth.log[0, ::200], [0, 0.5, 1], atol=1e-6)
    wall = Depth(row(3.0, 3.0, 3.1), row(1, 1, 1), metric=True)
    assert np.ptp(wall.log) < 0.06
    unknown = Depth(row(1.0, 9.0), row(1, 0), metric=True)
    assert unknown.log[0, 1] == 0


@given(maps(4), UNIT)
def test_features_stay_in_range_and_are_blank_without_depth(values: Any, at: float) -> None:
    alpha, prob, z, sure = values
    stack = features(Matte(alpha, prob), Depth(z, sure), at)
    assert stack.shape == (CHANNELS, *alpha.shape)
    assert stack.dtype == np.float32
    assert 0 <= stack.min() <= stack.max() <= 1
    assert not stack[2:6, sure == 0].any()
    assert (stack[6:] == GREY).all()  # nobody said what it was cut from


@given(maps(5))
def test_features_show_the_colours_that_the_matte_was_cut_from(values: Any) -> None:
    alpha, prob, *colours = values
    seen = Matte(alpha, prob, np.stack(colours))
    np.testing.assert_array_equal(features(seen, Depth.none(alpha.shape), 0.5)[6:], seen.rgb)


def test_colours_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="rgb must be"):
        Matte(row(1, 1), row(1, 1), np.zeros((3, 2, 2), np.float32))


def scene(behind: float, sure: float = 0.9, hole: bool = False) -> tuple[Matte, Depth, np.ndarray]:
    """A subject at depth 0.3 before a far wall, and somebody smaller `behind` it to the right.

    Each is of one colour. With `hole` a piece of the subject is missing from the matte. The
    truth is the subject.
    """
    y, x = np.mgrid[:384, :288].astype(np.float32)

    def soft(left: int, right: int, top: int) -> np.ndarray:
        inside = np.minimum(np.minimum(x - left, right - x), y - top)
        return np.clip(inside / 3 + 0.5, 0, 1).astype(np.float32)

    subject, other = soft(30, 150, 80), soft(195, 255, 140)
    z = np.full(x.shape, 0.95, np.float32)
    z[subject > 0.5] = 0.3
    z[other > 0.5] = 0.3 + behind
    alpha = np.maximum(subject, other)
    if hole:
        alpha[180:250, 60:115] = 0
    rgb = np.stack([0.4 + 0.3 * subject, 0.4 - 0.1 * other, 0.4 - 0.1 * subject + 0.3 * other])
    return Matte(alpha, alpha, rgb), Depth(z, np.full_like(z, sure)), subject


def wrong_area(alpha: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Falsely detected and missed area, in pixels."""
    return float(((alpha > 0.5) & (truth < 0.5)).sum()), float(
        ((alpha < 0.5) & (truth > 0.5)).sum()
    )


def test_adaptive_drops_who_is_clearly_behind() -> None:
    matte, depth, truth = scene(behind=0.5)
    before = wrong_area(matte.alpha, truth)
    false, missed = wrong_area(adaptive(matte, depth).alpha, truth)
    assert before[0] > 3000
    assert false < 0.25 * before[0]
    assert missed < 0.01 * truth.sum()


def test_adaptive_keeps_who_stands_beside_the_subject() -> None:
    matte, depth, _ = scene(behind=0.0)
    fused = adaptive(matte, depth).alpha
    assert np.abs(fused - matte.alpha).mean() < 0.01


def test_adaptive_restores_what_hangs_together_in_depth() -> None:
    matte, depth, truth = scene(behind=0.5, hole=True)
    before = wrong_area(matte.alpha, truth)[1]
    missed = wrong_area(adaptive(matte, depth).alpha, truth)[1]
    assert before > 1000
    assert missed < 0.5 * before


def test_whoever_is_dropped_takes_the_soft_edge_along() -> None:
    matte, depth, truth = scene(behind=0.5)
    fused = adaptive(matte, depth).alpha
    elsewhere = cv2.dilate(truth, np.ones((21, 21), np.uint8)) == 0
    assert matte.alpha[elsewhere].max() == 1
    assert fused[elsewhere].mean() < 0.02 * matte.alpha[elsewhere].mean()


def test_adaptive_leaves_soft_edges_to_the_matte() -> None:
    matte, depth, truth = scene(behind=0.5)
    band = (truth > 0.05) & (truth < 0.95)
    fused = adaptive(matte, depth).alpha
    assert np.abs(fused - matte.alpha)[band].mean() < 0.03


@pytest.mark.parametrize(
    ("trust", "restored"),
    [(MEASURED, True), (MATCHED, True), (STORED, False), (ESTIMATED, False)],
)
def test_what_is_less_sure_must_be_clearer_to_restore(trust: Trust, restored: bool) -> None:
    """Verdicts of 0.4 on somebody elsewhere, and of 0.7 on nobody at the subject's depth."""
    shape = (64, 64)
    elsewhere, there = np.full(shape, 0.5, np.float32), np.zeros(shape, np.float32)
    doubtful = decide(np.ones(shape, np.float32), np.full(shape, 0.4, np.float32), elsewhere, trust)
    assert doubtful[32, 32] < 0.5
    likely = decide(np.zeros(shape, np.float32), np.full(shape, 0.7, np.float32), there, trust)
    assert (likely[32, 32] > 0.5) == restored


@pytest.mark.parametrize("trust", [MEASURED, MATCHED, ESTIMATED])
def test_a_verdict_leans_where_it_drops_and_not_where_it_restores(trust: Trust) -> None:
    shape = (64, 64)
    full, none = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    elsewhere, sure = np.full(shape, 0.5, np.float32), np.full(shape, 0.95, np.float32)
    doubtful = np.full(shape, 0.6, np.float32)
    upright, leaning = replace(trust, lean=0.0), replace(trust, lean=-1.5)
    kept, dropped = (decide(full, doubtful, elsewhere, one)[32, 32] for one in (upright, leaning))
    assert kept > 0.5 > dropped
    one, other = (decide(none, sure, none, trust) for trust in (upright, leaning))
    assert one[32, 32] > 0.5
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("trust", [MEASURED, MATCHED, ESTIMATED])
def test_where_nothing_was_measured_the_verdict_must_be_clearer(trust: Trust) -> None:
    """The first verdict that drops somebody elsewhere is higher where depth agrees."""

    def keeps(away: float, verdict: float) -> bool:
        shape = (64, 64)
        depth = np.full(shape, away, np.float32)
        depth[:, :8] = 0.5  # the neighbourhood is measured, so that depth may decide here
        fused = decide(
            np.ones(shape, np.float32), np.full(shape, verdict, np.float32), depth, trust
        )
        return bool(fused[32, 40] > 0.5)

    seen, unseen = (
        next(v for v in np.linspace(0.99, 0, 100) if not keeps(away, v)) for away in (0.5, np.nan)
    )
    assert seen - unseen > 0.25 * trust.blind


def test_an_estimate_cuts_off_people_and_no_bags() -> None:
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    verdict = alpha.copy()
    person, bag = np.s_[60:120, 140:160], np.s_[100:112, 120:130]
    for piece in (person, bag):
        alpha[piece], away[piece] = 1, 0.5
    estimated, measured = (decide(alpha, verdict, away, t) for t in (ESTIMATED, MEASURED))
    assert estimated[90, 150] < 0.1
    assert measured[90, 150] < 0.1
    assert estimated[106, 126] == 1
    assert measured[106, 126] < 0.1
    assert (estimated[60:170, 70:110] == 1).all()


@pytest.mark.parametrize("trust", [ESTIMATED, MEASURED])
@pytest.mark.parametrize(("given_up", "stays"), [(30, True), (56, False)])
def test_who_stands_apart_and_mostly_goes_leaves_no_legs(
    given_up: int, stays: bool, trust: Trust
) -> None:
    """The verdict gives up the upper rows of somebody 70 rows high, who is behind."""
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    verdict = alpha.copy()
    alpha[60:130, 140:160] = 1
    verdict[60 + given_up : 130, 140:160] = 1
    away[60 : 60 + given_up, 140:160] = 0.5
    fused = decide(alpha, verdict, away, trust)
    legs, head = np.s_[122:128, 144:156], np.s_[62:80, 144:156]
    assert (fused[legs] == stays).all()
    assert not fused[head].any()
    assert (fused[50:170, 64:116] == 1).all()


@pytest.mark.parametrize("trust", [ESTIMATED, STORED])
def test_what_restores_rarely_restores_whole_things(trust: Trust) -> None:
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    thing, middle = np.s_[90:150, 120:160], np.s_[100:140, 126:154]

    def restored(surely: int, elsewhere: float = 0.0) -> np.ndarray:
        """What comes back of a thing whose verdict is very clear in its first rows."""
        verdict, apart = alpha.copy(), away.copy()
        verdict[thing], apart[thing] = 0.75, elsewhere
        verdict[90 : 90 + surely, 120:160] = 1
        return decide(alpha, verdict, apart, trust)

    assert (restored(30)[middle] > 0.99).all()
    assert not restored(6)[middle].any()
    assert not restored(30, elsewhere=0.5)[middle].any()
    assert (restored(30)[alpha > 0] == 1).all()


def test_what_nothing_ties_to_the_subject_goes_however_small() -> None:
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    verdict = alpha.copy()
    hair, haze, speck, hand = (
        np.s_[44:48, 122:130],  # soft and near
        np.s_[44:48, 176:184],  # soft and far
        np.s_[100:104, 178:182],  # opaque and far
        np.s_[140:143, 120:155],  # opaque, and held by the person
    )
    for piece, value in ((hair, 0.3), (haze, 0.3), (speck, 1), (hand, 1)):
        alpha[piece] = value
    away[:] = 0.5
    away[40:180, 60:120] = 0
    fused = decide(alpha, verdict, away, ESTIMATED)
    assert not fused[haze].any()
    assert not fused[speck].any()
    for kept in (hair, hand, np.s_[40:180, 60:120]):
        assert np.array_equal(fused[kept], alpha[kept])
    # At the subject's depth, or where the verdict knows no subject, it stays.
    assert np.array_equal(decide(alpha, verdict, np.zeros_like(away), ESTIMATED), alpha)
    nobody = np.full_like(alpha, 0.1)
    assert decide(alpha, nobody, away, ESTIMATED)[speck].any()


def test_an_estimate_cuts_nothing_off_that_is_nearer_and_nothing_by_halves() -> None:
    alpha = np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    alpha[60:120, 140:160] = 1
    there = np.s_[60:120, 140:160]

    def fused(away: float, verdict: float, trust: Trust) -> float:
        """Alpha in the middle of the second person."""
        judged, apart = alpha.copy(), np.zeros_like(alpha)
        judged[there], apart[there] = verdict, away
        return float(decide(alpha, judged, apart, trust)[90, 150])

    assert fused(-0.5, 0.0, MEASURED) < 0.1
    assert fused(-0.5, 0.0, ESTIMATED) == 1
    assert fused(0.5, 0.0, ESTIMATED) < 0.1
    tried = 0
    for verdict in np.linspace(0, 1, 41):
        # In the middle of a piece that is not sure enough the photo's own alpha stays.
        alone = fused(0.5, float(verdict), replace(ESTIMATED, wary=False))
        if 0.55 < alone < 1:
            assert fused(0.5, float(verdict), ESTIMATED) == 1
            tried += 1
    assert tried > 2


def test_somebody_in_front_does_not_make_a_map_look_wrong() -> None:
    matte, depth, _ = scene(behind=0.0)
    rows = np.flatnonzero((matte.alpha > 0.5).any(axis=1))
    front = np.zeros(depth.z.shape, bool)
    front[rows[len(rows) // 2] :] = True  # nearer, before the background, beside the person
    z = np.where(front & (matte.alpha < 0.5), np.float32(0.05), depth.z)
    assert agreement(matte, replace(depth, z=z)) > 0.15
    assert agreement(matte, replace(depth, z=1 - depth.z)) < -0.4


def test_a_fitting_map_agrees_with_the_outline_and_a_wrong_one_does_not() -> None:
    matte, depth, _ = scene(behind=0.0)

    def agreed(z: np.ndarray, around: Matte = matte) -> float:
        return agreement(around, replace(depth, z=np.ascontiguousarray(z)))

    assert agreed(depth.z) > 0.9
    assert agreed(1 - depth.z) < -0.45
    assert agreed(depth.z[:, ::-1]) < 0.4
    assert agreed(np.roll(depth.z, 60, axis=1)) < 0
    assert agreed(np.full_like(depth.z, 0.3)) == 0
    ramp = np.tile(np.linspace(0, 1, 384, dtype=np.float32)[:, None], (1, 288))
    assert agreed(ramp) == 0  # far deeper within the person than at the outline
    holed, _, _ = scene(behind=0.0, hole=True)
    assert agreed(depth.z, holed) > 0.9  # the rim of a lost piece is no evidence
    nowhere = agreement(matte, Depth.none(depth.z.shape))
    assert nowhere == 1  # nothing speaks against it
    assert [belief(x, (0.2, 0.6)) for x in (0.1, 0.4, 0.9)] == pytest.approx([0, 0.5, 1])


def test_people_at_several_depths_do_not_make_a_map_look_wrong() -> None:
    """They touch in the photo, and nothing was measured where they do."""
    alpha, z = np.zeros((120, 200), np.float32), np.ones((120, 200), np.float32)
    alpha[20:118, 20:170] = 1
    z[20:118, 20:100], z[20:118, 100:170] = 0.1, 0.6
    prob = np.ones_like(z)
    prob[:, 94:106] = 0
    matte = Matte(alpha, alpha)
    assert agreement(matte, Depth(z, prob)) > 0.9
    slope = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (120, 1))
    assert agreement(matte, Depth(slope, prob)) < 0.3


def test_where_few_places_speak_noise_is_no_tear() -> None:
    """As where nearly all around somebody is out of a sensor's reach."""
    rng = np.random.default_rng(0)
    alpha, z = np.zeros((120, 200), np.float32), np.full((120, 200), 0.33, np.float32)
    alpha[20:118, 40:160] = 1
    z[alpha > 0] = 0.3
    z += rng.normal(0, 0.004, z.shape).astype(np.float32)
    prob = np.where((alpha > 0) | (np.arange(200) < 40), np.float32(1), np.float32(0))
    assert agreement(Matte(alpha, alpha), Depth(z, prob)) > 0.5
    loud = z + rng.normal(0, 0.03, z.shape).astype(np.float32)
    assert agreement(Matte(alpha, alpha), Depth(np.clip(loud, 0, 1), prob)) < 0.1


@pytest.mark.parametrize(("share", "left"), [(1.0, 0), (0.9, 1)])
def test_only_a_map_believed_in_full_parts_people(
    monkeypatch: pytest.MonkeyPatch, share: float, left: int
) -> None:
    """Of one that is turned over half of a person would go, whatever the network says."""
    alpha, z = np.zeros((120, 200), np.float32), np.ones((120, 200), np.float32)
    alpha[20:118, 40:160] = 1
    z[20:118, 40:100], z[20:118, 100:160] = 0.1, 0.6
    matte, depth = Matte(alpha, alpha), Depth(z, np.ones_like(z), source="sensor")
    monkeypatch.setattr("depthmatte.fuse.adaptive.believed", lambda *_: share)
    monkeypatch.setattr("depthmatte.fuse.adaptive._judged", lambda *_: alpha)
    fused = adaptive(matte, depth).alpha
    assert (fused[60:110, 110:150] == left).all()
    assert (fused[60:110, 50:90] == 1).all()


def test_what_is_far_from_the_person_says_nothing_about_a_map() -> None:
    matte, depth, _ = scene(behind=0.0)
    alpha, z = np.pad(matte.alpha, 60), np.pad(depth.z, 60, mode="edge")
    agreed = agreement(Matte(alpha, alpha), Depth(z, np.ones_like(z)))
    z[:20], z[:, :20] = 0, 0
    assert agreement(Matte(alpha, alpha), Depth(z, np.ones_like(z))) == agreed > 0.9
    nobody = np.zeros_like(alpha)
    assert agreement(Matte(nobody, nobody), Depth(z, np.ones_like(z))) == 1


@pytest.mark.parametrize("lie", ["constant", "of another photo", "shifted"])
def test_a_wrong_depth_map_costs_almost_nothing(lie: str) -> None:
    matte, depth, _ = scene(behind=0.0)
    z = {
        "constant": np.full_like(depth.z, 0.5),
        "of another photo": cv2.resize(
            np.random.default_rng(0).random((5, 4)).astype(np.float32), depth.z.shape[::-1]
        ),
        "shifted": np.roll(depth.z, 10, axis=1),
    }[lie]
    fused = adaptive(matte, Depth(z, depth.prob)).alpha
    same = (fused > 0.5) == (matte.alpha > 0.5)
    assert same.mean() > 0.96


def test_the_table() -> None:
    assert list(FUSIONS) == ["none", "product", "normalized", "adaptive"]
    assert fusion(DEFAULT) is FUSIONS[DEFAULT]
    with pytest.raises(InputError, match="fusion 'mean' is unknown; use one of none, product"):
        fusion("mean")
