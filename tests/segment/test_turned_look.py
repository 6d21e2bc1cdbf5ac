"""A look at the turned photo: only in doubt, never against somebody seen surely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from depthmatte.segment.turned_look import (
    _MAX_DOUBT,
    choose_turn,
    is_doubtful,
    measure_doubt,
)
from depthmatte.types import Float

SHAPE = (96, 64)
INSIDE = np.ones(SHAPE, bool)


def person(certainty: float, feet: int = 90) -> Float:
    """Probability of a figure with a small head above a wide body, all equally certain."""
    prob = np.full(SHAPE, 1 - certainty, np.float32)
    prob[10:30, 26:38] = certainty
    prob[30:feet, 14:50] = certainty
    return prob


def picture() -> Float:
    return np.repeat(person(1)[None, None], 3, axis=1)


class Upright:
    """A network that is sure of heads above bodies, and unsure of all else; it counts its runs."""

    def __init__(self, sure: float = 0.999, unsure: float = 0.8) -> None:
        self.runs, self.sure, self.unsure = 0, sure, unsure

    def __call__(self, rgb: Float) -> dict[str, Float]:
        self.runs += 1
        seen = rgb[0, 0]
        rows, columns = np.nonzero(seen > 0.5)
        tall = np.ptp(rows) > np.ptp(columns)
        top, bottom = (seen[: seen.shape[0] // 3], seen[-(seen.shape[0] // 3) :])
        certainty = self.sure if tall and top.sum() < bottom.sum() else self.unsure
        prob = np.where(seen > 0.5, certainty, 1 - certainty).astype(np.float32)
        return {"alpha": prob, "prob": prob}


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_person_is_cut_as_the_upright_one(turns: int) -> None:
    upright = choose_turn(Upright(), picture(), INSIDE)
    turned = np.ascontiguousarray(np.rot90(picture(), turns, (2, 3)))
    found = choose_turn(Upright(), turned, np.rot90(INSIDE, turns))
    for name in ("alpha", "prob"):
        np.testing.assert_array_equal(found[name], np.rot90(upright[name], turns))


@pytest.mark.parametrize(("turns", "runs"), [(0, 1), (2, 2), (1, 4), (3, 4)])
def test_looks_are_few_and_a_sure_answer_pays_nothing(turns: int, runs: int) -> None:
    network = Upright()
    turned = np.ascontiguousarray(np.rot90(picture(), turns, (2, 3)))
    choose_turn(network, turned, np.rot90(INSIDE, turns))
    assert network.runs == runs


def test_nobody_pays_nothing_and_stays_nobody() -> None:
    runs = []

    def haze(rgb: Float) -> dict[str, Float]:
        runs.append(rgb.shape)
        prob = np.full(rgb.shape[2:], 0.45, np.float32)
        return {"alpha": prob, "prob": prob}

    found = choose_turn(haze, picture(), INSIDE)
    assert len(runs) == 1
    assert not (found["prob"] >= 0.5).any()


def test_a_turned_look_that_sees_nobody_does_not_win() -> None:
    def shy(rgb: Float) -> dict[str, Float]:
        first = rgb[0, 0, 12, 30] > 0.5  # the head is at the top
        prob = person(0.8) if first else np.zeros(rgb.shape[2:], np.float32)
        return {"alpha": prob, "prob": prob}

    np.testing.assert_array_equal(choose_turn(shy, picture(), INSIDE)["prob"], person(0.8))


def test_padding_stays_empty() -> None:
    inside = INSIDE.copy()
    inside[:, :8] = False
    found = choose_turn(Upright(), np.ones((1, 3, *SHAPE), np.float32), inside)
    assert not found["alpha"][~inside].any()
    assert found["alpha"][inside].any()


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (12, 9), elements=st.floats(0, 1, width=32)), st.integers(0, 3))
def test_doubt_is_finite_and_does_not_depend_on_the_turn(prob: Float, turns: int) -> None:
    doubt = measure_doubt(prob)
    assert np.isfinite(doubt)
    assert doubt >= 0
    assert measure_doubt(np.rot90(prob, turns)) == pytest.approx(doubt, rel=1e-6)


@pytest.mark.parametrize("certainty", [0.6, 0.8, 0.95])
def test_the_less_certain_the_more_doubt(certainty: float) -> None:
    assert measure_doubt(person(certainty)) > measure_doubt(person(certainty + 0.04))
    assert measure_doubt(person(1.0)) == 0


def test_doubt_keeps_its_value_on_a_larger_canvas() -> None:
    prob = person(0.97)
    large = np.kron(prob, np.ones((4, 4), np.float32))
    assert measure_doubt(large) == pytest.approx(measure_doubt(prob), rel=0.1)


def test_the_limit_decides() -> None:
    for certainty in np.linspace(0.6, 1, 20):
        prob = person(float(certainty))
        assert is_doubtful(prob) == (measure_doubt(prob) > _MAX_DOUBT)
