"""Run a training from the command line: progress, lines or JSON, and stops that lose nothing."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ....errors import OptionError
from ....option_fields import check_options, option
from ....system.stop_signals import hold_stop_signals
from ....training.distributed.launch import launched_count, launched_rank, refuse_many_workers
from ...output import Reporter, is_terminal, json_line, print_line

if TYPE_CHECKING:
    from ....training.recipe import ExistingRun, Recipe
    from ....training.reporting.events import RunEvent


@dataclass(frozen=True)
class TrainingOutput:
    """What a training prints. By default lines, on a terminal with a progress bar."""

    quiet: bool = option(False, "print errors only", flag="-q")
    json: bool = option(False, "print one JSON object per line of the report")

    def __post_init__(self) -> None:
        check_options(self)
        if self.quiet and self.json:
            raise OptionError("--quiet and --json: exclude each other; give one")


TrainingWork = Callable[[Callable[["RunEvent"], None], Callable[[], bool]], Path]
"""(watch, should_stop) -> checkpoint: a training that tells its events and can be stopped."""


def run_training(
    recipe: Recipe, existing: ExistingRun, output: TrainingOutput, ray_workers: int = 0
) -> None:
    """Train one network as `run_until_stopped` does."""
    from ....training.loop import train

    def work(watch: Callable[[RunEvent], None], should_stop: Callable[[], bool]) -> Path:
        return train(
            recipe,
            report=lambda line: None,
            resume=existing.resume,
            replace=existing.replace,
            watch=watch,
            should_stop=should_stop,
        )

    run_until_stopped(work, output, ray_workers=ray_workers)


def run_until_stopped(
    work: TrainingWork, output: TrainingOutput, out: Path | None = None, ray_workers: int = 0
) -> None:
    """Train to the end, or to the first signal: then a checkpoint is stored first.

    `out` is the folder to go on with, by default that of the checkpoint. With `ray_workers` the
    work is done in so many workers of Ray. Of several workers of torchrun only the first prints.

    Raises
    ------
    StopSignal
        After the checkpoint, where a signal asked for a stop.
    """
    from ....training.distributed.workers import OtherWorkerFailed

    is_leader = launched_rank() == 0
    is_quiet = output.quiet or not is_leader
    report = Reporter("quiet" if is_quiet else "json" if output.json else "lines")
    with (
        _show_events(report) as watch,
        hold_stop_signals(_announce_stop if is_leader else lambda: None) as request,
    ):
        try:
            checkpoint = _start(work, ray_workers, watch, lambda: request.pending is not None)
        except OtherWorkerFailed:
            raise typer.Exit(1) from None
    if not is_leader:
        pass
    elif output.json:
        print_line(json_line({"event": "checkpoint", "file": str(checkpoint)}))
    elif not output.quiet:
        print_line(f"checkpoint {checkpoint}")
    if request.pending is not None:
        report.note(f"go on with: {_resume_command(sys.argv[1:], out or checkpoint.parent)}")
        raise request.pending


def _start(
    work: TrainingWork,
    ray_workers: int,
    watch: Callable[[RunEvent], None],
    should_stop: Callable[[], bool],
) -> Path:
    if not ray_workers:
        return work(watch, should_stop)
    from ....training.distributed.ray_train import train_with_ray

    refuse_many_workers("--ray-workers")
    return train_with_ray(work, ray_workers, watch, should_stop)


def _announce_stop() -> None:
    """Say on stderr what the signal does. A signal may come amid a write to the stream itself."""
    with contextlib.suppress(OSError):
        os.write(2, b"depthmatte: note: stopping after this step; again to stop at once\n")


def _resume_command(words: list[str], out: Path) -> str:
    """The command of this process, so changed that it goes on with the run in `out`."""
    kept: list[str] = []
    skipped = False
    for word in words:
        if skipped:
            skipped = False
        elif word in ("-o", "--out"):
            skipped = True
        elif word not in ("--resume", "--replace") and not word.startswith("--out="):
            kept.append(word)
    count = launched_count()
    launcher = ["torchrun", "--nproc-per-node", str(count), "-m", "--"] if count > 1 else []
    return shlex.join([*launcher, "depthmatte", *kept, "--out", str(out), "--resume"])


@contextmanager
def _show_events(report: Reporter) -> Iterator[Callable[[RunEvent], None]]:
    """Print the events of a run, and show a progress bar on stderr if that is a terminal."""

    def show(event: RunEvent) -> None:
        if report.style == "json" and event.text:
            told = {"event": event.kind, "step": event.step, "steps": event.steps, **event.values}
            is_row = event.kind in ("log", "validation")
            print_line(json_line(told if is_row else {**told, "text": event.text}))
        elif report.style == "lines" and event.text:
            print_line(event.text)

    wanted = report.style == "lines" or (report.style == "json" and not is_terminal(sys.stdout))
    if not wanted or not is_terminal(sys.stderr):
        yield show
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from ....training.reporting.events import format_duration

    bar = Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("error {task.fields[error]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=is_terminal(sys.stdout),
    )
    task = bar.add_task("", total=None, epoch="-", loss="-", error="-", left="")

    def show_on_bar(event: RunEvent) -> None:
        known: dict[str, Any] = {}
        if "loss" in event.values:
            known["loss"] = f"{event.values['loss']:.4f}"
            known["epoch"] = str(event.values["epoch"])
        if "validation" in event.values:
            known["error"] = f"{event.values['validation']:.4f}"
        if "seconds_left" in event.values:
            known["left"] = f"{format_duration(event.values['seconds_left'])} left"
        bar.update(task, completed=event.step, total=event.steps, **known)
        if event.kind != "log" or report.style == "json":  # the bar shows what a log line says
            show(event)

    with bar:
        yield show_on_bar
