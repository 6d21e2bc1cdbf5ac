"""What happens at which step: by steps alone, whole and in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.training.recipe import Recipe
from depthmatte.training.schedule import Schedule, cosine_schedule


def plan(count: Any, **options: Any) -> Schedule:
    return Schedule.from_recipe(Recipe("matte", Path("D"), **options), count)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(0, 100))
def test_epochs_or_steps_decide_the_length(counts: list[int], steps: int) -> None:
    schedule = plan(lambda n: counts[n % len(counts)], epochs=len(counts), steps=steps)
    assert schedule.steps == (steps or sum(counts))
    seen = [schedule.epoch_of(step) for step in range(1, schedule.steps + 1)]
    assert seen == sorted(seen)
    for epoch in range(len(schedule.epoch_ends)):
        whole = counts[epoch % len(counts)]
        is_last = epoch == len(schedule.epoch_ends) - 1
        assert seen.count(epoch) == whole or (is_last and 0 < seen.count(epoch) < whole)
        assert seen.index(epoch) == schedule.epoch_start(epoch)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(0, 20), st.integers(0, 20))
def test_every_run_ends_with_a_validation(counts: list[int], validate: int, save: int) -> None:
    schedule = plan(
        lambda n: counts[n], epochs=len(counts), validate_every=validate, save_every=save
    )
    steps = range(1, schedule.steps + 1)
    marks = [step for step in steps if schedule.validates(step)]
    assert marks[-1] == schedule.steps
    if not validate:
        assert marks == list(schedule.epoch_ends)
    else:
        assert marks[:-1] == list(range(validate, schedule.steps, validate))
    assert not schedule.validates(0) or schedule.steps == 0
    for step in steps:  # a checkpoint holds no step that was not logged
        assert schedule.logs(step) or not (schedule.validates(step) or schedule.saves(step))


def test_an_epoch_without_batches_is_no_run() -> None:
    assert plan(lambda n: 0).steps == 0
    assert plan(lambda n: 3 if n else 0, epochs=4).steps == 0
    assert plan(lambda n: 0 if n else 3, steps=9).steps == 0


@given(st.integers(1, 3000))
def test_the_rate_follows_steps_to_nearly_nothing(steps: int) -> None:
    schedule = plan(lambda n: 7, steps=steps)
    rates = [schedule.rate(step) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert schedule.rate(steps) == pytest.approx(0, abs=1e-9)
    after_warm_up = rates[50:]
    assert after_warm_up == sorted(after_warm_up, reverse=True)


def test_a_checkpoint_comes_every_few_hundred_steps() -> None:
    long = plan(lambda n: 100_000)
    assert [step for step in range(1, 800) if long.saves(step)] == [250, 500, 750]


def test_cosine_starts_full_and_ends_at_nothing() -> None:
    assert cosine_schedule(0, 0) == pytest.approx(1 / 50)
    assert cosine_schedule(100, 0.1) > 0.95
    assert cosine_schedule(500, 0.5) == pytest.approx(0.5)
    assert cosine_schedule(1000, 1.0) == pytest.approx(0, abs=1e-9)
    assert cosine_schedule(1000, 1.2) == pytest.approx(0, abs=1e-9)  # the last step of a late run
