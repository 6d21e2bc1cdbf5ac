"""The training loop, read from top to bottom.

The recipe of the patent description is the default: Adam, learning rate 1e-3 with cosine decay
by step, batches of 8, 16 epochs. A run stops at its last step, when the loss is under
`stop_loss`, when `patience` validations had no new least error, or on request. The start, each
validation and every few hundred steps write a checkpoint. A run that goes on from it computes the
same weights as an unbroken one, on a CPU to the last bit. On a GPU the network runs in bfloat16,
losses in float32.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError
from ..system.printable_text import label
from .checkpoint import read_checkpoint
from .data.matte_material import SampleRequest, gather_matte_material
from .data.sampler import EpochBatches, KeyedDataset, RunBatches
from .recipe import ExistingRun, Recipe
from .reporting.events import EventKind, RunEvent, RunWatcher, format_duration
from .reporting.log import LogRow, read_log
from .reporting.report import write_report
from .reporting.run_folder import choose_run_folder, claim_run_folder
from .reporting.run_output import RunOutput
from .run import Run, run_in_training_mode
from .schedule import Schedule
from .tasks.registry import choose_task
from .tasks.task import MaterialOptions, SampleSource, TrainingTask, Validator

ProgressReport = Callable[[str], None]
"""Is told each line of the report."""


def train(
    recipe: Recipe,
    report: ProgressReport = print,
    resume: bool = False,
    replace: bool = False,
    watch: RunWatcher = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    task: TrainingTask | None = None,
) -> Path:
    """Train one network; returns the checkpoint `OUT/last.pt`.

    `OUT/best.pt` has the weights of the least validation error. A GPU is used where there is one.

    Parameters
    ----------
    recipe : Recipe
        Everything that decides the run.
    report : callable
        Called with each line of the report.
    resume, replace : bool
        Go on with the run that `out` holds, or move it aside.
    watch : callable
        Called with each event of the run.
    should_stop : callable
        Asked after each step. When it says yes, the run stores a checkpoint and ends.
    task : TrainingTask, optional
        The task of the recipe with other samples or another validator.

    Returns
    -------
    Path
        The checkpoint; its folder is the run's.

    Raises
    ------
    InputError
        For data or a checkpoint that cannot be used, and where `out` holds an earlier run but
        neither `resume` nor `replace` was given. Nothing is written then. Also where the loss is
        not finite any more; the last checkpoint stays.
    """
    existing = ExistingRun(resume, replace)
    own_samples = task is not None
    task = task or choose_task(recipe)
    out = choose_run_folder(recipe, existing)
    check_data_folders(recipe, task)
    if task.name == "matte" and not own_samples:
        report_photos(recipe, report, watch)
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)

    run = _continue_run(recipe, task, out) if resume else Run.begin(recipe, task)
    options = MaterialOptions.from_recipe(recipe)
    samples = task.samples.from_options(options)
    keys = plan_batches(recipe, samples)
    schedule = Schedule.from_recipe(recipe, keys.count)
    if not schedule.steps:
        raise InputError(
            f"{label(recipe.data[0])}: gives no batch of {recipe.batch_size}; add photos"
        )
    validate = task.validator(options)

    out = claim_run_folder(out, recipe.out is None, existing, recipe.task)
    batches = load_batches(recipe, samples, remaining_batches(keys, schedule, run.step))
    output = RunOutput(out, run, schedule, describe_data(recipe, samples))
    teller = _Teller(run, schedule, report, watch)
    stopped = train_steps(run, schedule, batches, validate, output, teller, should_stop)
    del batches  # ends the loader's processes, which may have read ahead
    output.close()
    if stopped:
        teller.tell("stop", f"stopped at step {run.step} of {schedule.steps}; --resume goes on")
    else:
        teller.tell("end", f"{run.finished or 'time is up'}: {_describe_best(run)}")
        teller.note(f"report {label(write_report(out, teller.note))}")
    return output.last


def train_steps(
    run: Run,
    schedule: Schedule,
    batches: Iterator[dict[str, Tensor]],
    validate: Validator,
    output: RunOutput,
    teller: _Teller,
    should_stop: Callable[[], bool],
) -> bool:
    """Train to the end of a run; whether it was stopped on request."""
    if run.step and schedule.validates(run.step) and run.validated != run.step:
        _validate_run(run, schedule, validate, output, teller)  # a stop came before it
    run.finished = run.reason_to_stop(schedule)  # a finished run may have got more steps
    run_in_training_mode(run.network, run.recipe.freeze)
    if not run.step:
        output.save()  # whenever the run is killed, --resume goes on
    teller.tell("begin", f"{schedule.steps - run.step} steps to do")
    for batch in islice(batches, 0 if run.finished else None):
        run.train_step(batch, schedule.rate(run.step))
        if schedule.logs(run.step):
            row = run.log_steps(schedule)
            output.add_steps(row)
            teller.tell_row(row)
        else:
            teller.tell("step")
        if schedule.validates(run.step) or run.is_out_of_time:
            output.save()  # a validation takes long
            _validate_run(run, schedule, validate, output, teller)
        elif schedule.saves(run.step):
            output.save()
        if run.finished or run.is_out_of_time:
            break
        if should_stop():
            output.save()
            return True
    return False


def _validate_run(
    run: Run, schedule: Schedule, validate: Validator, output: RunOutput, teller: _Teller
) -> None:
    """Validate the running average, judge progress and write all that follows from it."""
    is_best = run.record_validation(validate(run.mean), schedule)
    run.finished = run.reason_to_stop(schedule)
    output.save_validated(is_best)
    teller.tell_row(run.log[-1])


def plan_batches(recipe: Recipe, samples: SampleSource) -> RunBatches:
    """Which samples are in which batch of which epoch."""
    shares = [share * recipe.passes for share in samples.shares]
    order = EpochBatches(shares, recipe.batch_size, recipe.seed, 0, recipe.landscape)
    return RunBatches(order, recipe.epochs, recipe.limit)


def remaining_batches(keys: RunBatches, schedule: Schedule, step: int) -> RunBatches:
    """The batches that follow `step` steps, from the middle of an epoch if need be."""
    first = schedule.epochs_done(step)
    skip = step - schedule.epoch_start(first)
    return replace(keys, epochs=len(schedule.epoch_ends), first=first, skip=skip)


def load_batches(
    recipe: Recipe, samples: SampleSource, keys: RunBatches
) -> Iterator[dict[str, Tensor]]:
    """The batches of `keys`, made in `workers` processes that start at once.

    One loader serves the whole run: its processes keep what they have read. Raises InputError
    for a file of the data that cannot be used, when its turn comes.
    """
    loader = DataLoader(
        KeyedDataset(samples.sample),
        batch_sampler=keys,
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_signals_to_the_trainer,
        generator=torch.Generator(),  # the loader draws a number, which is not the run's to lose
    )
    return _with_plain_errors(iter(loader))


def _leave_signals_to_the_trainer(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal. Workers end when the trainer does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _with_plain_errors(batches: Iterator[dict[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
    try:
        yield from batches
    except InputError as error:
        # A worker's error arrives with its traceback as text; the line itself stands last.
        line = str(error).strip().splitlines()[-1]
        raise InputError(line.removeprefix(f"{InputError.__module__}.InputError: ")) from None


def check_data_folders(recipe: Recipe, task: TrainingTask) -> None:
    """Raise InputError for folders that cannot be what the recipe takes them for."""
    folder = recipe.data[0]
    if not folder.is_dir() and (task.name != "matte" or not folder.exists()):
        raise InputError(f"{label(folder)}: is no folder; give the data folder")
    labels = recipe.labels
    if labels is None:
        return
    if not labels.is_dir():
        raise InputError(f"{label(labels)}: is no folder; give the folder of labels")
    if task.labels and not any(labels.glob(f"*{task.labels}")):
        raise InputError(
            f"{label(labels)}: holds no labels ({task.labels}); make them with "
            f"depthmatte train labels {task.name}"
        )


def describe_data(recipe: Recipe, samples: SampleSource) -> dict[str, Any]:
    """What a run learns from, for the report: items and samples per epoch of each set."""
    items = getattr(samples, "items", [])
    if len(items) != len(samples.shares):  # some tasks compose samples of several items
        items = [None] * len(samples.shares)
    groups = [str(getattr(item, "group", recipe.task)) for item in items]
    counts: Counter[str] = Counter(groups)
    drawn = dict.fromkeys(groups, 0.0)
    for group, share in zip(groups, samples.shares, strict=True):
        drawn[group] += share * recipe.passes
    sets = {name: {"items": counts[name], "per epoch": round(drawn[name], 1)} for name in counts}
    return {"folder": " ".join(map(str, recipe.data)), "sets": sets}


def report_photos(recipe: Recipe, report: ProgressReport, watch: RunWatcher) -> None:
    """Report the sets of photos and all their problems; InputError where there are errors."""
    material = gather_matte_material(SampleRequest.from_recipe(recipe))
    for line in material.describe():
        report(line)
        watch(RunEvent("note", 0, 0, line, {}))
    material.refuse_errors()


def _continue_run(recipe: Recipe, task: TrainingTask, out: Path) -> Run:
    state = read_checkpoint(out / "last.pt", resumed=True)
    if "log" not in state:  # the first version left it to the file
        state["log"] = [row for row in read_log(out / "log.csv") if row["epoch"] < state["epoch"]]
    return Run.resume(recipe, task, state, out)


def _describe_best(run: Run) -> str:
    least = min(run.log, key=lambda row: row["validation"])
    return f"least validation error {run.best_error:.4f} at step {least.get('step', run.step)}"


@dataclass
class _Teller:
    """Tells how far a run is, in lines and as events."""

    run: Run
    schedule: Schedule
    report: ProgressReport
    watch: RunWatcher

    def __post_init__(self) -> None:
        self._began, self._first = time.monotonic(), self.run.step

    def tell(self, kind: EventKind, text: str = "", values: LogRow | None = None) -> None:
        """Tell one event, with the time left from the first step on."""
        told: dict[str, Any] = dict(values or {})
        done = self.run.step - self._first
        if done:
            pace = (time.monotonic() - self._began) / done
            told["seconds_left"] = round(pace * (self.schedule.steps - self.run.step), 1)
        if text:
            self.report(text)
        self.watch(RunEvent(kind, self.run.step, self.schedule.steps, text, told))

    def note(self, text: str) -> None:
        """Tell one line."""
        self.tell("note", text)

    def tell_row(self, row: LogRow) -> None:
        """Tell a new row of a log."""
        epoch, step = f"epoch {row['epoch']}", f"step {self.run.step}/{self.schedule.steps}"
        if "validation" in row:
            shown = f"loss {row['loss']:.4f}  validation {row['validation']:.4f}"
            self.tell("validation", f"{epoch}  {step}  {shown}  {row['seconds']:.0f} s", row)
            return
        terms = [name for name in row if name not in ("epoch", "step", "rate", "seconds")]
        shown = "  ".join(f"{name} {row[name]:.4f}" for name in terms)
        done = max(1, self.run.step - self._first)
        pace = (time.monotonic() - self._began) / done
        left = format_duration(pace * (self.schedule.steps - self.run.step))
        speed = self.run.recipe.batch_size / pace if pace else 0.0
        self.tell("log", f"{epoch}  {step}  {shown}  {speed:.1f} samples/s  {left} left", row)
