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

from ..errors import DepthmatteError, InputError
from ..text import label
from .outcome import Make, Outcome, R, T, attempt, made, problem
from .stopping import Stopped, stoppable

_GRACE = 10.0
"""Seconds a worker has to put its draft away when it is told to stop."""


class Worker:
    """A process, the way to it, and the index of the task it does."""

    def __init__(self, make: bytes, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, make, threads), daemon=True)
        try:
            self.process.start()
        finally:
            far.close()
        self.ready = False
        self.index: int | None = None

    def give(self, index: int, name: str, task: Any) -> bool:
        """Send a task; False where the worker is gone."""
        self.index = index
        try:
            self.line.send((index, name, task))
        except OSError:
            return False
        return True


class Pool(Generic[T, R]):
    """Workers and what is left to do."""

    def __init__(
        self,
        tasks: Sequence[T],
        make: Make[T, R],
        jobs: int,
        threads: int,
        name: Callable[[T], str],
    ) -> None:
        self.tasks, self.threads, self.name = tasks, threads, name
        self.make = pickle.dumps(make)
        self.left = deque(range(len(tasks)))
        self.workers: list[Worker] = []
        self.jobs = jobs
        self.stillborn = 0

    def outcomes(self) -> Iterator[tuple[int, Outcome[T, R]]]:
        """(index, outcome) as they finish."""
        missing = len(self.tasks)
        while missing:
            while len(self.workers) < min(self.jobs, missing):
                self.workers.append(Worker(self.make, self.threads))
            by_end = {end: one for one in self.workers for end in (one.line, one.process.sentinel)}
            heard = dict.fromkeys(by_end[end] for end in wait(list(by_end)))  # type: ignore[index]
            for worker in heard:
                finished = self._hear(worker)
                if finished is not None:
                    missing -= 1
                    yield finished

    def _hear(self, worker: Worker) -> tuple[int, Outcome[T, R]] | None:
        """What a worker says; its death counts as an answer."""
        try:
            what, *about = worker.line.recv()
        except (EOFError, OSError):
            return self._buried(worker)
        if what == "failed":
            raise about[0]
        finished = None
        if what == "done":
            index, result, error = about
            finished = index, Outcome[T, R](self.tasks[index], result, error)
        worker.ready, worker.index = True, None
        if self.left:
            index = self.left.popleft()
            task = self.tasks[index]
            worker.give(index, self.name(task), task)  # where it is gone, its end is heard next
        return finished

    def _buried(self, worker: Worker) -> tuple[int, Outcome[T, R]] | None:
        """A worker that died: the photo it had is lost, the next worker takes the next one."""
        worker.process.join(_GRACE)
        worker.line.close()
        self.workers.remove(worker)
        if worker.index is None:
            self.stillborn += not worker.ready
            if self.stillborn > self.jobs:
                raise InputError(
                    f"the processes that cut photos cannot be started ({_end(worker.process)}); "
                    "use --jobs 1"
                )
            return None
        task = self.tasks[worker.index]
        return worker.index, Outcome(
            task,
            error=f"{label(self.name(task))}: the process that cut it {_end(worker.process)}; "
            "use --jobs 1 or scale it down",
        )

    def stop(self) -> None:
        """End every worker: at once where it waits, after its draft is put away where it works."""
        for worker in self.workers:
            if worker.ready and worker.index is None:
                worker.line.close()  # it waits for a task and ends
            elif worker.process.is_alive():
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join(_GRACE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join(_GRACE)
            worker.line.close()
        self.workers = []


def _end(process: Any) -> str:
    """How a process ended."""
    code = process.exitcode
    if code is not None and -code == getattr(signal, "SIGKILL", 9):
        return "was killed, probably because memory ran out"
    if code is not None and code < 0:
        return f"crashed (signal {-code})"
    return f"ended with status {code}"


def _serve(line: Connection, make: bytes, threads: int) -> None:
    """A worker's life: load, then do what comes until nothing more does."""
    # Ctrl-C reaches the whole group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(Stopped, BrokenPipeError, EOFError), stoppable(), line:
        try:
            work = made(pickle.loads(make), threads)
        except DepthmatteError as error:
            line.send(("failed", error))
            return
        line.send(("ready",))
        while True:
            index, name, task = line.recv()
            outcome = attempt(work, task, name, crowded=True)
            try:
                line.send(("done", index, outcome.result, outcome.error))
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                line.send(("done", index, None, problem(name, error)))
