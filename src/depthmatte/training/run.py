"""A run in progress: network, running average, optimizer, and how far it got."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..networks.registry import NETWORKS
from ..option_fields import to_json_values
from ..system.printable_text import label
from .checkpoint import read_checkpoint, write_checkpoint
from .exported_weights import freeze_folded_norms, read_exported_network
from .log import LogRow, plot_log, read_log, write_log
from .networks.encoders import load_imagenet_weights
from .recipe import Recipe
from .tasks.task import TrainingTask


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Adam:
    """Adam, or AdamW with weight decay, over what may learn.

    `encoder_rate` scales the encoder's rate.
    """
    encoder = network.get_submodule("encoder")
    inside = {id(p) for p in encoder.parameters()}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in inside]
    groups = [
        {"params": rest, "lr": recipe.learning_rate, "base": recipe.learning_rate},
        {
            "params": [p for p in encoder.parameters() if p.requires_grad],
            "lr": recipe.learning_rate * recipe.encoder_rate,
            "base": recipe.learning_rate * recipe.encoder_rate,
        },
    ]
    if recipe.weight_decay:
        return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    return torch.optim.Adam(groups)


def cosine_schedule(step: int, progress: float, warm: int = 50) -> float:
    """Factor on the rate: a short linear start, then a cosine as `progress` goes from 0 to 1."""
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def freeze_stages(network: nn.Module, stages: int) -> None:
    """Freeze the first encoder stages, their batch statistics too: early edges are learned."""
    for index, stage in enumerate(network.get_submodule("encoder.stages").children()):
        if index < stages:
            stage.requires_grad_(False)
            stage.eval()


def run_in_training_mode(network: nn.Module, frozen_stages: int) -> None:
    """Let a network learn, except its frozen stages and the norms of an exported network."""
    network.train()
    freeze_stages(network, frozen_stages)
    freeze_folded_norms(network)


@torch.no_grad()
def update_average(mean: nn.Module, network: nn.Module, decay: float) -> None:
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
    """A run in progress: the network, its running average, the optimizer, how far it got."""

    recipe: Recipe
    task: TrainingTask
    device: torch.device
    network: nn.Module
    mean: nn.Module
    adam: torch.optim.Adam
    steps: int = 0
    step: int = 0
    epoch: int = 0
    best: float = math.inf
    epochs_without_gain: int = 0
    spent: float = 0.0
    log: list[LogRow] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, recipe: Recipe, task: TrainingTask) -> Run:
        """From ImageNet, from another run's weights (`start`), or from chance.

        Raises InputError for a `start` none of whose weights fit.
        """
        torch.manual_seed(recipe.seed)
        network, mean = task.network(recipe.encoder), task.network(recipe.encoder)
        if recipe.start:
            _load_start(network, task, recipe.start, recipe.encoder)
        elif task.pretrained and recipe.imagenet and recipe.encoder == "lite0":
            load_imagenet_weights(network.get_submodule("encoder"))  # type: ignore[arg-type]
        mean.load_state_dict(network.state_dict())
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # faster on CPUs; 3-D convolutions have no such form
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.to(device)
        mean.to(device)
        run_in_training_mode(network, recipe.freeze)
        return cls(recipe, task, device, network, mean, make_optimizer(network, recipe))

    def resume(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint stood; InputError for one of another network."""
        out = label(self.recipe.out)
        for name in ("task", "encoder", "freeze"):
            stored, wanted = state["recipe"].get(name), getattr(self.recipe, name)
            if stored != wanted:
                raise InputError(
                    f"{out}: its run has {name} {stored}, not {wanted}; "
                    "give the same options or another --out"
                )
        try:
            self.network.load_state_dict(state["network"])
            self.mean.load_state_dict(state["mean"])
            self.adam.load_state_dict(state["adam"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{out}: its run is of another version of the network; begin a new run with "
                f"--start {out}/last.pt and another --out"
            ) from error
        self.epoch, self.best, self.epochs_without_gain = (
            state["epoch"],
            state["best"],
            state["quiet"],
        )
        self.step, self.spent = state.get("step", -1), state.get("spent", 0.0)
        # Older checkpoints hold no log. A row past the checkpoint is of an epoch to be done again.
        rows = state["log"] if "log" in state else read_log(self.recipe.out / "log.csv")
        self.log = [row for row in rows if row["epoch"] < self.epoch]

    def plan(self, steps: int) -> None:
        """Plan the run for so many steps and start its clock; what was done before counts."""
        self.steps = steps
        self.began = time.monotonic() - self.spent
        if self.step < 0:
            self.step = steps * self.epoch // self.recipe.epochs

    @property
    def progress(self) -> float:
        """How much of the run is done, by steps or by time, the larger of both; 1 at its end."""
        by_time = (time.monotonic() - self.began) / (60 * self.recipe.minutes or math.inf)
        return max(self.step / max(1, self.steps), by_time)

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of Adam on one batch; the loss and its terms, still on the device."""
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * cosine_schedule(self.step, self.progress)
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        image = moved["image"].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            answer = self.network(image)
        terms = self.task.loss(_to_float32(answer), moved)
        loss = torch.stack(list(terms.values())).sum()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.adam.step()
        self.step += 1
        # A young average must forget its start quickly.
        young = (1 + self.step) / (10 + self.step)
        update_average(self.mean, self.network, min(self.recipe.ema_decay, young))
        return {name: term.detach() for name, term in {"loss": loss, **terms}.items()}

    def finish_epoch(self, row: LogRow) -> None:
        """Count the epoch, judge progress, write checkpoint, log and plot.

        The checkpoint comes first: the others follow from it, so a stop between them loses nothing.
        """
        loss = row["loss"]
        self.epoch += 1
        self.epochs_without_gain = 0 if loss < 0.99 * self.best else self.epochs_without_gain + 1
        self.best = min(self.best, loss)
        self.log.append(row)
        write_checkpoint(
            self.recipe.out / "last.pt",
            {
                "recipe": to_json_values(self.recipe),
                "epoch": self.epoch,
                "step": self.step,
                "spent": time.monotonic() - self.began,
                "best": self.best,
                "quiet": self.epochs_without_gain,
                "error": row["validation"],
                "log": self.log,
                "network": self.network.state_dict(),
                "mean": self.mean.state_dict(),
                "adam": self.adam.state_dict(),
            },
        )
        self.write_log()

    def write_log(self) -> None:
        """Write log.csv and log.png."""
        write_log(self.recipe.out / "log.csv", self.log)
        plot_log(self.recipe.out / "log.png", self.log)

    @property
    def reason_to_stop(self) -> str:
        """Why the run ends before its target epoch; empty when it goes on."""
        if self.best <= self.recipe.stop_loss:
            return "loss reached"
        if self.recipe.patience and self.epochs_without_gain >= self.recipe.patience:
            return "converged"
        return "time is up" if self.is_out_of_time else ""

    @property
    def is_out_of_time(self) -> bool:
        """Whether the run's minutes are over."""
        minutes = self.recipe.minutes
        return bool(minutes) and time.monotonic() - self.began >= 60 * minutes


def _to_float32(answer: Any) -> Any:
    """A network's answer, a tensor or a named tuple of tensors, ready for exact losses."""
    if isinstance(answer, Tensor):
        return answer.float()
    return type(answer)(*(_to_float32(part) for part in answer))


def _load_start(network: nn.Module, task: TrainingTask, start: str, encoder: str) -> None:
    """Fill a network from `start`: a checkpoint, an .onnx file or a shipped network.

    Raises InputError for a start none of whose weights fit.
    """
    if start in NETWORKS or start.lower().endswith(".onnx"):
        weights = read_exported_network(task, start, encoder)[0].state_dict()
    else:
        weights = read_checkpoint(Path(start))["mean"]
    if not _copy_fitting(network, weights):
        raise InputError(
            f"{label(start)}: none of its weights fit the {task.name} network; give another --start"
        )


def _copy_fitting(network: nn.Module, values: dict[str, Tensor]) -> int:
    """Copy the tensors whose names and shapes agree, the others stay; how many were copied."""
    own = network.state_dict()
    fitting = {k: v for k, v in values.items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
    return sum(value.dim() > 0 for value in fitting.values())  # counters fit everywhere
