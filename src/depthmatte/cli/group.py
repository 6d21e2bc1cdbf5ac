"""How every command ends: results, one line, or a signal; never a traceback."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import DepthmatteError, InputError, OptionError
from ..io.label import label, reason
from .stopping import stoppable

FAILED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses: of input that cannot be used, of options, after Ctrl-C."""

TRACEBACK = "DEPTHMATTE_TRACEBACK"
"""Environment variable that shows the traceback of an error nobody foresaw."""


class OneLine(TyperGroup):
    """A command group whose users see one line instead of a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; where even help cannot be written, one line says so."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            from .report import Report

            Report().error(str(of_system(error)))
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
            _end(str(of_system(error)), FAILED)
        except KeyboardInterrupt as error:
            _end("stopped", getattr(error, "status", INTERRUPTED))
        except MemoryError:
            _end("does not fit in memory; scale the picture down or close other programs", FAILED)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if os.environ.get(TRACEBACK) or _by_click(error):
                raise
            _end(unforeseen(error), FAILED)


def of_system(error: OSError) -> InputError:
    """What the operating system refused, as an error that names file and remedy."""
    place = label(error.filename) if isinstance(error.filename, str) else "the system"
    return InputError(f"{place}: {reason(error)}; check path, permissions and space left")


def unforeseen(error: BaseException) -> str:
    """One line for an error nobody foresaw; the traceback goes to the log at DEBUG."""
    logging.getLogger("depthmatte").debug("unforeseen", exc_info=error)
    said = " ".join(label(str(error)).split())[:160]
    about = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"failed unexpectedly ({about}); set {TRACEBACK}=1 to see where, and report it"


def _by_click(error: Exception) -> bool:
    """Is it one of click's own errors, which click turns into usage and status 2?"""
    return type(error).__module__.partition(".")[0] in ("click", "typer")


def _end(problem: str, status: int) -> None:
    from .report import Report

    Report().error(problem)
    raise typer.Exit(status) from None
