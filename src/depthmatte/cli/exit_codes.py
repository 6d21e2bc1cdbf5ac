"""Turn errors and signals into one line on stderr and an exit status."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from ..batch.workers.task_outcome import (
    TRACEBACK_VARIABLE,
    format_os_error,
    format_unexpected_error,
)
from ..errors import DepthmatteError, OptionError
from ..system.process_exit import flush_and_exit
from ..system.stop_signals import raise_on_stop_signals

EXIT_FAILED, _EXIT_USAGE, _EXIT_INTERRUPTED = 1, 2, 130
"""Exit statuses: a photo or file failed, wrong usage, stopped by Ctrl-C."""


class OneLineErrorGroup(TyperGroup):
    """A command group that prints one line instead of a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; print one line when even the help cannot be written."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            from .output import Reporter

            Reporter().error(format_os_error(error, "the system"))
            sys.exit(EXIT_FAILED)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn every exception into one line and an exit status."""
        try:
            with raise_on_stop_signals():
                return super().invoke(ctx)
        except OptionError as error:
            _exit_with_error(str(error), _EXIT_USAGE)
        except DepthmatteError as error:
            _exit_with_error(str(error), EXIT_FAILED)
        except BrokenPipeError:  # click ends quietly when the reader closes the pipe
            raise
        except OSError as error:
            _exit_with_error(format_os_error(error, "the system"), EXIT_FAILED)
        except KeyboardInterrupt as error:
            _exit_with_error("stopped", getattr(error, "status", _EXIT_INTERRUPTED))
        except MemoryError:
            _exit_with_error(
                "does not fit in memory; scale the picture down or close other programs",
                EXIT_FAILED,
            )
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if _is_click_error(error):
                raise
            _exit_with_error(
                f"failed unexpectedly ({format_unexpected_error(error)}); "
                f"set {TRACEBACK_VARIABLE}=1 to see where, and report it",
                EXIT_FAILED,
            )


def run_and_exit(command: Callable[[], Any]) -> NoReturn:
    """Run a command and end the process at once with its exit status.

    This skips the cleanup of modules and networks, which takes a tenth of a short run. When
    threads or processes are still running, the process ends in the usual way.
    """
    status: Any = 0
    try:
        command()
    except SystemExit as end:
        status = end.code
    idle = threading.active_count() == 1 and "multiprocessing.process" not in sys.modules
    if not idle or not isinstance(status, int | None):
        sys.exit(status)
    flush_and_exit(status or 0)


def _is_click_error(error: Exception) -> bool:
    """Return whether click handles this error itself: it prints the usage and exits with 2."""
    return type(error).__module__.partition(".")[0] in ("click", "typer")


def _exit_with_error(problem: str, status: int) -> None:
    from .output import Reporter

    Reporter().error(problem)
    raise typer.Exit(status) from None
