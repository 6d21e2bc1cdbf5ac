"""How long steps take, side by side: a busy machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Step = Callable[[], float | None]
"""What is timed; it may time itself and return its own milliseconds."""


def times(pictures: Sequence[Mapping[str, Step]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step on every picture, one of each per round; a first round warms up."""
    spent: dict[str, list[float]] = {name: [] for name in pictures[0]}
    for number in range(rounds + 1):
        for steps in pictures:
            for name, step in steps.items():
                start = time.perf_counter()
                own = step()
                if number:
                    passed = (time.perf_counter() - start) * 1000
                    spent[name].append(passed if own is None else own)
    return spent


def medians(steps: Mapping[str, Step], rounds: int) -> dict[str, float]:
    """Median milliseconds of each step."""
    return {name: statistics.median(values) for name, values in times([steps], rounds).items()}
