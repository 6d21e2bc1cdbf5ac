"""How every command ends: results, one line, or a signal; never a traceback."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from ..errors import DepthmatteError, OptionError
from .outcome import TRACEBACK, of_system, unforeseen
from .stopping import stoppable

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses: of input that cannot be used, of options, after Ctrl-C."""


class OneLine(TyperGroup):
    """A command group whose users see one line instead of a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; where even help cannot be written, one line says so."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            from .report import Report

            Report().error(of_system(error, "the system"))
            sys.exit(FAILED)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; whatever it raises becomes one line and an exit status."""
        try:
            with stoppable():
                return super().invoke(ctx)
        except OptionError as error:
            _end(str(error), USAGE)
        except DepthmatteError as error:
            _end(str(error), FAILED)
        except BrokenPipeError:  # the reader went away: click ends quietly
            raise
        except OSError as error:
            _end(of_system(error, "the system"), FAILED)
        except KeyboardInterrupt as error:
            _end("stopped", getattr(error, "status", INTERRUPTED))
        except MemoryError:
            _end("does not fit in memory; scale the picture down or close other programs", FAILED)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if _by_click(error):
                raise
            said = f"failed unexpectedly ({unforeseen(error)})"
            _end(f"{said}; set {TRACEBACK}=1 to see where, and report it", FAILED)


def leave(command: Callable[[], Any]) -> NoReturn:
    """Run a command and end the process at once with its exit status.

    Python would first take modules and networks down one by one, which is a tenth of a short
    run. Where threads or processes are still at work, it does so nevertheless.
    """
    status: Any = 0
    try:
        command()
    except SystemExit as end:
        status = end.code
    idle = threading.active_count() == 1 and "multiprocessing.process" not in sys.modules
    if not idle or not isinstance(status, int | None):
        sys.exit(status)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status or 0)


def _by_click(error: Exception) -> bool:
    """Is it one of click's own errors, which click turns into usage and status 2?"""
    return type(error).__module__.partition(".")[0] in ("click", "typer")


def _end(problem: str, status: int) -> None:
    from .report import Report

    Report().error(problem)
    raise typer.Exit(status) from None
