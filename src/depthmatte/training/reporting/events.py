"""What a run tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EventKind = Literal["begin", "step", "log", "validation", "note", "stop", "end"]
"""begin: before the first step; step: after each; log: a row of the step log; validation: a row
of the log; stop: ended early on request; end: nothing is left to do."""


@dataclass(frozen=True)
class RunEvent:
    """One thing that a run tells.

    Attributes
    ----------
    kind : str
        What happened.
    step, steps : int
        How many steps are done, and the length of the run.
    text : str
        The line that says it; "" for `step`.
    values : mapping of str to Any
        Its numbers by name, as JSON values. `seconds_left` is the time left from here.
    """

    kind: EventKind
    step: int
    steps: int
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


RunWatcher = Callable[[RunEvent], None]
"""Is told every event of a run."""


def format_duration(seconds: float) -> str:
    """A duration in words, such as "41 s", "12 min" or "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
