"""The training loop, read from top to bottom (SPEC row A5).

The seed's recipe is the default: Adam, rate 1e-3 with cosine decay by step, batch 8,
16 epochs; it stops at the last epoch, when the loss is under `stop_loss`, when it has not
improved by 1 % in `patience` epochs, or when its `minutes` are over. Each epoch writes a
checkpoint that can be resumed, a row of log.csv and the loss plot. On a GPU the network runs
in bfloat16, losses in float32.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..canvas import PRESET
from ..errors import InputError
from .checkpoint import read_checkpoint, write_checkpoint
from .nets.encoders import ENCODERS, load_imagenet
from .samples import Batches, Epochs, Keyed
from .tasks import TASKS, Task

Report = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run; stored in its checkpoint.

    An epoch goes `passes` times through the material, or stops after `limit` batches unless
    that is 0. `minutes` is the time the run may take, 0 as long as its epochs need: the rate
    falls with whichever is nearer its end.
    """

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
    preset: tuple[int, int] = PRESET
    stop_loss: float = 0.0
    patience: int = 0
    average: float = 0.998
    seed: int = 0
    threads: int = 0
    workers: int = 1
    start: Path | None = None
    labels: Path | None = None
    strength: float = 1.0
    landscape: float = 0.2
    limit: int = 0
    passes: int = 1
    minutes: float = 0.0


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


def cosine(step: int, part: float, warm: int = 50) -> float:
    """Factor on the rate: a short linear start, then a cosine as `part` goes from 0 to 1."""
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(part, 1.0)))


def hold_still(network: nn.Module, stages: int) -> None:
    """Freeze the first encoder stages, their batch statistics too: early edges are learnt."""
    for index, stage in enumerate(network.get_submodule("encoder.stages").children()):
        if index < stages:
            stage.requires_grad_(False)
            stage.eval()


@torch.no_grad()
def follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the running average of weights (and batch statistics) toward the network."""
    both = list(zip(mean.state_dict().values(), network.state_dict().values(), strict=True))
    floating = [pair for pair in both if pair[0].dtype.is_floating_point]
    # One call for all: on a GPU hundreds of small ones cost more than the step itself.
    torch._foreach_lerp_([slow for slow, _ in floating], [fast for _, fast in floating], 1 - decay)
    for slow, fast in both:
        if not slow.dtype.is_floating_point:
            slow.copy_(fast)


@dataclass
class Run:
    """A run in progress: the network, its running average, the optimiser, how far it got."""

    recipe: Recipe
    task: Task
    device: torch.device
    network: nn.Module
    mean: nn.Module
    adam: torch.optim.Adam
    steps: int
    step: int = 0
    epoch: int = 0
    best: float = math.inf
    quiet: int = 0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, recipe: Recipe, task: Task, steps: int) -> Run:
        """From ImageNet, from another run's weights (`start`), or from chance."""
        torch.manual_seed(recipe.seed)
        network, mean = task.network(recipe.encoder), task.network(recipe.encoder)
        if recipe.start is not None:
            _take_fitting(network, read_checkpoint(recipe.start)["mean"])
        elif task.pretrained and recipe.imagenet and recipe.encoder == "lite0":
            load_imagenet(network.get_submodule("encoder"))  # type: ignore[arg-type]
        mean.load_state_dict(network.state_dict())
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # faster on CPUs; 3-D convolutions have no such form
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.to(device)
        mean.to(device)
        hold_still(network, recipe.freeze)
        return cls(recipe, task, device, network, mean, optimiser(network, recipe), steps)

    def go_on(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint where it stood; InputError for one of another network."""
        for name in ("task", "encoder", "freeze"):
            stored, wanted = state["recipe"][name], getattr(self.recipe, name)
            if stored != wanted:
                raise InputError(
                    f"{self.recipe.out}: its run has {name} {stored}, not {wanted}; "
                    "give the same options or another --out"
                )
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self.adam.load_state_dict(state["adam"])
        self.epoch, self.best, self.quiet = state["epoch"], state["best"], state["quiet"]
        self.step = state.get("step", self.steps * self.epoch // self.recipe.epochs)
        self.began = time.monotonic() - state.get("spent", 0.0)

    @property
    def part(self) -> float:
        """How much of the run is done, by steps or by time, whichever is more; 1 at its end."""
        by_time = (time.monotonic() - self.began) / (60 * self.recipe.minutes or math.inf)
        return max(self.step / max(1, self.steps), by_time)

    def learn(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of Adam on one batch; the loss and its terms, still on the device."""
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * cosine(self.step, self.part)
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        image = moved["image"].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            answer = self.network(image)
        terms = self.task.loss(in_float32(answer), moved)
        loss = torch.stack(list(terms.values())).sum()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.adam.step()
        self.step += 1
        # A young average must forget its start quickly.
        young = (1 + self.step) / (10 + self.step)
        follow(self.mean, self.network, min(self.recipe.average, young))
        return {name: term.detach() for name, term in {"loss": loss, **terms}.items()}

    def close_epoch(self, loss: float, error: float) -> None:
        """Count the epoch, judge progress, write the checkpoint."""
        self.epoch += 1
        self.quiet = 0 if loss < 0.99 * self.best else self.quiet + 1
        self.best = min(self.best, loss)
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self.recipe).items()}
        write_checkpoint(
            self.recipe.out / "last.pt",
            {
                "recipe": plain,
                "epoch": self.epoch,
                "step": self.step,
                "spent": time.monotonic() - self.began,
                "best": self.best,
                "quiet": self.quiet,
                "error": error,
                "network": self.network.state_dict(),
                "mean": self.mean.state_dict(),
                "adam": self.adam.state_dict(),
            },
        )

    @property
    def reason_to_stop(self) -> str:
        """Why the run ends before its target epoch; empty when it goes on."""
        if self.best <= self.recipe.stop_loss:
            return "loss reached"
        if self.recipe.patience and self.quiet >= self.recipe.patience:
            return "converged"
        return "time is up" if self.late else ""

    @property
    def late(self) -> bool:
        """Whether the run's minutes are over."""
        minutes = self.recipe.minutes
        return bool(minutes) and time.monotonic() - self.began >= 60 * minutes


def in_float32(answer: Any) -> Any:
    """A network's answer, a tensor or a named tuple of tensors, ready for exact losses."""
    if isinstance(answer, Tensor):
        return answer.float()
    return type(answer)(*(in_float32(part) for part in answer))


def _take_fitting(network: nn.Module, values: dict[str, Tensor]) -> None:
    """Copy the tensors whose names and shapes agree; the others stay as they are."""
    own = network.state_dict()
    fitting = {k: v for k, v in values.items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)


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


def plan(recipe: Recipe, samples: Any) -> Epochs:
    """Which samples stand in which batch of which epoch."""
    shares = [share * recipe.passes for share in samples.shares]
    order = Batches(shares, recipe.batch, recipe.seed, 0, recipe.landscape)
    return Epochs(order, recipe.epochs, recipe.limit)


def load(recipe: Recipe, samples: Any, first: int) -> Iterator[dict[str, Tensor]]:
    """The batches of all epochs from `first` on, made in `workers` processes beside the training.

    One loader for the whole run: its processes keep what they have read.
    """
    return iter(
        DataLoader(
            Keyed(samples.sample),
            batch_sampler=replace(plan(recipe, samples), first=first),
            num_workers=recipe.workers,
            prefetch_factor=4 if recipe.workers else None,
            pin_memory=torch.cuda.is_available(),
        )
    )


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


def train(recipe: Recipe, report: Report = print, resume: bool = False) -> Path:
    """Train one network; returns the checkpoint `out/last.pt`.

    The checkpoint holds the recipe, the network, the running average `mean` (what is
    exported), the optimiser and the epoch, so `resume` goes on where it stood. A GPU is
    used where there is one. Raises InputError for data or a checkpoint it cannot use.
    """
    if recipe.encoder not in ENCODERS:
        raise InputError(f"encoder {recipe.encoder!r} is unknown; use {', '.join(ENCODERS)}")
    task = TASKS[recipe.task]
    # Loader processes are forked: an OpenCV thread pool made before would hang in them.
    cv2.setNumThreads(1)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    recipe.out.mkdir(parents=True, exist_ok=True)
    samples = task.samples(recipe.data, recipe.preset, recipe.labels, recipe.strength)
    validate = task.validator(recipe.data, recipe.preset, recipe.labels)
    keys = plan(recipe, samples)
    counts = [keys.count(epoch) for epoch in range(recipe.epochs)]
    if not all(counts):
        raise InputError(f"{recipe.data}: holds less than a batch of {recipe.batch}; add photos")
    run = Run.begin(recipe, task, sum(counts))
    last = recipe.out / "last.pt"
    if resume and last.exists():
        run.go_on(read_checkpoint(last))
    else:
        (recipe.out / "log.csv").unlink(missing_ok=True)  # an earlier run's, as `last` is

    batches = load(recipe, samples, run.epoch)
    while run.epoch < recipe.epochs and not run.reason_to_stop:
        began = time.monotonic()
        means = learn_epoch(run, batches, keys.count(run.epoch), report)
        error = validate(run.mean)
        row = {"epoch": run.epoch, **means, "validation": error}
        log_row(recipe.out / "log.csv", row | {"seconds": round(time.monotonic() - began, 1)})
        plot(recipe.out / "log.csv")
        report(f"epoch {run.epoch} done: loss {means['loss']:.4f} validation {error:.4f}")
        run.close_epoch(means["loss"], error)
    del batches  # ends the loader's processes, which may have read ahead
    if run.reason_to_stop:
        report(f"stopped early: {run.reason_to_stop}")
    return last
