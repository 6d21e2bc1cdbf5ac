"""A pool of worker processes that survives the end of single workers."""

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
from ...system.printable_text import label
from ...system.process_exit import flush_and_exit
from ...system.stop_signals import StopSignal, raise_on_stop_signals
from .task_outcome import (
    ResultT,
    TaskFunctionFactory,
    TaskOutcome,
    TaskT,
    format_task_error,
    make_task_function,
    run_task,
)

_STOP_TIMEOUT_S = 10.0
"""Seconds that a worker may take to remove its unfinished files when it is stopped."""


class _WorkerProcess:
    """A worker process, its connection, and the index of its current task."""

    def __init__(self, make: bytes, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far = context.Pipe()
        self.process = context.Process(target=_run_worker, args=(far, make, threads), daemon=True)
        try:
            self.process.start()
        finally:
            far.close()
        self.is_ready = False
        self.index: int | None = None

    def send_task(self, index: int, name: str, task: Any) -> bool:
        """Send a task; return False when the worker has ended."""
        self.index = index
        try:
            self.connection.send((index, name, task))
        except OSError:
            return False
        return True


class WorkerPool(Generic[TaskT, ResultT]):
    """Worker processes and the tasks that wait for them.

    Parameters
    ----------
    tasks : sequence
        The tasks, picklable.
    make : callable
        Number of CPU threads -> function that does one task, picklable.
    jobs : int
        Largest number of worker processes.
    threads : int
        CPU threads of each worker.
    name : callable
        Task -> name in error messages.
    """

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
        """Yield (index of the task, outcome) in the order of finishing."""
        missing = len(self.tasks)
        while missing:
            while len(self.workers) < min(self.jobs, missing):
                self.workers.append(_WorkerProcess(self.make, self.threads))
            by_end = {
                end: one for one in self.workers for end in (one.connection, one.process.sentinel)
            }
            ready = dict.fromkeys(by_end[end] for end in wait(list(by_end)))  # type: ignore[index]
            for worker in ready:
                finished = self._receive(worker)
                if finished is not None:
                    missing -= 1
                    yield finished

    def _receive(self, worker: _WorkerProcess) -> tuple[int, TaskOutcome[TaskT, ResultT]] | None:
        """Receive a message of a worker and send it the next task."""
        try:
            status, *content = worker.connection.recv()
        except (EOFError, OSError):
            return self._remove_dead_worker(worker)
        if status == "failed":
            raise content[0]
        finished = None
        if status == "done":
            index, result, error = content
            finished = index, TaskOutcome[TaskT, ResultT](self.tasks[index], result, error)
        worker.is_ready, worker.index = True, None
        if self.waiting_indices:
            index = self.waiting_indices.popleft()
            task = self.tasks[index]
            worker.send_task(index, self.name(task), task)  # `wait` reports a worker that ended
        return finished

    def _remove_dead_worker(
        self, worker: _WorkerProcess
    ) -> tuple[int, TaskOutcome[TaskT, ResultT]] | None:
        """Remove a worker that ended and return the failed outcome of its task, if any."""
        worker.process.join(_STOP_TIMEOUT_S)
        worker.connection.close()
        self.workers.remove(worker)
        if worker.index is None:
            self.failed_starts += not worker.is_ready
            if self.failed_starts > self.jobs:
                raise InputError(
                    "the processes that cut photos cannot be started "
                    f"({_describe_exit(worker.process)}); use --jobs 1"
                )
            return None
        task = self.tasks[worker.index]
        return worker.index, TaskOutcome(
            task,
            error=f"{label(self.name(task))}: the process that cut it "
            f"{_describe_exit(worker.process)}; use --jobs 1 or scale it down",
        )

    def stop(self) -> None:
        """Stop every worker: idle ones at once, busy ones after they remove unfinished files."""
        for worker in self.workers:
            if worker.is_ready and worker.index is None:
                worker.connection.close()  # an idle worker ends when its connection closes
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
    """Describe how a process ended."""
    code = process.exitcode
    if code is not None and -code == getattr(signal, "SIGKILL", 9):
        return "was killed, probably because memory ran out"
    if code is not None and code < 0:
        return f"crashed (signal {-code})"
    return f"ended with status {code}"


def _run_worker(line: Connection, make: bytes, threads: int) -> None:
    """Run a worker, then end its process at once.

    Python would take down threads of native libraries in an order that they do not all bear:
    now and then one of them aborted with a message on stderr.
    """
    _worker_main(line, make, threads)
    flush_and_exit(0)


def _worker_main(line: Connection, make: bytes, threads: int) -> None:
    """Load the networks, then do tasks until the connection closes."""
    # Ctrl-C reaches all processes of the group. The parent stops its workers itself.
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
