"""Run many tasks on the actors of Ray: one for each core or GPU of a cluster.

Each actor loads the networks once and does one task at a time. The process that started them keeps
the record. When an actor is lost with its machine, its task is given to another actor once; the
second time the task fails.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

from ...errors import DepthmatteError, InputError
from ...system.printable_text import label, printable_excerpt
from ...system.ray_session import ray_session, worker_needs
from .task_outcome import (
    ResultT,
    TaskFunctionFactory,
    TaskOutcome,
    TaskT,
    make_task_function,
    run_task,
)

_TRIES = 2
"""How many actors may be lost to one task."""


class _Cutter:
    """An actor: loads what all tasks need, then does them one by one."""

    def __init__(self, make: bytes, threads: int | None, place: str) -> None:
        self._make, self._threads = make, threads
        self._work: Callable[[Any], Any] | None = None
        with contextlib.suppress(OSError):  # paths are relative to where the command was given
            os.chdir(place)

    def load(self) -> DepthmatteError | None:
        """Load the networks; return the error that keeps all tasks from being done."""
        try:
            self._work = make_task_function(pickle.loads(self._make), self._threads)
        except DepthmatteError as error:
            return error
        return None

    def run(self, task: bytes, name: str) -> tuple[Any, str | None]:
        """Do one task; return its result and its error."""
        assert self._work is not None
        outcome: TaskOutcome[Any, Any] = run_task(self._work, pickle.loads(task), name, True)
        return outcome.result, outcome.error


def run_tasks_on_ray(
    tasks: Sequence[TaskT],
    make_function: TaskFunctionFactory[TaskT, ResultT],
    address: str,
    actors: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    on_finish: Callable[[TaskOutcome[TaskT, ResultT]], None] = lambda _: None,
    task_name: Callable[[TaskT], str] = str,
) -> Generator[TaskOutcome[TaskT, ResultT], None, None]:
    """Run all tasks on Ray and yield their outcomes in order, each as soon as possible.

    Parameters
    ----------
    tasks : sequence
        The tasks, picklable.
    make_function : callable
        As for `run_tasks`. It must be picklable, and depthmatte must be installed on each node.
    address : str
        As `ray_session` takes it.
    actors : int, optional
        Number of actors. By default one for each core, or each GPU, of the cluster. More than
        that share them.
    threads : int, optional
        CPU threads and cores of each actor, by default 1.
    device : str
        The option `device` of the session. With a CUDA or ROCm device each actor gets one GPU.
    on_finish : callable
        Called in this process with each outcome at once, in the order of finishing.
    task_name : callable
        Task -> name in error messages.

    Yields
    ------
    TaskOutcome
        One for every task.

    Raises
    ------
    DepthmatteError
        When `make_function` fails, so that no task can be done.
    InputError
        When Ray cannot be reached, or has no room for one actor.
    MissingExtra
        When Ray is not installed.
    """
    if not tasks:
        return
    threads = threads or 1
    with ray_session("--ray", address, actors * threads if actors else None) as ray:
        needs, room = worker_needs(ray, f"--ray {label(address)}", device, threads)
        if actors and actors > room:  # they share cores or GPUs, to hide waiting
            needs = {
                name: math.floor(1000 * each * room / actors) / 1000 for name, each in needs.items()
            }
            room = actors
        fleet = _Fleet(ray, needs, make_function, threads, min(actors or room, room, len(tasks)))
        waiting: dict[int, TaskOutcome[TaskT, ResultT]] = {}
        next_index = 0
        try:
            for index, result, error in fleet.run(tasks, task_name):
                outcome = TaskOutcome(tasks[index], result, error)
                on_finish(outcome)
                waiting[index] = outcome
                while next_index in waiting:
                    yield waiting.pop(next_index)
                    next_index += 1
        finally:
            fleet.stop()


class _Fleet:
    """The actors, and which task each has."""

    def __init__(
        self, ray: Any, needs: dict[str, float], make: Any, threads: int, count: int
    ) -> None:
        self.ray, self.count = ray, count
        self._kind = ray.remote(max_restarts=0, **needs)(_Cutter)
        self._given = pickle.dumps(make), threads, os.getcwd()
        self._busy: dict[Any, tuple[Any, int | None]] = {}
        self._failed_starts = 0

    def run(
        self, tasks: Sequence[Any], name: Callable[[Any], str]
    ) -> Generator[tuple[int, Any, str | None], None, None]:
        """Yield (index, result, error) of each task in the order of finishing."""
        queue, tries, missing = deque(range(len(tasks))), [0] * len(tasks), len(tasks)
        while missing:
            while len(self._busy) < min(self.count, missing):
                actor = self._kind.remote(*self._given)
                self._busy[actor.load.remote()] = actor, None
            (done,), _ = self.ray.wait(list(self._busy), num_returns=1)
            actor, index = self._busy.pop(done)
            try:
                answer = self.ray.get(done)
            except self.ray.exceptions.RayError as error:
                if index is None:
                    self._failed_starts += 1
                    if self._failed_starts > self.count:
                        raise InputError(
                            f"--ray: workers cannot be started ({printable_excerpt(error)}); "
                            "install the same depthmatte on each node"
                        ) from error
                    continue
                tries[index] += 1
                if tries[index] < _TRIES:
                    queue.appendleft(index)
                    continue
                missing -= 1
                shown = label(name(tasks[index]))
                yield (
                    index,
                    None,
                    (
                        f"{shown}: the workers that cut it were lost "
                        f"({type(error).__name__}); check their memory, or scale it down"
                    ),
                )
                continue
            if index is None and answer is not None:
                raise answer
            if queue:
                following = queue.popleft()
                task = tasks[following]
                self._busy[actor.run.remote(pickle.dumps(task), name(task))] = actor, following
            else:
                self.ray.kill(actor)
                self.count -= 1
            if index is not None:
                missing -= 1
                yield index, *answer

    def stop(self) -> None:
        """Stop all actors."""
        for actor, _ in self._busy.values():
            with contextlib.suppress(Exception):
                self.ray.kill(actor)
        self._busy = {}
