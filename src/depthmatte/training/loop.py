"""The training loop, read from top to bottom.

The recipe of the patent description is the default: Adam, learning rate 1e-3 with cosine decay
by step, batches of 8, 16 epochs. A run stops at its last epoch, when the loss is under
`stop_loss`, when it has not improved by 1 % in `patience` epochs, or when its `minutes` are
over. Each epoch writes a checkpoint that can be resumed. log.csv and the loss plot follow from
it. On a GPU the network runs in bfloat16, losses in float32.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace as dataclass_replace
from itertools import islice
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError
from ..system.printable_text import label
from .checkpoint import RUN_FILES, read_checkpoint
from .data.sampler import EpochBatches, KeyedDataset, RunBatches
from .recipe import ExistingRun, Recipe
from .run import Run, run_in_training_mode
from .tasks.registry import choose_task
from .tasks.task import MaterialOptions, SampleSource, TrainingTask

ProgressReport = Callable[[str], None]


def plan_batches(recipe: Recipe, samples: SampleSource) -> RunBatches:
    """Which samples are in which batch of which epoch."""
    shares = [share * recipe.passes for share in samples.shares]
    order = EpochBatches(shares, recipe.batch_size, recipe.seed, 0, recipe.landscape)
    return RunBatches(order, recipe.epochs, recipe.limit)


def count_batches(recipe: Recipe, keys: RunBatches) -> list[int]:
    """The number of batches of each epoch: of `epochs`, or of as many as give all `steps`."""
    if not recipe.steps:
        return [keys.count(epoch) for epoch in range(recipe.epochs)]
    counts: list[int] = []
    while sum(counts) < recipe.steps:
        counts.append(min(keys.count(len(counts)), recipe.steps - sum(counts)))
        if not counts[-1]:
            break
    return counts


def load_batches(
    keys: RunBatches, recipe: Recipe, samples: SampleSource
) -> Iterator[dict[str, Tensor]]:
    """The batches of all epochs from the first of `keys` on, made in `workers` processes.

    One loader serves the whole run: its processes keep what they have read. Raises InputError
    for a file of the data that cannot be used, when its turn comes.
    """
    loader = DataLoader(
        KeyedDataset(samples.sample),
        batch_sampler=keys,
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    try:
        yield from loader
    except InputError as error:
        # A worker's error arrives with its traceback as text; the line itself stands last.
        line = str(error).strip().splitlines()[-1]
        raise InputError(line.removeprefix(f"{InputError.__module__}.InputError: ")) from None


def train_epoch(
    run: Run, batches: Iterator[dict[str, Tensor]], total: int, report: ProgressReport
) -> dict[str, float]:
    """`total` batches, fewer when time is up; the means of the loss and its terms."""
    run_in_training_mode(run.network, run.recipe.freeze)
    sums: dict[str, Tensor] = {}
    count = 0
    began = time.monotonic()
    for batch in islice(batches, total):
        for name, term in run.train_step(batch).items():
            sums[name] = sums[name] + term if name in sums else term
        count += 1
        if count % 50 == 0:
            pace = count * run.recipe.batch_size / (time.monotonic() - began)
            shown = "  ".join(f"{name} {term.item() / count:.4f}" for name, term in sums.items())
            report(f"epoch {run.epoch} {count}/{total}  {shown}  {pace:.1f} photos/s")
        if run.is_out_of_time:
            break
    return {name: term.item() / count for name, term in sums.items()}


def check_output_folder(out: Path, existing: ExistingRun) -> None:
    """Raise InputError where a run could not be kept in `out`, or would destroy another."""
    there = [name for name in RUN_FILES if os.path.lexists(out / name)]
    if existing.resume and "last.pt" not in there:
        raise InputError(
            f"{label(out / 'last.pt')}: no checkpoint to go on from; "
            "leave --resume out, or give the run's --out"
        )
    if there and not (existing.resume or existing.replace):
        raise InputError(
            f"{label(out)}: holds an earlier run ({', '.join(there)}); "
            "give another --out, --resume to go on with it, or --replace to give it up"
        )
    nearest = next(place for place in (out, *out.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{label(out)}: no folder can be written there; give another --out")


def check_data_folders(recipe: Recipe, task: TrainingTask) -> None:
    """Raise InputError for folders that cannot be what the recipe takes them for."""
    if not recipe.data.is_dir():
        raise InputError(f"{label(recipe.data)}: is no folder; give the data folder")
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


def train(
    recipe: Recipe, report: ProgressReport = print, resume: bool = False, replace: bool = False
) -> Path:
    """Train one network; returns the checkpoint `out/last.pt`.

    The checkpoint holds the recipe, the network, the running average `mean` (what is
    exported), the optimizer, the log and the epoch, so that a run can go on where it stood. A
    GPU is used where there is one.

    Parameters
    ----------
    recipe : Recipe
        Everything that decides the run.
    report : callable
        Called with each line of the report.
    resume, replace : bool
        Go on with the run that `out` holds, or give it up. A run that is given up stays until
        the first epoch of the new run is done.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    InputError
        For data or a checkpoint that cannot be used, and where `out` holds an earlier run but
        neither `resume` nor `replace` was given. Nothing is written then.
    """
    existing = ExistingRun(resume, replace)
    task = choose_task(recipe)
    check_output_folder(recipe.out, existing)
    check_data_folders(recipe, task)
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    run = Run.begin(recipe, task)
    if resume:
        run.resume(read_checkpoint(recipe.out / "last.pt", resumed=True))
    options = MaterialOptions.from_recipe(recipe)
    samples = task.samples.from_options(options)
    keys = plan_batches(recipe, samples)
    counts = count_batches(recipe, keys)
    if not all(counts):
        raise InputError(f"{label(recipe.data)}: gives no batch of {recipe.batch_size}; add photos")
    run.plan(sum(counts))
    validate = task.validator(options)
    recipe.out.mkdir(parents=True, exist_ok=True)
    if run.log:
        run.write_log()  # a stop may have come between checkpoint and log

    rest = dataclass_replace(keys, epochs=len(counts), first=run.epoch)
    batches = load_batches(rest, recipe, samples)
    while run.epoch < len(counts) and not run.reason_to_stop:
        began = time.monotonic()
        means = train_epoch(run, batches, counts[run.epoch], report)
        error = validate(run.mean)
        report(f"epoch {run.epoch} done: loss {means['loss']:.4f} validation {error:.4f}")
        seconds = round(time.monotonic() - began, 1)
        run.finish_epoch({"epoch": run.epoch, **means, "validation": error, "seconds": seconds})
    del batches  # ends the loader's processes, which may have read ahead
    if run.reason_to_stop:
        report(f"stopped early: {run.reason_to_stop}")
    return recipe.out / "last.pt"
