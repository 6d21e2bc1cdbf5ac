"""How one task of many went: its result, or one line that says what is wrong and what helps."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import DepthmatteError, InputError, MissingExtra, WeightsError
from ..system.text import describe_os_error, label, printable_excerpt

TRACEBACK_VARIABLE = "DEPTHMATTE_TRACEBACK"
"""Environment variable that shows the traceback of an error nobody foresaw."""

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

_TaskFunction = Callable[[TaskT], ResultT]
"""Does one task."""

TaskFunctionFactory = Callable[[int | None], _TaskFunction[TaskT, ResultT]]
"""Called once in each process with the number of its CPU threads, None for all there are: loads
what all tasks need.
"""


@dataclass(frozen=True)
class TaskOutcome(Generic[TaskT, ResultT]):
    """How one task went: its result, or `error`, one line that names the file."""

    task: TaskT
    result: ResultT | None = None
    error: str | None = None


def make_task_function(
    make_function: TaskFunctionFactory[TaskT, ResultT], threads: int | None
) -> _TaskFunction[TaskT, ResultT]:
    """What `make` gives; whatever it raises is a DepthmatteError that another process can read."""
    try:
        return make_function(threads)
    except (InputError, WeightsError):
        raise
    except DepthmatteError as error:
        raise DepthmatteError(str(error)) from error
    except Exception as error:  # nothing can be done at all: one line says why
        raise DepthmatteError(format_task_error("the networks", error)) from error


def run_task(
    function: _TaskFunction[TaskT, ResultT], task: TaskT, name: str, parallel: bool = False
) -> TaskOutcome[TaskT, ResultT]:
    """Do one task; an error of any kind is its outcome. `name` stands in the error."""
    try:
        return TaskOutcome(task, function(task))
    except Exception as error:  # one photo's trouble, whatever it is, must not cost the others
        return TaskOutcome(task, error=format_task_error(name, error, parallel))


def format_task_error(name: str, error: Exception, parallel: bool = False) -> str:
    """What went wrong with a file, as one line that names it and a remedy.

    `crowded` says that other processes work beside this one.
    """
    shown = label(name)
    if isinstance(error, DepthmatteError):
        text = str(error)
        about = isinstance(error, MissingExtra | WeightsError) and shown not in text
        return f"{shown}: {text}" if about else text
    if isinstance(error, MemoryError):
        return f"{shown}: does not fit in memory; scale it down{' or use --jobs 1' * parallel}"
    if isinstance(error, OSError) and error.strerror:
        return format_os_error(error, name)
    return f"{shown}: failed ({format_unexpected_error(error)}); export it as PNG and try again, or report this"


def format_os_error(error: OSError, name: str) -> str:
    """What the operating system refused, of the file it names, else of `name`."""
    where = error.filename if isinstance(error.filename, str) else name
    return f"{label(where)}: {describe_os_error(error)}; check path, permissions and space left"


def format_unexpected_error(error: BaseException) -> str:
    """The kind of an error nobody foresaw and what it says, on one line.

    Its traceback goes to the log at DEBUG, and to stderr where TRACEBACK is set.
    """
    logging.getLogger("depthmatte").debug("unforeseen", exc_info=error)
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
    said = printable_excerpt(" ".join(str(error).split()), 200)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
