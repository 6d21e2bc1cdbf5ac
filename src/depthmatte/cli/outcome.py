"""How one task of many went: its result, or one line that says what is wrong and what helps."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import DepthmatteError, InputError, MissingExtra, WeightsError
from ..text import label, plain, reason

TRACEBACK = "DEPTHMATTE_TRACEBACK"
"""Environment variable that shows the traceback of an error nobody foresaw."""

T = TypeVar("T")
R = TypeVar("R")

Work = Callable[[T], R]
"""Does one task."""

Make = Callable[[int | None], Work[T, R]]
"""Called once in each process with the number of its CPU threads, None for all there are: loads
what all tasks need.
"""


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """How one task went: its result, or `error`, one line that names the file."""

    task: T
    result: R | None = None
    error: str | None = None


def made(make: Make[T, R], threads: int | None) -> Work[T, R]:
    """What `make` gives; whatever it raises is a DepthmatteError that another process can read."""
    try:
        return make(threads)
    except (InputError, WeightsError):
        raise
    except DepthmatteError as error:
        raise DepthmatteError(str(error)) from error
    except Exception as error:  # nothing can be done at all: one line says why
        raise DepthmatteError(problem("the networks", error)) from error


def attempt(work: Work[T, R], task: T, name: str, crowded: bool = False) -> Outcome[T, R]:
    """Do one task; an error of any kind is its outcome. `name` stands in the error."""
    try:
        return Outcome(task, work(task))
    except Exception as error:  # one photo's trouble, whatever it is, must not cost the others
        return Outcome(task, error=problem(name, error, crowded))


def problem(name: str, error: Exception, crowded: bool = False) -> str:
    """What went wrong with a file, as one line that names it and a remedy.

    `crowded` says that other processes work beside this one.
    """
    shown = label(name)
    if isinstance(error, DepthmatteError):
        text = str(error)
        about = isinstance(error, MissingExtra | WeightsError) and shown not in text
        return f"{shown}: {text}" if about else text
    if isinstance(error, MemoryError):
        return f"{shown}: does not fit in memory; scale it down{' or use --jobs 1' * crowded}"
    if isinstance(error, OSError) and error.strerror:
        return of_system(error, name)
    return f"{shown}: failed ({unforeseen(error)}); export it as PNG and try again, or report this"


def of_system(error: OSError, name: str) -> str:
    """What the operating system refused, of the file it names, else of `name`."""
    where = error.filename if isinstance(error.filename, str) else name
    return f"{label(where)}: {reason(error)}; check path, permissions and space left"


def unforeseen(error: BaseException) -> str:
    """The kind of an error nobody foresaw and what it says, on one line.

    Its traceback goes to the log at DEBUG, and to stderr where TRACEBACK is set.
    """
    logging.getLogger("depthmatte").debug("unforeseen", exc_info=error)
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    said = plain(" ".join(str(error).split()), 200)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
