"""Writes what a run leaves in its folder. In a run of several processes only one has it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import write_checkpoint
from ..run import Run
from ..schedule import Schedule
from .curves import plot_log
from .log import LogRow, write_log
from .tensorboard_log import TensorBoardLog

_PLOT_SECONDS = 30.0
"""Least time between plots: one takes longer than a short epoch."""


class RunOutput:
    """The folder of a run: last.pt, best.pt, log.csv, steps.csv, log.png, tensorboard/.

    The checkpoint is written first. The others follow from it, so that a stop between them loses
    nothing: the next start writes them anew.

    Parameters
    ----------
    out : Path
        The folder.
    run : Run
        The run, whose logs so far are written.
    schedule : Schedule
        Its schedule.
    data : mapping of str to Any
        What the run learns from, as JSON values, for the report.
    """

    def __init__(self, out: Path, run: Run, schedule: Schedule, data: Mapping[str, Any]) -> None:
        self._out, self._run, self._schedule, self._data = out, run, schedule, dict(data)
        self._plotted = time.monotonic()
        self._events = TensorBoardLog(out / "tensorboard", run.log, run.step_log)
        if run.log or run.step_log:
            self._write_logs()

    @property
    def last(self) -> Path:
        """The checkpoint that a run goes on from."""
        return self._out / "last.pt"

    def add_steps(self, row: LogRow) -> None:
        """Tell TensorBoard of a row of the step log; steps.csv has it with the next checkpoint."""
        self._events.add(row, "train")

    def save(self) -> None:
        """Write last.pt, then steps.csv if there is a row."""
        write_checkpoint(self.last, self._state())
        if self._run.step_log:
            write_log(self._out / "steps.csv", self._run.step_log)

    def save_validated(self, is_best: bool) -> None:
        """Write everything after a validation.

        best.pt comes before last.pt: after a stop between them the validation is done again, and
        writes the same best.pt.
        """
        if is_best:
            kept = ("recipe", "step", "epoch", "error", "data", "mean")
            state = self._state()
            write_checkpoint(self._out / "best.pt", {name: state[name] for name in kept})
        write_checkpoint(self.last, self._state())
        self._write_logs()
        self._events.add(self._run.log[-1], "validation")

    def close(self) -> None:
        """Draw the last plot and end the TensorBoard file."""
        self._events.close()
        self._plot()

    def _state(self) -> dict[str, Any]:
        epoch = self._schedule.epochs_done(self._run.step)
        return {**self._run.state(), "epoch": epoch, "data": self._data}

    def _write_logs(self) -> None:
        run = self._run
        write_log(self._out / "log.csv", run.log)
        write_log(self._out / "steps.csv", run.step_log)
        if time.monotonic() - self._plotted > _PLOT_SECONDS:
            self._plot()

    def _plot(self) -> None:
        plot_log(self._out / "log.png", self._run.log, self._run.step_log)
        self._plotted = time.monotonic()
