"""A stopwatch that adds up the milliseconds of each stage of a cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass
class Stopwatch:
    """Call steps and add up the milliseconds of each stage in `timings`."""

    timings: dict[str, float] = field(default_factory=dict)

    def __call__(
        self, stage: str, step: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Return the result of `step` and add its time to `stage`."""
        start = time.perf_counter()
        result = step(*args, **kwargs)
        elapsed_ms = (time.perf_counter() - start) * 1000
        self.timings[stage] = self.timings.get(stage, 0.0) + elapsed_ms
        return result
