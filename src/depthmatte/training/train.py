"""The training loop, read from top to bottom (SPEC row A5).

The seed's recipe is the default: Adam, rate 1e-3 with cosine decay by step, batch 8,
16 epochs; it stops at the last epoch, when the loss is under `stop_loss`, when it has not
improved by 1 % in `patience` epochs, or when its `minutes` are over. Each epoch writes a
checkpoint that can be resumed; log.csv and the loss plot are drawn from what it holds. On a GPU
the network runs in bfloat16, losses in float32.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..errors import InputError
from ..text import label
from .checkpoint import KEPT, read_checkpoint
from .recipe import Earlier, Recipe
from .run import Run, hold_still
from .samples import Batches, Epochs, Keyed
from .tasks import TASKS, Source, Task

Report = Callable[[str], None]


def plan(recipe: Recipe, samples: Source) -> Epochs:
    """Which samples stand in which batch of which epoch."""
    shares = [share * recipe.passes for share in samples.shares]
    order = Batches(shares, recipe.batch, recipe.seed, 0, recipe.landscape)
    return Epochs(order, recipe.epochs, recipe.limit)


def load(recipe: Recipe, samples: Source, first: int) -> Iterator[dict[str, Tensor]]:
    """The batches of all epochs from `first` on, made in `workers` processes beside the training.

    One loader for the whole run: its processes keep what they have read. Raises InputError for
    a file of the data that cannot be used, when its turn comes.
    """
    loader = DataLoader(
        Keyed(samples.sample),
        batch_sampler=replace(plan(recipe, samples), first=first),
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


def learn_epoch(
    run: Run, batches: Iterator[dict[str, Tensor]], total: int, report: Report
) -> dict[str, float]:
    """`total` batches, fewer when time is up; the means of the loss and its terms."""
    run.network.train()
    hold_still(run.network, run.recipe.freeze)
    sums: dict[str, Tensor] = {}
    count = 0
    began = time.monotonic()
    for batch in islice(batches, total):
        for name, term in run.learn(batch).items():
            sums[name] = sums[name] + term if name in sums else term
        count += 1
        if count % 50 == 0:
            pace = count * run.recipe.batch / (time.monotonic() - began)
            shown = "  ".join(f"{name} {term.item() / count:.4f}" for name, term in sums.items())
            report(f"epoch {run.epoch} {count}/{total}  {shown}  {pace:.1f} photos/s")
        if run.late:
            break
    return {name: term.item() / count for name, term in sums.items()}


def check_out(out: Path, earlier: Earlier) -> None:
    """Raise InputError now where a run could not be kept in `out`, or would destroy another."""
    there = [name for name in KEPT if os.path.lexists(out / name)]
    if earlier.resume and "last.pt" not in there:
        raise InputError(
            f"{label(out / 'last.pt')}: no checkpoint to go on from; "
            "leave --resume out, or give the run's --out"
        )
    if there and not (earlier.resume or earlier.replace):
        raise InputError(
            f"{label(out)}: holds an earlier run ({', '.join(there)}); "
            "give another --out, --resume to go on with it, or --replace to give it up"
        )
    nearest = next(place for place in (out, *out.absolute().parents) if os.path.lexists(place))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{label(out)}: no folder can be written there; give another --out")


def check_data(recipe: Recipe, task: Task) -> None:
    """Raise InputError now for folders that cannot be what the recipe takes them for."""
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
    recipe: Recipe, report: Report = print, resume: bool = False, replace: bool = False
) -> Path:
    """Train one network; returns the checkpoint `out/last.pt`.

    The checkpoint holds the recipe, the network, the running average `mean` (what is
    exported), the optimiser, the log and the epoch, so that a run can go on where it stood. A
    GPU is used where there is one.

    Parameters
    ----------
    recipe : Recipe
        Everything that decides the run.
    report : callable
        Takes what is to be told, line by line.
    resume, replace : bool
        Go on with the run that `out` holds, or give it up: it stays until the first epoch of
        the new run is done.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    InputError
        For data or a checkpoint it cannot use, and where `out` holds an earlier run but
        neither `resume` nor `replace` was asked for. Nothing is written then.
    """
    earlier = Earlier(resume, replace)
    task = TASKS[recipe.task]
    check_out(recipe.out, earlier)
    check_data(recipe, task)
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    run = Run.begin(recipe, task)
    if resume:
        run.go_on(read_checkpoint(recipe.out / "last.pt", resumed=True))
    samples = task.samples(recipe)
    keys = plan(recipe, samples)
    counts = [keys.count(epoch) for epoch in range(recipe.epochs)]
    if not all(counts):
        raise InputError(f"{label(recipe.data)}: gives no batch of {recipe.batch}; add photos")
    run.plan(sum(counts))
    validate = task.validator(recipe)
    recipe.out.mkdir(parents=True, exist_ok=True)
    if run.log:
        run.write_log()  # a stop may have come between checkpoint and log

    batches = load(recipe, samples, run.epoch)
    while run.epoch < recipe.epochs and not run.reason_to_stop:
        began = time.monotonic()
        means = learn_epoch(run, batches, keys.count(run.epoch), report)
        error = validate(run.mean)
        report(f"epoch {run.epoch} done: loss {means['loss']:.4f} validation {error:.4f}")
        seconds = round(time.monotonic() - began, 1)
        run.close_epoch({"epoch": run.epoch, **means, "validation": error, "seconds": seconds})
    del batches  # ends the loader's processes, which may have read ahead
    if run.reason_to_stop:
        report(f"stopped early: {run.reason_to_stop}")
    return recipe.out / "last.pt"
