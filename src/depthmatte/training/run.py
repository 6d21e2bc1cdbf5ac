"""A run in progress: network, running average, optimizer, and how far it got.

It knows nothing of files. `Run.state` holds all that decides the steps to come, so that a run that
goes on from it computes what an unbroken run computes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..networks.registry import network_entry
from ..option_fields import to_json_values
from ..system.printable_text import label, printable_excerpt
from .checkpoint import read_checkpoint
from .distributed.workers import Workers
from .exported_weights import freeze_folded_norms, read_exported_network, read_task
from .networks.encoders import load_imagenet_weights
from .recipe import Recipe
from .reporting.log import LogRow
from .schedule import Schedule
from .tasks.registry import TRAINING_TASKS
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
    return torch.optim.Adam(groups, weight_decay=0.0)


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


def compile_network(network: nn.Module) -> Callable[[Tensor], Any]:
    """The network as `torch.compile` makes it at its first call, which takes a while.

    It shares the weights of `network`. Its first call raises InputError where it cannot be
    compiled here.
    """
    from torch._dynamo.exc import TorchDynamoException

    compiled = torch.compile(network, dynamic=False)  # the canvas has two shapes

    def answer(image: Tensor) -> Any:
        try:
            return compiled(image)
        except TorchDynamoException as error:
            raise InputError(
                f"--compile: does not work here ({printable_excerpt(error, 80)}); "
                "install a C++ compiler, or leave it out"
            ) from error

    return answer


def make_start_network(recipe: Recipe, task: TrainingTask) -> nn.Module:
    """The network that a run begins with: from `start`, from ImageNet weights, or from chance.

    Raises InputError for a `start` none of whose weights fit.
    """
    torch.manual_seed(recipe.seed)
    network = task.network(recipe.encoder)
    if recipe.start:
        _load_start(network, task, recipe.start, recipe.encoder)
    elif task.pretrained and recipe.imagenet and recipe.encoder == "lite0":
        load_imagenet_weights(network.get_submodule("encoder"))  # type: ignore[arg-type]
    return network


class MeanTerms:
    """Means of the loss and its terms over some steps, summed on the device."""

    def __init__(self, sums: dict[str, Tensor] | None = None, count: int = 0) -> None:
        self.sums = sums or {}
        self.count = count

    def add(self, terms: dict[str, Tensor]) -> None:
        """Count one step."""
        for name, term in terms.items():
            self.sums[name] = self.sums[name] + term if name in self.sums else term
        self.count += 1

    def take(self) -> dict[str, float]:
        """The means, none without steps; begins anew."""
        means = {name: term.item() / self.count for name, term in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


@dataclass
class Run:
    """A run in progress: the network, its running average, the optimizer, how far it got.

    Attributes
    ----------
    step : int
        Steps done.
    validated : int
        The step of the last validation.
    best_loss, best_error : float
        The least mean loss between validations, and the least validation error.
    validations_without_gain : int
        Validations since the least error.
    log, step_log : list of LogRow
        The rows of log.csv and steps.csv.
    since_validation, since_row : MeanTerms
        Losses since the last row of either.
    finished : str
        Why the run is over; "" while it can go on.
    workers : Workers
        The processes that train together. Only the leader keeps logs and judges progress.
    """

    recipe: Recipe
    task: TrainingTask
    device: torch.device
    network: nn.Module
    mean: nn.Module
    adam: torch.optim.Adam
    step: int = 0
    validated: int = 0
    best_loss: float = math.inf
    best_error: float = math.inf
    validations_without_gain: int = 0
    log: list[LogRow] = field(default_factory=list)
    step_log: list[LogRow] = field(default_factory=list)
    since_validation: MeanTerms = field(default_factory=MeanTerms)
    since_row: MeanTerms = field(default_factory=MeanTerms)
    finished: str = ""
    began: float = field(default_factory=time.monotonic)
    workers: Workers = field(default_factory=Workers)

    def __post_init__(self) -> None:
        self._answer = compile_network(self.network) if self.recipe.compile else self.network

    @classmethod
    def begin(cls, recipe: Recipe, task: TrainingTask) -> Run:
        """A new run; InputError for a `start` none of whose weights fit."""
        network, mean = make_start_network(recipe, task), task.network(recipe.encoder)
        mean.load_state_dict(network.state_dict())
        run = cls._of_networks(recipe, task, network, mean)
        torch.manual_seed(recipe.seed)
        return run

    @classmethod
    def resume(cls, recipe: Recipe, task: TrainingTask, state: dict[str, Any], out: Path) -> Run:
        """Go on where a checkpoint stood; InputError for one of another network.

        Weights come before the optimizer: they decide which norms are frozen.
        """
        for name in ("task", "encoder", "freeze"):
            stored, wanted = state["recipe"].get(name), getattr(recipe, name)
            if stored != wanted:
                raise InputError(
                    f"{label(out)}: its run has {name} {stored}, not {wanted}; "
                    "give the same options or another --out"
                )
        network, mean = task.network(recipe.encoder), task.network(recipe.encoder)
        try:
            network.load_state_dict(state["network"])
            mean.load_state_dict(state["mean"])
            run = cls._of_networks(recipe, task, network, mean)
            rates = [(group["lr"], group["base"]) for group in run.adam.param_groups]
            run.adam.load_state_dict(state["adam"])
            for group, (rate, base) in zip(run.adam.param_groups, rates, strict=True):
                group.update(lr=rate, base=base, weight_decay=recipe.weight_decay)
            run._restore(state)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{label(out)}: its run is of another version of the network; begin a new run with "
                f"--start {label(out)}/last.pt and another --out"
            ) from error
        return run

    @classmethod
    def _of_networks(
        cls, recipe: Recipe, task: TrainingTask, network: nn.Module, mean: nn.Module
    ) -> Run:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # faster on CPUs; 3-D convolutions have no such form
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.to(device)
        mean.to(device)
        run_in_training_mode(network, recipe.freeze)
        return cls(recipe, task, device, network, mean, make_optimizer(network, recipe))

    def state(self) -> dict[str, Any]:
        """Everything that `resume` needs, as plain values and tensors."""
        return {
            "recipe": to_json_values(self.recipe),
            "step": self.step,
            "validated": self.validated,
            "spent": self.seconds,
            "best": self.best_loss,
            "best_error": self.best_error,
            "quiet": self.validations_without_gain,
            "error": self.log[-1]["validation"] if self.log else math.nan,
            "finished": self.finished,
            "log": self.log,
            "step_log": self.step_log,
            "sums": [(one.sums, one.count) for one in (self.since_validation, self.since_row)],
            "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "adam": self.adam.state_dict(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.finished = state["step"], state.get("finished", "")
        self.began = time.monotonic() - state.get("spent", 0.0)
        self.log, self.step_log = list(state["log"]), list(state.get("step_log", []))
        # Before 0.3 a checkpoint was stored after each epoch, and only the loss was judged.
        self.validated = state.get("validated", self.step)
        self.best_loss = state.get("best", math.inf)
        errors = [row["validation"] for row in self.log if "validation" in row]
        self.best_error = state.get("best_error", min(errors, default=math.inf))
        self.validations_without_gain = state["quiet"] if "best_error" in state else 0
        self.since_validation, self.since_row = (
            MeanTerms({name: term.to(self.device) for name, term in sums.items()}, count)
            for sums, count in state.get("sums", [({}, 0), ({}, 0)])
        )
        if "random" in state:
            cpu, *gpus = state["random"]
            torch.set_rng_state(cpu)
            if len(gpus) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(gpus)

    @property
    def seconds(self) -> float:
        """Time spent on the run, earlier parts included."""
        return time.monotonic() - self.began

    def train_step(self, batch: dict[str, Tensor], rate: float) -> None:
        """One step of the optimizer on one batch, at `rate` times the base learning rates."""
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * rate
        moved = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        image = moved["image"].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            answer = self._answer(image)
        with self.workers.joining_counts():
            terms = self.task.loss(_to_float32(answer), moved)
        loss = torch.stack(list(terms.values())).sum()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        told = {name: term.detach() for name, term in {"loss": loss, **terms}.items()}
        told = self.workers.average_step(self.network, told)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.adam.step()
        self.step += 1
        # A young average must forget its start quickly.
        young = (1 + self.step) / (10 + self.step)
        update_average(self.mean, self.network, min(self.recipe.ema_decay, young))
        self.since_validation.add(told)
        self.since_row.add(told)

    def log_steps(self, schedule: Schedule) -> LogRow:
        """Add a row to the step log; InputError where the loss is not finite any more."""
        row: LogRow = {
            "epoch": schedule.epoch_of(self.step),
            "step": self.step,
            "rate": self.adam.param_groups[0]["lr"],
            **self.since_row.take(),
            "seconds": round(self.seconds, 1),
        }
        if not math.isfinite(row["loss"]):
            raise InputError(
                f"--learning-rate {self.recipe.learning_rate:g}: the loss is {row['loss']} at step "
                f"{self.step}; give a lower rate, or check the data"
            )
        self.step_log.append(row)
        return row

    def record_validation(self, error: float, schedule: Schedule) -> bool:
        """Add a row to the log and judge progress; whether the error is the least so far."""
        before = sum(row["seconds"] for row in self.log)
        row: LogRow = {"epoch": schedule.epoch_of(self.step), "step": self.step}
        row |= self.since_validation.take()
        row |= {"validation": error, "seconds": round(self.seconds - before, 1)}
        self.log.append(row)
        self.validated = self.step
        self.best_loss = min(self.best_loss, row["loss"])
        is_best = error < self.best_error
        self.best_error = min(self.best_error, error)
        self.validations_without_gain = 0 if is_best else self.validations_without_gain + 1
        return is_best

    def reason_to_stop(self, schedule: Schedule) -> str:
        """Why the run is over; "" when it goes on."""
        if self.step >= schedule.steps:
            return "all steps done"
        if self.best_loss <= self.recipe.stop_loss:
            return "loss reached"
        patience = self.recipe.patience
        return "converged" if 0 < patience <= self.validations_without_gain else ""

    @property
    def is_out_of_time(self) -> bool:
        """Whether the run's minutes are over."""
        return 0 < 60 * self.recipe.minutes <= self.seconds


def _to_float32(answer: Any) -> Any:
    """A network's answer, a tensor or a named tuple of tensors, ready for exact losses."""
    if isinstance(answer, Tensor):
        return answer.float()
    return type(answer)(*(_to_float32(part) for part in answer))


def _load_start(network: nn.Module, task: TrainingTask, start: str, encoder: str) -> None:
    """Fill a network from `start`: a checkpoint, an .onnx file or a shipped network.

    Raises InputError for a start none of whose weights fit.
    """
    if network_entry(start) or start.lower().endswith(".onnx"):
        weights = _read_exported_weights(task, start, encoder)
    else:
        weights = read_checkpoint(Path(start))["mean"]
    if not _copy_fitting(network, weights):
        raise InputError(
            f"{label(start)}: none of its weights fit the {task.name} network; give another --start"
        )


def _read_exported_weights(task: TrainingTask, start: str, encoder: str) -> dict[str, Tensor]:
    """The weights of an .onnx file; of a network whose encoder fits, those of the encoder."""
    other = TRAINING_TASKS.get(task.encoder_of)
    if other is None or read_task(start) != other.name:
        return read_exported_network(task, start, encoder)[0].state_dict()
    weights = read_exported_network(other, start, encoder)[0].state_dict()
    return {name: value for name, value in weights.items() if name.startswith("encoder.")}


def _copy_fitting(network: nn.Module, values: dict[str, Tensor]) -> int:
    """Copy the tensors whose names and shapes agree, the others stay; how many were copied."""
    own = network.state_dict()
    fitting = {k: v for k, v in values.items() if k in own and own[k].shape == v.shape}
    network.load_state_dict(fitting, strict=False)
    return sum(value.dim() > 0 for value in fitting.values())  # counters fit everywhere
