"""Processes that work beside this one, and what happens when one of them dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Generic

from ...errors import DepthmatteError, InputError
from ...system.text import label
from ..signals import StopSignal, raise_on_stop_signals
from ..task_outcome import (
    ResultT,
    TaskFunctionFactory,
    TaskOutcome,
    TaskT,
    format_task_error,
    make_task_function,
    run_task,
)

_STOP_TIMEOUT_S = 10.0
"""Seconds a worker has to put its draft away when it is told to stop."""


class _WorkerProcess:
    """A process, the way to it, and the index of the task it does."""

    def __init__(self, make: bytes, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far = context.Pipe()
        self.process = context.Process(target=_worker_main, args=(far, make, threads), daemon=True)
        try:
            self.process.start()
        finally:
            far.close()
        self.is_ready = False
        self.index: int | None = None

    def send_task(self, index: int, name: str, task: Any) -> bool:
        """Send a task; False where the worker is gone."""
        self.index = index
        try:
            self.connection.send((index, name, task))
        except OSError:
            return False
        return True


class WorkerPool(Generic[TaskT, ResultT]):
    """Workers and what is left to do."""

    def __init__(
        self,
        tasks: Sequence[TaskT],
        make: TaskFunctionFactory[TaskT, ResultT],
        jobs: int,
        threads: int,
        name: Callable[[TaskT], str],
    ) -> None:
        self.tasks, self.threads, self.name = tasks, threads, name
        self.make = pickle.dumps(make)
        self.waiting_indices = deque(range(len(tasks)))
        self.workers: list[_WorkerProcess] = []
        self.jobs = jobs
        self.failed_starts = 0

    def outcomes(self) -> Iterator[tuple[int, TaskOutcome[TaskT, ResultT]]]:
        """(index, outcome) as they finish."""
        missing = len(self.tasks)
        while missing:
            while len(self.workers) < min(self.jobs, missing):
                self.workers.append(_WorkerProcess(self.make, self.threads))
            by_end = {
                end: one for one in self.workers for end in (one.connection, one.process.sentinel)
            }
            heard = dict.fromkeys(by_end[end] for end in wait(list(by_end)))  # type: ignore[index]
            for worker in heard:
                finished = self._receive(worker)
                if finished is not None:
                    missing -= 1
                    yield finished

    def _receive(self, worker: _WorkerProcess) -> tuple[int, TaskOutcome[TaskT, ResultT]] | None:
        """What a worker says; its death counts as an answer."""
        try:
            what, *about = worker.connection.recv()
        except (EOFError, OSError):
            return self._remove_dead_worker(worker)
        if what == "failed":
            raise about[0]
        finished = None
        if what == "done":
            index, result, error = about
            finished = index, TaskOutcome[TaskT, ResultT](self.tasks[index], result, error)
        worker.is_ready, worker.index = True, None
        if self.waiting_indices:
            index = self.waiting_indices.popleft()
            task = self.tasks[index]
            worker.send_task(
                index, self.name(task), task
            )  # where it is gone, its end is heard next
        return finished

    def _remove_dead_worker(
        self, worker: _WorkerProcess
    ) -> tuple[int, TaskOutcome[TaskT, ResultT]] | None:
        """A worker that died: the photo it had is lost, the next worker takes the next one."""
        worker.process.join(_STOP_TIMEOUT_S)
        worker.connection.close()
        self.workers.remove(worker)
        if worker.index is None:
            self.failed_starts += not worker.is_ready
            if self.failed_starts > self.jobs:
                raise InputError(
                    f"the processes that cut photos cannot be started ({_describe_exit(worker.process)}); "
                    "use --jobs 1"
                )
            return None
        task = self.tasks[worker.index]
        return worker.index, TaskOutcome(
            task,
            error=f"{label(self.name(task))}: the process that cut it {_describe_exit(worker.process)}; "
            "use --jobs 1 or scale it down",
        )

    def stop(self) -> None:
        """End every worker: at once where it waits, after its draft is put away where it works."""
        for worker in self.workers:
            if worker.is_ready and worker.index is None:
                worker.connection.close()  # it waits for a task and ends
            elif worker.process.is_alive():
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join(_STOP_TIMEOUT_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(_STOP_TIMEOUT_S)
            worker.connection.close()
        self.workers = []


def _describe_exit(process: Any) -> str:
    """How a process ended."""
    code = process.exitcode
    if code is not None and -code == getattr(signal, "SIGKILL", 9):
        return "was killed, probably because memory ran out"
    if code is not None and code < 0:
        return f"crashed (signal {-code})"
    return f"ended with status {code}"


def _worker_main(line: Connection, make: bytes, threads: int) -> None:
    """A worker's life: load, then do what comes until nothing more does."""
    # Ctrl-C reaches the whole group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(StopSignal, BrokenPipeError, EOFError), raise_on_stop_signals(), line:
        try:
            work = make_task_function(pickle.loads(make), threads)
        except DepthmatteError as error:
            line.send(("failed", error))
            return
        line.send(("ready",))
        while True:
            index, name, task = line.recv()
            outcome = run_task(work, task, name, parallel=True)
            try:
                line.send(("done", index, outcome.result, outcome.error))
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                line.send(("done", index, None, format_task_error(name, error)))
