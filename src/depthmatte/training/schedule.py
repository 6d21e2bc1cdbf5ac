"""What happens at which step of a run. Rates, validations and checkpoints follow steps only."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from .recipe import Recipe

_SAVE_STEPS = 250
"""Steps between checkpoints where the recipe names none. Epochs may be longer."""


_WARM_STEPS, _WARM_SHARE = 50, 0.1
"""The rate rises over so many steps, and over at most this share of the run."""


def cosine_schedule(step: int, progress: float, warm: int = _WARM_STEPS) -> float:
    """Factor on the rate: a short linear start, then a cosine as `progress` goes from 0 to 1."""
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


@dataclass(frozen=True)
class Schedule:
    """The steps at which a run ends epochs, validates, stores a checkpoint and logs.

    Steps count from 1: "at step n" is after n steps.

    Attributes
    ----------
    epoch_ends : tuple of int
        The last step of each epoch, ascending.
    validate_every, save_every : int
        Steps between validations and between checkpoints. 0 validates after each epoch, and
        stores at each validation and every 250 steps.
    log_every : int
        Steps between rows of the step log.
    """

    epoch_ends: tuple[int, ...]
    validate_every: int = 0
    save_every: int = 0
    log_every: int = 10

    @classmethod
    def from_recipe(cls, recipe: Recipe, count: Callable[[int], int]) -> Schedule:
        """Plan a run whose epoch n has `count(n)` batches; without steps if one has none.

        With `steps` in the recipe, there are as many epochs as these take. The last one ends
        early.
        """
        if recipe.steps:
            counts: list[int] = []
            left = recipe.steps
            while left > 0:
                counts.append(min(left, count(len(counts))))
                left -= counts[-1]
                if not counts[-1]:
                    break
        else:
            counts = [count(epoch) for epoch in range(recipe.epochs)]
        ends = tuple(accumulate(counts)) if all(counts) else ()
        return cls(ends, recipe.validate_every, recipe.save_every, recipe.log_every)

    @property
    def steps(self) -> int:
        """The length of the run in steps."""
        return self.epoch_ends[-1] if self.epoch_ends else 0

    def epochs_done(self, step: int) -> int:
        """How many epochs have ended at a step: the number of the epoch that goes on from it."""
        return bisect_right(self.epoch_ends, step)

    def epoch_start(self, epoch: int) -> int:
        """The step at which an epoch begins."""
        return self.epoch_ends[epoch - 1] if epoch else 0

    def epoch_of(self, step: int) -> int:
        """The epoch that step number `step`, 1 or more, belongs to."""
        return self.epochs_done(step - 1)

    def rate(self, step: int) -> float:
        """Factor on the learning rate for the step that follows `step` steps."""
        warm = max(1, min(_WARM_STEPS, round(_WARM_SHARE * self.steps)))
        return cosine_schedule(step, step / max(1, self.steps), warm)

    def validates(self, step: int) -> bool:
        """Whether the validation error is measured at a step."""
        if step >= self.steps:
            return True
        if self.validate_every:
            return _is_due(step, self.validate_every)
        return step > 0 and step == self.epoch_start(self.epochs_done(step))

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is stored at a step."""
        return _is_due(step, self.save_every or _SAVE_STEPS)

    def logs(self, step: int) -> bool:
        """Whether the step log gets a row at a step.

        It does before each checkpoint, so that weights of a loss that is not finite are not stored.
        """
        is_stored = self.validates(step) or self.saves(step)
        return step == 1 or is_stored or _is_due(step, self.log_every)


def _is_due(step: int, every: int) -> bool:
    return step > 0 and step % every == 0
