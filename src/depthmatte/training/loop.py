"""The training loop, read from top to bottom.

The recipe of the patent description is the default: Adam, learning rate 1e-3 with cosine decay
by step, batches of 8, 16 epochs. A run stops at its last step, when the loss is under
`stop_loss`, when `patience` validations had no new least error, or on request. The start, each
validation and every few hundred steps write a checkpoint. A run that goes on from it computes the
same weights as an unbroken one, on a CPU to the last bit. On a GPU the network runs in bfloat16,
losses in float32.

Several workers (`distributed.workers`) run this same loop, each on its part of every batch. The
first one leads: it validates, writes and tells.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError, OptionError
from ..system.printable_text import label
from .checkpoint import read_checkpoint
from .data.matte_material import SampleRequest, gather_matte_material
from .data.sampler import EpochBatches, KeyedDataset, RunBatches
from .distributed.workers import Workers, join_workers
from .recipe import ExistingRun, Recipe
from .remote_data import fetch_data
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

_Batches = Iterator[dict[str, Tensor]]


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
    workers = join_workers()
    if not workers.is_leader:
        report, watch = _ignore, _ignore
    tell = _make_teller_of_notes(report, watch)
    given = recipe
    recipe = workers.together(lambda: fetch_data(given, tell))
    own_samples = task is not None
    task = task or choose_task(recipe)

    def check() -> Path:
        check_batch_size(recipe, workers)
        out = choose_run_folder(recipe, existing)
        check_data_folders(recipe, task)
        if task.name == "matte" and not own_samples:
            report_photos(recipe, tell)
        return out

    out = workers.lead(check)
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)

    state = workers.lead(lambda: _read_state(out)) if resume else None
    options = MaterialOptions.from_recipe(recipe)

    def prepare() -> tuple[Run, SampleSource, RunBatches, Schedule, Validator]:
        begun = Run.resume(recipe, task, state, out) if state else Run.begin(recipe, task)
        source = task.samples.from_options(options)
        batches = plan_batches(recipe, source, workers)
        planned = Schedule.from_recipe(recipe, batches.count)
        if not planned.steps:
            raise InputError(
                f"{label(recipe.data[0])}: gives no batch of {recipe.batch_size}; add photos"
            )
        return begun, source, batches, planned, task.validator(options)

    run, samples, keys, schedule, validate = workers.together(prepare)
    run.workers = workers
    workers.share_weights(run.network, run.mean)

    claimed = out
    out = workers.lead(lambda: claim_run_folder(claimed, recipe.out is None, existing, recipe.task))
    output = None
    if workers.is_leader:
        output = RunOutput(out, run, schedule, describe_data(recipe, samples))
    teller = _Teller(run, schedule, report, watch)
    with load_batches(recipe, samples, remaining_batches(keys, schedule, run.step)) as batches:
        stopped = train_steps(run, schedule, batches, validate, output, teller, should_stop)
    if output is not None:
        output.close()
        if stopped:
            teller.tell("stop", f"stopped at step {run.step} of {schedule.steps}; --resume goes on")
        else:
            teller.tell("end", f"{run.finished or 'time is up'}: {_describe_best(run)}")
            teller.note(f"report {label(write_report(out, teller.note))}")
    return out / "last.pt"


def train_steps(
    run: Run,
    schedule: Schedule,
    batches: _Batches,
    validate: Validator,
    output: RunOutput | None,
    teller: _Teller,
    should_stop: Callable[[], bool],
) -> bool:
    """Train to the end of a run; whether it was stopped on request.

    Only the leader of several workers has an `output`.
    """
    workers = run.workers
    if run.step and schedule.validates(run.step) and run.validated != run.step:
        _validate_run(run, schedule, validate, output, teller)  # a stop came before it
    # A finished run may have got more steps.
    run.finished = workers.lead(lambda: run.reason_to_stop(schedule))
    run_in_training_mode(run.network, run.recipe.freeze)
    if not run.step and output is not None:
        output.save()  # whenever the run is killed, --resume goes on
    teller.tell("begin", f"{schedule.steps - run.step} steps to do")
    for batch in islice(batches, 0 if run.finished else None):
        run.train_step(batch, schedule.rate(run.step))
        if schedule.logs(run.step):
            workers.lead(lambda: _log_steps(run, schedule, output, teller))
        else:
            teller.tell("step")
        is_late = workers.any(run.is_out_of_time)
        if schedule.validates(run.step) or is_late:
            _save(output)  # a validation takes long
            _validate_run(run, schedule, validate, output, teller)
        elif schedule.saves(run.step):
            _save(output)
        if run.finished or is_late:
            break
        if workers.any(should_stop()):
            _save(output)
            return True
    return False


def _log_steps(run: Run, schedule: Schedule, output: RunOutput | None, teller: _Teller) -> None:
    row = run.log_steps(schedule)
    if output is not None:
        output.add_steps(row)
    teller.tell_row(row)


def _save(output: RunOutput | None) -> None:
    if output is not None:
        output.save()


def _validate_run(
    run: Run, schedule: Schedule, validate: Validator, output: RunOutput | None, teller: _Teller
) -> None:
    """Validate the running average, judge progress and write all that follows from it."""

    def judge() -> str:
        is_best = run.record_validation(validate(run.mean), schedule)
        run.finished = run.reason_to_stop(schedule)
        if output is not None:
            output.save_validated(is_best)
        teller.tell_row(run.log[-1])
        return run.finished

    run.finished = run.workers.lead(judge)


def plan_batches(
    recipe: Recipe, samples: SampleSource, workers: Workers | None = None
) -> RunBatches:
    """Which samples are in which batch of which epoch, and which of these are a worker's."""
    of = workers or Workers()
    shares = [share * recipe.passes for share in samples.shares]
    order = EpochBatches(shares, recipe.batch_size, recipe.seed, 0, recipe.landscape)
    return RunBatches(order, recipe.epochs, recipe.limit, part=of.rank, parts=of.count)


def remaining_batches(keys: RunBatches, schedule: Schedule, step: int) -> RunBatches:
    """The batches that follow `step` steps, from the middle of an epoch if need be."""
    first = schedule.epochs_done(step)
    skip = step - schedule.epoch_start(first)
    return replace(keys, epochs=len(schedule.epoch_ends), first=first, skip=skip)


@contextmanager
def load_batches(recipe: Recipe, samples: SampleSource, keys: RunBatches) -> Iterator[_Batches]:
    """The batches of `keys`, made in `workers` processes, which end with the context.

    Raises InputError for a file that cannot be used, when its turn comes.
    """
    before = active_children()
    loader = DataLoader(
        KeyedDataset(samples.sample),
        batch_sampler=keys,
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_signals_to_the_trainer,
        generator=torch.Generator(),  # the loader draws a number, which is not the run's to lose
    )
    batches = _with_plain_errors(iter(loader))
    processes = [one for one in active_children() if one not in before]
    try:
        yield batches
    finally:
        batches.close()  # torch asks the processes to end; they were seen to stay all the same
        for process in processes:
            process.kill()
            process.join()


def _leave_signals_to_the_trainer(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal. Workers end when the trainer does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _with_plain_errors(batches: _Batches) -> Generator[dict[str, Tensor], None, None]:
    try:
        yield from batches
    except InputError as error:
        # It arrives with its traceback as text; the line itself stands last.
        line = str(error).strip().splitlines()[-1]
        raise InputError(line.removeprefix(f"{InputError.__module__}.InputError: ")) from None


def check_batch_size(recipe: Recipe, workers: Workers) -> None:
    """Raise OptionError for a batch whose samples cannot be shared out evenly."""
    if recipe.batch_size % workers.count:
        raise OptionError(
            f"--batch-size {recipe.batch_size}: is no multiple of {workers.count} workers; "
            "give one that is"
        )


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


def report_photos(recipe: Recipe, tell: ProgressReport) -> None:
    """Report the sets of photos and all their problems; InputError where there are errors."""
    material = gather_matte_material(SampleRequest.from_recipe(recipe))
    for line in material.describe():
        tell(line)
    material.refuse_errors()


def _read_state(out: Path) -> dict[str, Any]:
    """The checkpoint of the run in a folder."""
    state = read_checkpoint(out / "last.pt", resumed=True)
    if "log" not in state:  # the first version left it to the file
        state["log"] = [row for row in read_log(out / "log.csv") if row["epoch"] < state["epoch"]]
    return state


def _ignore(_: Any) -> None:
    """Tell nobody."""


def _make_teller_of_notes(report: ProgressReport, watch: RunWatcher) -> ProgressReport:
    """Tells a line before the run begins."""

    def tell(line: str) -> None:
        report(line)
        watch(RunEvent("note", 0, 0, line, {}))

    return tell


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
