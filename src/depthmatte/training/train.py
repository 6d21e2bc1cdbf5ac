"""The training loop, read from top to bottom (SPEC row A5).

The seed's recipe is the default: Adam, rate 1e-3 with cosine decay by step, batch 8,
16 epochs; it stops at the last epoch, when the loss is under `stop_loss`, or when it has
not improved by 1 % in `patience` epochs. Each epoch writes a checkpoint that can be
resumed, a row of log.csv and the loss plot.
"""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .nets.encoders import load_imagenet
from .samples import Batches, Keyed
from .tasks import TASKS, Task

Report = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run; stored in its checkpoint."""

    task: str
    data: Path
    out: Path
    epochs: int = 16
    batch: int = 8
    rate: float = 1e-3
    encoder: str = "lite0"
    imagenet: bool = True
    encoder_rate: float = 1.0
    freeze: int = 0
    preset: tuple[int, int] = (320, 256)
    stop_loss: float = 0.0
    patience: int = 0
    average: float = 0.998
    seed: int = 0
    threads: int = 0
    workers: int = 1
    start: Path | None = None
    labels: Path | None = None
    limit: int = 0


def optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Adam:
    """Adam over what may learn; the encoder's rate is scaled by `encoder_rate`."""
    encoder = network.get_submodule("encoder")
    inside = {id(p) for p in encoder.parameters()}
    rest = [p for p in network.parameters() if id(p) not in inside]
    groups = [
        {"params": rest, "lr": recipe.rate, "base": recipe.rate},
        {
            "params": [p for p in encoder.parameters() if p.requires_grad],
            "lr": recipe.rate * recipe.encoder_rate,
            "base": recipe.rate * recipe.encoder_rate,
        },
    ]
    return torch.optim.Adam(groups)


def cosine(step: int, steps: int, warm: int = 50) -> float:
    """Factor on the rate: a short linear start, then a cosine from 1 to 0 by step."""
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))


def hold_still(network: nn.Module, stages: int) -> None:
    """Freeze the first encoder stages, their batch statistics too: early edges are learnt."""
    for index, stage in enumerate(network.get_submodule("encoder.stages").children()):
        if index < stages:
            stage.requires_grad_(False)
            stage.eval()


@torch.no_grad()
def follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the running average of weights (and batch statistics) toward the network."""
    for slow, fast in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - decay)
        else:
            slow.copy_(fast)


def begin(recipe: Recipe, task: Task) -> tuple[nn.Module, nn.Module]:
    """The network and its running average, from ImageNet, from `start`, or from chance."""
    torch.manual_seed(recipe.seed)
    network, mean = task.network(recipe.encoder), task.network(recipe.encoder)
    if recipe.start is not None:
        values = torch.load(recipe.start, map_location="cpu", weights_only=False)["mean"]
        own = network.state_dict()
        fitting = {k: v for k, v in values.items() if k in own and own[k].shape == v.shape}
        network.load_state_dict(fitting, strict=False)
    elif recipe.imagenet and recipe.encoder == "lite0":
        load_imagenet(network.get_submodule("encoder"))  # type: ignore[arg-type]
    mean.load_state_dict(network.state_dict())
    return network, mean


def save(path: Path, recipe: Recipe, epoch: int, parts: dict[str, object], best: float) -> None:
    """Write a checkpoint under a temporary name, then replace."""
    fresh = path.with_suffix(".part")
    plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(recipe).items()}
    torch.save({"recipe": plain, "epoch": epoch, "best": best, **parts}, fresh)
    os.replace(fresh, path)


def log_row(path: Path, row: dict[str, float]) -> None:
    """Append one epoch to log.csv, with a header when the file is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)


def plot(log: Path) -> None:
    """Draw loss and validation error by epoch beside the log."""
    from matplotlib.figure import Figure

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot()
    for name, values in {k: [float(r[k]) for r in rows] for k in ("loss", "validation")}.items():
        axes.plot([int(r["epoch"]) for r in rows], values, marker="o", label=name)
    axes.set_xlabel("epoch")
    axes.set_yscale("log")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(log.with_suffix(".png"), dpi=110)


def train(recipe: Recipe, report: Report = print, resume: bool = False) -> Path:
    """Train one network; returns the checkpoint `out/last.pt`.

    The checkpoint holds the recipe, the network, the running average `mean` (what is
    exported), the optimiser and the epoch, so `resume` goes on where it stood.
    """
    task = TASKS[recipe.task]
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    recipe.out.mkdir(parents=True, exist_ok=True)
    last = recipe.out / "last.pt"
    network, mean = begin(recipe, task)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    hold_still(network, recipe.freeze)
    adam = optimiser(network, recipe)
    first, best, quiet = 0, math.inf, 0
    if resume and last.exists():
        state = torch.load(last, map_location="cpu", weights_only=False)
        network.load_state_dict(state["network"])
        mean.load_state_dict(state["mean"])
        adam.load_state_dict(state["adam"])
        first, best = state["epoch"], state["best"]
    samples = task.samples(recipe.data, recipe.preset, recipe.labels)
    validate = task.validator(recipe.data, recipe.preset)
    steps = len(Batches(samples.shares, recipe.batch, recipe.seed, 0)) * recipe.epochs
    step = steps * first // recipe.epochs

    for epoch in range(first, recipe.epochs):
        network.train()
        hold_still(network, recipe.freeze)
        batches = Batches(samples.shares, recipe.batch, recipe.seed, epoch)
        loader = DataLoader(
            Keyed(samples.sample),
            batch_sampler=batches,
            num_workers=recipe.workers,
            prefetch_factor=4 if recipe.workers else None,
        )
        sums: dict[str, float] = {}
        count, began = 0, time.monotonic()
        for batch in loader:
            for group in adam.param_groups:
                group["lr"] = group["base"] * cosine(step, steps)
            terms: dict[str, Tensor] = task.loss(
                network(batch["image"].contiguous(memory_format=torch.channels_last)), batch
            )
            loss = torch.stack(list(terms.values())).sum()
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            adam.step()
            step, count = step + 1, count + 1
            # A young average must forget its start quickly.
            follow(mean, network, min(recipe.average, (1 + step) / (10 + step)))
            for name, term in {"loss": loss, **terms}.items():
                sums[name] = sums.get(name, 0.0) + term.item()
            if count % 50 == 0:
                pace = count * recipe.batch / (time.monotonic() - began)
                shown = "  ".join(f"{k} {v / count:.4f}" for k, v in sums.items())
                report(f"epoch {epoch} step {count}/{len(batches)}  {shown}  {pace:.1f} photos/s")
            if recipe.limit and count >= recipe.limit:
                break
        means = {name: total / max(1, count) for name, total in sums.items()}
        error = validate(mean)
        seconds = time.monotonic() - began
        log_row(
            recipe.out / "log.csv",
            {"epoch": epoch, **means, "validation": error, "seconds": round(seconds, 1)},
        )
        plot(recipe.out / "log.csv")
        quiet = 0 if means["loss"] < 0.99 * best else quiet + 1
        best = min(best, means["loss"])
        parts: dict[str, object] = {
            "network": network.state_dict(),
            "mean": mean.state_dict(),
            "adam": adam.state_dict(),
            "error": error,
        }
        save(last, recipe, epoch + 1, parts, best)
        report(f"epoch {epoch} done: loss {means['loss']:.4f} validation {error:.4f}")
        if means["loss"] <= recipe.stop_loss or (recipe.patience and quiet >= recipe.patience):
            report("stopped early: " + ("loss reached" if not quiet else "converged"))
            break
    return last
