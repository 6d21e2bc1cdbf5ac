"""Several processes that train one network together. With one process nothing here does anything.

Every worker has the whole network and learns from its part of each batch. After the backward pass
the gradients are averaged, so that all take the same step. Counts that a loss divides by are those
of the whole batch (`joined_count`). So the averaged gradients are those of one worker with the
whole batch, but for batch norm, whose statistics are those of a part. They are averaged too, and
all workers stay equal. The leader, worker 0, validates, writes and reports.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...errors import DepthmatteError, InputError
from ...system.printable_text import printable_excerpt
from .launch import launched_count, launched_local_rank

_PATIENCE = timedelta(hours=6)
"""How long workers wait for each other: the others wait while the leader validates."""

_T = TypeVar("_T")


class OtherWorkerFailed(DepthmatteError):
    """Another worker cannot go on. It tells why; this one only ends."""


@dataclass(frozen=True)
class Workers:
    """The processes that train together, seen from one of them.

    Attributes
    ----------
    rank : int
        The number of this worker, from 0.
    count : int
        How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_leader(self) -> bool:
        """Whether this is the worker that validates, writes and reports."""
        return self.rank == 0

    def lead(self, work: Callable[[], _T]) -> _T:
        """Let the leader work; all get its result, a plain value or tensors on the CPU.

        Raises
        ------
        DepthmatteError
            The leader's error in the leader, and OtherWorkerFailed in the others.
        """
        if self.count == 1:
            return work()
        held: list[Any] = [None]

        def work_as_leader() -> None:
            if self.is_leader:
                held[0] = work()

        self.together(work_as_leader)
        dist.broadcast_object_list(held, 0, device=torch.device("cpu"))
        return held[0]  # type: ignore[no-any-return]

    def together(self, work: Callable[[], _T]) -> _T:
        """Let every worker work; all end where one cannot, and the first of these tells why.

        Raises
        ------
        DepthmatteError
            The error of the first worker that failed in that worker, OtherWorkerFailed in others.
        """
        if self.count == 1:
            return work()
        error: DepthmatteError | None = None
        try:
            result = work()
        except DepthmatteError as raised:
            error = raised
        failed = torch.full((), self.count if error is None else self.rank)
        dist.all_reduce(failed, dist.ReduceOp.MIN)
        if int(failed) == self.count:
            return result
        if error is not None and int(failed) == self.rank:
            raise error
        raise OtherWorkerFailed(f"worker {int(failed)} cannot go on; see its message") from error

    def any(self, flag: bool) -> bool:
        """Whether it is so in any worker. All get the same answer."""
        if self.count == 1:
            return flag
        told = torch.tensor(int(flag))
        dist.all_reduce(told, dist.ReduceOp.MAX)
        return bool(told)

    @torch.no_grad()
    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the workers. All get the same values."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.count

    @torch.no_grad()
    def average_step(self, network: nn.Module, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Average the gradients and batch statistics of a network over the workers, in place.

        Parameters
        ----------
        network : torch.nn.Module
            The network after the backward pass. A parameter without a gradient counts as zero,
            unless no worker has one.
        terms : mapping of str to Tensor
            Numbers of the step: tensors without dimensions.

        Returns
        -------
        dict of str to Tensor
            The means of the numbers.
        """
        if self.count == 1:
            return dict(terms)
        learning = [value for value in network.parameters() if value.requires_grad]
        has = [value.grad is not None for value in learning]
        for value in learning:
            if value.grad is None:
                value.grad = torch.zeros_like(value)
        gradients = [value.grad for value in learning if value.grad is not None]
        statistics = [value for value in network.buffers() if value.dtype.is_floating_point]
        counted = torch.tensor(has, dtype=torch.float32, device=gradients[0].device)
        parts = [*gradients, *statistics, counted, *terms.values()]
        # One message for all: hundreds of small ones take longer than one step of a small network.
        flat = self.mean(torch.cat([part.reshape(-1).float() for part in parts]))
        means = torch.split(flat, [part.numel() for part in parts])
        for part, values in zip(parts[: -len(terms)], means, strict=False):
            part.copy_(values.view_as(part))
        for value, share in zip(learning, counted.tolist(), strict=True):
            if not share:
                value.grad = None
        last = means[len(means) - len(terms) :]
        return {name: one.reshape(()) for name, one in zip(terms, last, strict=True)}

    @torch.no_grad()
    def share_weights(self, *networks: nn.Module) -> None:
        """Give all workers the leader's weights, so that they begin as equals."""
        if self.count > 1:
            for network in networks:
                for value in network.state_dict().values():
                    held = value.contiguous()
                    dist.broadcast(held, 0)
                    value.copy_(held)

    @contextmanager
    def joining_counts(self) -> Iterator[None]:
        """Let `joined_count` count over all workers inside the `with` block."""
        token = _counting.set(self)
        try:
            yield
        finally:
            _counting.reset(token)


_counting: ContextVar[Workers] = ContextVar("_counting", default=Workers())  # noqa: B039  it is frozen


def joined_count(count: Tensor) -> Tensor:
    """What a sum over this worker's part of the batch is divided by, to be averaged over workers.

    With one worker it is the count itself, and at least 1. With several it is the mean of their
    counts: the average of the quotients is then the sum over all parts divided by all counts.
    """
    workers = _counting.get()
    return workers.mean(count).clamp(min=1 / workers.count)


def join_workers() -> Workers:
    """The workers that this process was started with, ready to talk to each other.

    torchrun and Ray Train start several; without them there is one. They talk by gloo, and about
    tensors on a GPU by NCCL.

    Raises
    ------
    InputError
        Where the workers cannot be joined, or share a GPU.
    """
    if dist.is_available() and dist.is_initialized():
        return Workers(dist.get_rank(), dist.get_world_size())
    count = launched_count()
    if count == 1:
        return Workers()
    if torch.cuda.is_available():
        if launched_local_rank() >= torch.cuda.device_count():
            raise InputError(
                f"--nproc-per-node: asks for more workers than GPUs ({torch.cuda.device_count()}); "
                "start one a GPU"
            )
        torch.cuda.set_device(launched_local_rank())
    try:
        dist.init_process_group(choose_backend(), timeout=_PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"WORLD_SIZE {count}: workers cannot be joined ({printable_excerpt(error)}); "
            "start with torchrun"
        ) from error
    atexit.register(_leave)
    return Workers(dist.get_rank(), dist.get_world_size())


def choose_backend() -> str:
    """The names of the libraries by which workers talk, as torch takes them."""
    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
