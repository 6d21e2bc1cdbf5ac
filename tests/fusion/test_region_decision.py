"""Decisions over whole regions: what a verdict drops, keeps and restores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from depthmatte.fusion.region_decision import apply_foreground
from depthmatte.fusion.source_policy import (
    _EMBEDDED_POLICY,
    _ESTIMATED_POLICY,
    _MATCHED_POLICY,
    _MEASURED_POLICY,
    SourcePolicy,
)


@pytest.mark.parametrize(
    ("trust", "restored"),
    [
        (_MEASURED_POLICY, True),
        (_MATCHED_POLICY, True),
        (_EMBEDDED_POLICY, False),
        (_ESTIMATED_POLICY, False),
    ],
)
def test_what_is_less_sure_must_be_clearer_to_restore(trust: SourcePolicy, restored: bool) -> None:
    """Verdicts of 0.4 on somebody elsewhere, and of 0.7 on nobody at the subject's depth."""
    shape = (64, 64)
    elsewhere, there = np.full(shape, 0.5, np.float32), np.zeros(shape, np.float32)
    doubtful = apply_foreground(
        np.ones(shape, np.float32), np.full(shape, 0.4, np.float32), elsewhere, trust
    )
    assert doubtful[32, 32] < 0.5
    likely = apply_foreground(
        np.zeros(shape, np.float32), np.full(shape, 0.7, np.float32), there, trust
    )
    assert (likely[32, 32] > 0.5) == restored


@pytest.mark.parametrize("trust", [_MEASURED_POLICY, _MATCHED_POLICY, _ESTIMATED_POLICY])
def test_a_verdict_leans_where_it_drops_and_not_where_it_restores(trust: SourcePolicy) -> None:
    shape = (64, 64)
    full, none = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    elsewhere, sure = np.full(shape, 0.5, np.float32), np.full(shape, 0.95, np.float32)
    doubtful = np.full(shape, 0.6, np.float32)
    upright, leaning = replace(trust, drop_logit_bias=0.0), replace(trust, drop_logit_bias=-1.5)
    kept, dropped = (
        apply_foreground(full, doubtful, elsewhere, one)[32, 32] for one in (upright, leaning)
    )
    assert kept > 0.5 > dropped
    one, other = (apply_foreground(none, sure, none, trust) for trust in (upright, leaning))
    assert one[32, 32] > 0.5
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("trust", [_MEASURED_POLICY, _MATCHED_POLICY, _ESTIMATED_POLICY])
def test_where_nothing_was_measured_the_verdict_must_be_clearer(trust: SourcePolicy) -> None:
    """The first verdict that drops somebody elsewhere is higher where depth agrees."""

    def keeps(away: float, verdict: float) -> bool:
        shape = (64, 64)
        depth = np.full(shape, away, np.float32)
        depth[:, :8] = 0.5  # the neighborhood is measured, so that depth may decide here
        fused = apply_foreground(
            np.ones(shape, np.float32), np.full(shape, verdict, np.float32), depth, trust
        )
        return bool(fused[32, 40] > 0.5)

    seen, unseen = (
        next(v for v in np.linspace(0.99, 0, 100) if not keeps(away, v)) for away in (0.5, np.nan)
    )
    assert seen - unseen > 0.25 * trust.unmeasured_margin


def test_an_estimate_cuts_off_people_and_no_bags() -> None:
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    verdict = alpha.copy()
    person, bag = np.s_[60:120, 140:160], np.s_[100:112, 120:130]
    for piece in (person, bag):
        alpha[piece], away[piece] = 1, 0.5
    estimated, measured = (
        apply_foreground(alpha, verdict, away, t) for t in (_ESTIMATED_POLICY, _MEASURED_POLICY)
    )
    assert estimated[90, 150] < 0.1
    assert measured[90, 150] < 0.1
    assert estimated[106, 126] == 1
    assert measured[106, 126] < 0.1
    assert (estimated[60:170, 70:110] == 1).all()


@pytest.mark.parametrize("trust", [_ESTIMATED_POLICY, _MEASURED_POLICY])
@pytest.mark.parametrize(("given_up", "stays"), [(30, True), (56, False)])
def test_who_stands_apart_and_mostly_goes_leaves_no_legs(
    given_up: int, stays: bool, trust: SourcePolicy
) -> None:
    """The verdict gives up the upper rows of somebody 70 rows high, who is behind."""
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    verdict = alpha.copy()
    alpha[60:130, 140:160] = 1
    verdict[60 + given_up : 130, 140:160] = 1
    away[60 : 60 + given_up, 140:160] = 0.5
    fused = apply_foreground(alpha, verdict, away, trust)
    legs, head = np.s_[122:128, 144:156], np.s_[62:80, 144:156]
    assert (fused[legs] == stays).all()
    assert not fused[head].any()
    assert (fused[50:170, 64:116] == 1).all()


@pytest.mark.parametrize("trust", [_ESTIMATED_POLICY, _EMBEDDED_POLICY])
def test_what_restores_rarely_restores_whole_things(trust: SourcePolicy) -> None:
    alpha, away = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    thing, middle = np.s_[90:150, 120:160], np.s_[100:140, 126:154]

    def restored(surely: int, elsewhere: float = 0.0) -> np.ndarray:
        """What comes back of a thing whose verdict is very clear in its first rows."""
        verdict, apart = alpha.copy(), away.copy()
        verdict[thing], apart[thing] = 0.75, elsewhere
        verdict[90 : 90 + surely, 120:160] = 1
        return apply_foreground(alpha, verdict, apart, trust)

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
    fused = apply_foreground(alpha, verdict, away, _ESTIMATED_POLICY)
    assert not fused[haze].any()
    assert not fused[speck].any()
    for kept in (hair, hand, np.s_[40:180, 60:120]):
        assert np.array_equal(fused[kept], alpha[kept])
    # At the subject's depth, or where the verdict knows no subject, it stays.
    assert np.array_equal(
        apply_foreground(alpha, verdict, np.zeros_like(away), _ESTIMATED_POLICY), alpha
    )
    nobody = np.full_like(alpha, 0.1)
    assert apply_foreground(alpha, nobody, away, _ESTIMATED_POLICY)[speck].any()


def test_an_estimate_cuts_nothing_off_that_is_nearer_and_nothing_by_halves() -> None:
    alpha = np.zeros((200, 200), np.float32)
    alpha[40:180, 60:120] = 1
    alpha[60:120, 140:160] = 1
    there = np.s_[60:120, 140:160]

    def fused(away: float, verdict: float, trust: SourcePolicy) -> float:
        """Alpha in the middle of the second person."""
        judged, apart = alpha.copy(), np.zeros_like(alpha)
        judged[there], apart[there] = verdict, away
        return float(apply_foreground(alpha, judged, apart, trust)[90, 150])

    assert fused(-0.5, 0.0, _MEASURED_POLICY) < 0.1
    assert fused(-0.5, 0.0, _ESTIMATED_POLICY) == 1
    assert fused(0.5, 0.0, _ESTIMATED_POLICY) < 0.1
    tried = 0
    for verdict in np.linspace(0, 1, 41):
        # In the middle of a piece that is not sure enough the photo's own alpha stays.
        alone = fused(0.5, float(verdict), replace(_ESTIMATED_POLICY, is_conservative=False))
        if 0.55 < alone < 1:
            assert fused(0.5, float(verdict), _ESTIMATED_POLICY) == 1
            tried += 1
    assert tried > 2
