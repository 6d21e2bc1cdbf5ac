"""Many photos on all cores: one photo's trouble costs that photo, and a stop leaves nothing behind.

Each worker is a process of its own, so that one that is killed, out of memory or by a crash
inside a decoder, takes a single photo with it. Processes are also faster than threads that share
the networks: much of a cut holds the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from ...system.cores import threads_per_worker
from ..task_outcome import (
    ResultT,
    TaskFunctionFactory,
    TaskOutcome,
    TaskT,
    make_task_function,
    run_task,
)


def run_tasks(
    tasks: Sequence[TaskT],
    make_function: TaskFunctionFactory[TaskT, ResultT],
    jobs: int = 1,
    threads: int | None = None,
    on_finish: Callable[[TaskOutcome[TaskT, ResultT]], None] = lambda _: None,
    task_name: Callable[[TaskT], str] = str,
) -> Generator[TaskOutcome[TaskT, ResultT], None, None]:
    """Do all tasks and give their outcomes in the order of the tasks, each as soon as it can be.

    Parameters
    ----------
    tasks
        What is to be done. With several jobs each must be picklable.
    make
        Gives the function that does one task; called once in each process with the number of
        CPU threads it may use. With several jobs it must be picklable: a function at the top
        of a module, or `functools.partial` of one.
    jobs
        1 works in this process; more start as many processes.
    threads
        CPU threads of each worker; by default the processes share the cores out.
    on_finish
        Hears of each outcome at once, in whatever order tasks finish, in this process.
    name
        How a task is called in an error.

    Yields
    ------
    Outcome
        One for every task. Whatever one task raises, and the death of the process that does
        it, is the error of this task alone.

    Raises
    ------
    DepthmatteError
        Where `make` fails: no task can be done.

    Notes
    -----
    Close it (`contextlib.closing`) where the loop over it may end early: then no process is
    left.
    """
    if jobs == 1 or len(tasks) < 2:
        yield from _run_in_this_process(tasks, make_function, threads, on_finish, task_name)
        return
    threads = threads_per_worker(jobs) if threads is None else threads
    waiting: dict[int, TaskOutcome[TaskT, ResultT]] = {}
    following = 0
    # Here, not above: one photo alone needs no processes.
    from .workers import WorkerPool

    pool = WorkerPool(tasks, make_function, jobs, threads, task_name)
    try:
        for index, outcome in pool.outcomes():
            on_finish(outcome)
            waiting[index] = outcome
            while following in waiting:
                yield waiting.pop(following)
                following += 1
    finally:
        pool.stop()


def _run_in_this_process(
    tasks: Sequence[TaskT],
    make: TaskFunctionFactory[TaskT, ResultT],
    threads: int | None,
    on_finish: Callable[[TaskOutcome[TaskT, ResultT]], None],
    name: Callable[[TaskT], str],
) -> Iterator[TaskOutcome[TaskT, ResultT]]:
    work = make_task_function(make, threads) if tasks else None
    for task in tasks:
        assert work is not None
        outcome = run_task(work, task, name(task))
        on_finish(outcome)
        yield outcome
