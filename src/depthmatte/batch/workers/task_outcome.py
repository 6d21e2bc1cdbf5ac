"""Run one task of many: its outcome is a result or a one-line error."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...errors import DepthmatteError, InputError, MissingExtra, WeightsError
from ...system.printable_text import describe_os_error, label, printable_excerpt

TRACEBACK_VARIABLE = "DEPTHMATTE_TRACEBACK"
"""Environment variable that prints the traceback of unexpected errors."""

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_TaskFunction = Callable[[TaskT], ResultT]
"""Task -> result."""

TaskFunctionFactory = Callable[[int | None], _TaskFunction[TaskT, ResultT]]
"""Number of CPU threads (None for all) -> task function. It is called once in each process and
loads what all tasks need."""


@dataclass(frozen=True)
class TaskOutcome(Generic[TaskT, ResultT]):
    """The outcome of a task: `result`, or `error` as one line that names the file."""

    task: TaskT
    result: ResultT | None = None
    error: str | None = None


def make_task_function(
    make_function: TaskFunctionFactory[TaskT, ResultT], threads: int | None
) -> _TaskFunction[TaskT, ResultT]:
    """Call the factory; every error becomes a DepthmatteError that can be pickled."""
    try:
        return make_function(threads)
    except (InputError, WeightsError):
        raise
    except DepthmatteError as error:
        raise DepthmatteError(str(error)) from error
    except Exception as error:  # no task can be done
        raise DepthmatteError(format_task_error("the networks", error)) from error


def run_task(
    function: _TaskFunction[TaskT, ResultT], task: TaskT, name: str, parallel: bool = False
) -> TaskOutcome[TaskT, ResultT]:
    """Run one task; an exception becomes the error of its outcome, which names `name`."""
    try:
        return TaskOutcome(task, function(task))
    except Exception as error:  # an error of one photo must not stop the others
        return TaskOutcome(task, error=format_task_error(name, error, parallel))


def format_task_error(name: str, error: Exception, parallel: bool = False) -> str:
    """Format an error as one line that names the file and a remedy.

    `parallel` says whether other worker processes run, which then also share the memory.
    """
    shown = label(name)
    if isinstance(error, DepthmatteError):
        text = str(error)
        needs_name = isinstance(error, MissingExtra | WeightsError) and shown not in text
        return f"{shown}: {text}" if needs_name else text
    if isinstance(error, MemoryError):
        return f"{shown}: does not fit in memory; scale it down{' or use --jobs 1' * parallel}"
    if isinstance(error, OSError) and error.strerror:
        return format_os_error(error, name)
    return (
        f"{shown}: failed ({format_unexpected_error(error)}); "
        "export it as PNG and try again, or report this"
    )


def format_os_error(error: OSError, name: str) -> str:
    """Format an error of the operating system for the file it names, else for `name`."""
    where = error.filename if isinstance(error.filename, str) else name
    return f"{label(where)}: {describe_os_error(error)}; check path, permissions and space left"


def format_unexpected_error(error: BaseException) -> str:
    """Format type and text of an unexpected error on one line.

    The traceback is logged at DEBUG, and printed when `TRACEBACK_VARIABLE` is set.
    """
    logging.getLogger("depthmatte").debug("unexpected error", exc_info=error)
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
    text = printable_excerpt(" ".join(str(error).split()), 200)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
