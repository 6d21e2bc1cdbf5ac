"""Decisions over whole regions: what a verdict drops, keeps and restores."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.fusion.region_decision import apply_foreground, find_strangers
from depthmatte.subjects.instances import find_instances
from depthmatte.values import Depth, Matte

SHAPE = (200, 200)
SUBJECT = np.s_[40:180, 60:120]
PERSON, BAG = np.s_[60:120, 140:160], np.s_[100:112, 120:130]
PART = np.s_[40:100, 60:120]
"""The upper part of the subject."""


def blank() -> np.ndarray:
    return np.zeros(SHAPE, np.float32)


def subject() -> np.ndarray:
    alpha = blank()
    alpha[SUBJECT] = 1
    return alpha


def test_one_half_parts_what_is_dropped_from_what_is_kept_and_restored() -> None:
    for verdict, stays in ((0.4, False), (0.6, True)):
        likely = subject()
        likely[PART] = verdict
        fused = apply_foreground(subject(), likely, blank())
        assert (fused[50:90, 64:116] == stays).all()
        assert (fused[110:170, 64:116] == 1).all()
    for verdict, back in ((0.4, False), (0.6, True)):
        likely = subject()
        likely[PERSON] = verdict
        fused = apply_foreground(subject(), likely, blank())
        assert (fused[64:116, 144:156] == back).all()


def test_where_nothing_was_measured_the_verdict_must_be_clearer() -> None:
    unknown = np.full(SHAPE, np.nan, np.float32)
    for verdict, stays in ((0.05, False), (0.4, True)):
        likely = subject()
        likely[PART] = verdict
        fused = apply_foreground(subject(), likely, unknown)
        assert (fused[50:90, 64:116] == stays).all()


def test_a_narrow_hole_inside_is_restored_and_a_narrow_strip_beside_is_not() -> None:
    alpha, verdict = subject(), subject()
    alpha[90:94, 80:100] = 0
    verdict[40:180, 120:124] = 1
    fused = apply_foreground(alpha, verdict, blank())
    np.testing.assert_allclose(fused[90:94, 80:100], 1)
    np.testing.assert_array_equal(fused[:, 115:], alpha[:, 115:])
    behind = blank()
    behind[90:94, 80:100] = 0.5
    assert not apply_foreground(alpha, verdict, behind)[91:93, 82:98].any()


def test_a_person_measured_far_behind_is_a_stranger() -> None:
    alpha, z = subject(), np.full(SHAPE, 0.9, np.float32)
    alpha[PERSON] = 1
    prob = np.ones(SHAPE, np.float32)
    for behind, strange in ((0.1, False), (0.3, True)):
        z[SUBJECT], z[PERSON] = 0.3, 0.3 + behind
        z[170:180, 60:120] = 0.6  # the floor seen beside the feet: no person lies there
        z[100:140, 60:63] = 0.9  # a sensor and a photo do not fit exactly
        people = find_instances(Matte(alpha, alpha), Depth(z, prob, source="sensor"))
        found = find_strangers(alpha, z - np.float32(0.3), people, 0.3)
        assert (found[PERSON] == strange).all()
        assert not found[SUBJECT].any()
    unmeasured = find_instances(Matte(alpha, alpha), Depth(z, blank(), source="sensor"))
    assert not find_strangers(alpha, np.full(SHAPE, np.nan, np.float32), unmeasured, 0.3).any()


@pytest.mark.parametrize("estimate", [False, True])
@pytest.mark.parametrize(("given_up", "stays"), [(30, True), (40, False)])
def test_who_stands_apart_goes_or_stays_as_a_whole(
    given_up: int, stays: bool, estimate: bool
) -> None:
    """The verdict gives up the upper rows of somebody 70 rows high, who is behind."""
    alpha, away = subject(), np.full(SHAPE, 0.5, np.float32)
    away[SUBJECT] = 0
    verdict = alpha.copy()
    alpha[60:130, 140:160] = 1
    verdict[60 + given_up : 130, 140:160] = 1
    fused = apply_foreground(alpha, verdict, away, estimate)
    assert (fused[60:130, 140:160] == stays).all()
    np.testing.assert_array_equal(fused[SUBJECT], alpha[SUBJECT])


def test_an_estimate_cuts_off_people_and_no_bags() -> None:
    alpha, away = subject(), blank()
    verdict = alpha.copy()
    touching = np.s_[60:120, 120:140]
    for piece in (touching, BAG):
        alpha[piece], away[piece] = 1, 0.5
    bag_alone = subject()
    bag_alone[BAG] = 1
    person, bag = (
        apply_foreground(alpha, verdict, away, True),
        apply_foreground(bag_alone, verdict, away, True),
    )
    assert not person[64:116, 124:136].any()
    np.testing.assert_array_equal(bag, bag_alone)
    assert not apply_foreground(bag_alone, verdict, away)[102:110, 122:128].any()
    assert (person[60:170, 70:116] == 1).all()


@pytest.mark.parametrize("piece", [PERSON, np.s_[60:120, 120:140]])
def test_an_estimate_drops_nothing_that_is_nearer(piece: tuple[slice, slice]) -> None:
    alpha, verdict = subject(), subject()
    alpha[piece] = 1
    for offset, stays in ((-0.5, True), (0.5, False)):
        away = blank()
        away[piece] = offset
        middle = np.s_[64:116, piece[1].start + 4 : piece[1].stop - 4]
        assert (apply_foreground(alpha, verdict, away, True)[middle] == stays).all()
        assert not apply_foreground(alpha, verdict, away)[middle].any()


def test_soft_edges_go_or_stay_with_the_region_beside_them() -> None:
    alpha, verdict, away = subject(), subject(), blank()
    alpha[PERSON], away[PERSON] = 1, 0.5
    alpha = cv2.GaussianBlur(alpha, (0, 0), 2.0)
    fused = apply_foreground(alpha, verdict, away)
    assert not fused[:, 135:].any()
    np.testing.assert_array_equal(fused[:, :126], alpha[:, :126])


def test_nothing_to_change_returns_the_same_alpha() -> None:
    alpha = cv2.GaussianBlur(subject(), (0, 0), 5.0)
    assert apply_foreground(alpha, subject(), blank()) is alpha
    assert apply_foreground(blank(), blank(), blank(), True) is not None
    assert not apply_foreground(blank(), blank(), blank()).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_nothing_becomes_half_transparent(seed: int, estimate: bool) -> None:
    """Away from the edges of what changed, alpha is 0, 1 or what it was."""
    rng = np.random.default_rng(seed)

    def noise(size: int) -> np.ndarray:
        coarse = rng.random((size, size)).astype(np.float32)
        return np.clip(cv2.resize(coarse, SHAPE, interpolation=cv2.INTER_CUBIC), 0, 1)

    alpha = np.clip((noise(6) - 0.5) * 30 + 0.5, 0, 1)
    verdict = noise(9)
    away = (noise(5) - np.float32(0.5)).astype(np.float32)
    away[noise(7) > 0.8] = np.nan
    fused = apply_foreground(alpha, verdict, away, estimate)
    assert fused.min() >= 0
    assert fused.max() <= 1
    changed = (fused != alpha) & (fused > 0) & (fused < 1)
    half = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    assert not half.any()
