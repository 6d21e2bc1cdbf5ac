"""Run many tasks in worker processes; an error of one task does not stop the others.

When a worker crashes or is killed, only its photo fails. Processes are also faster than
threads here, because much of a cut holds the global interpreter lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from ...system.cpu_count import threads_per_worker
from .task_outcome import (
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
    """Run all tasks and yield their outcomes in order, each as soon as possible.

    Parameters
    ----------
    tasks : sequence
        The tasks. With several jobs they must be picklable.
    make_function : callable
        Number of CPU threads -> function that does one task. It is called once in each
        process. With several jobs it must be picklable.
    jobs : int
        Number of worker processes. 1 works in this process.
    threads : int, optional
        CPU threads of each worker. By default the workers share the cores.
    on_finish : callable
        Called in this process with each outcome at once, in the order of finishing.
    task_name : callable
        Task -> name in error messages.

    Yields
    ------
    TaskOutcome
        One for every task. An exception, or the end of the worker process, is the error of
        this task only.

    Raises
    ------
    DepthmatteError
        When `make_function` fails, so that no task can be done.

    Notes
    -----
    Use `contextlib.closing` when the loop may end early, so that all processes are stopped.
    """
    if jobs == 1 or len(tasks) < 2:
        yield from _run_in_this_process(tasks, make_function, threads, on_finish, task_name)
        return
    threads = threads_per_worker(jobs) if threads is None else threads
    waiting: dict[int, TaskOutcome[TaskT, ResultT]] = {}
    next_index = 0
    # Imported late, because a single photo needs no processes.
    from .pool import WorkerPool

    pool = WorkerPool(tasks, make_function, jobs, threads, task_name)
    try:
        for index, outcome in pool.outcomes():
            on_finish(outcome)
            waiting[index] = outcome
            while next_index in waiting:
                yield waiting.pop(next_index)
                next_index += 1
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
