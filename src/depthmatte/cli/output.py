"""Print results to stdout, and errors, notes and progress to stderr."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from ..system.printable_text import label

_PROGRESS_DELAY_S = 1.0
"""Seconds before a single photo shows a progress bar."""


@dataclass(frozen=True)
class Reporter:
    """Print what a command reports.

    Parameters
    ----------
    style : {"lines", "json", "quiet"}
        One line per photo and a progress bar, JSON lines, or errors only.
    """

    style: Literal["lines", "json", "quiet"] = "lines"

    def photo_done(self, result: Mapping[str, Any]) -> None:
        """Report a photo that was cut, with or without a person."""
        if self.style == "json":
            print_line(json_line(result))
        elif self.style == "lines":
            outputs = ", ".join(map(label, result["outputs"]))
            prefix = "" if result["found"] else "no person found, empty: "
            print_line(f"{label(result['file'])} -> {prefix}{outputs}")

    def photo_skipped(self, file: str, why: str) -> None:
        """Report a photo that is not cut again."""
        if self.style == "json":
            print_line(json_line({"file": file, "status": "skipped", "why": why}))
        elif self.style == "lines":
            print_line(f"{label(file)}: skipped, {why}")

    def photo_failed(self, file: str, problem: str) -> None:
        """Report a photo that failed; `problem` is one line that names file and remedy."""
        if self.style == "json":
            print_line(json_line({"file": file, "status": "error", "error": label(problem)}))
        self.error(problem)

    def error(self, problem: str) -> None:
        """Print an error to stderr."""
        print_line(f"depthmatte: {label(problem)}", sys.stderr)

    def note(self, text: str) -> None:
        """Print a note to stderr: something unexpected that is not an error."""
        if self.style != "quiet":
            print_line(f"depthmatte: note: {label(text)}", sys.stderr)

    def summary(self, done: int, failed: int, skipped: int = 0) -> None:
        """Print the number of photos done, failed and skipped when there is more than one."""
        if self.style == "lines" and done + failed + skipped > 1:
            more = f", {skipped} skipped" if skipped else ""
            print_line(f"{done} done, {failed} failed{more}", sys.stderr)

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[], None]]:
        """Show a progress bar on stderr if that is a terminal.

        A single photo shows nothing in its first second.

        Parameters
        ----------
        total : int
            Number of photos.

        Yields
        ------
        callable
            Call it after each photo.
        """
        # JSON lines on the same terminal already show the progress.
        wanted = self.style == "lines" or (self.style == "json" and not is_terminal(sys.stdout))
        if not wanted or total < 1 or not is_terminal(sys.stderr):
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn() if total > 1 else TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            # On a terminal lines must not cross the bar. A pipe gets them unchanged.
            redirect_stdout=is_terminal(sys.stdout),
        )
        task = bar.add_task("", total=total if total > 1 else None)
        if total > 1:
            with bar:
                yield lambda: bar.advance(task)
            return
        timer = threading.Timer(_PROGRESS_DELAY_S, bar.start)
        timer.start()
        try:
            yield lambda: None
        finally:
            timer.cancel()
            timer.join()
            bar.stop()

    @contextmanager
    def download(self, url: str) -> Iterator[Callable[[int, int | None], None]]:
        """Show how a download proceeds: a bar on a terminal, one note elsewhere.

        Parameters
        ----------
        url : str
            The address as it may be printed.

        Yields
        ------
        callable
            Takes the bytes received so far and the total in bytes, None if unknown.
        """
        if self.style == "quiet" or not is_terminal(sys.stderr):
            self.note(f"downloading {url}")
            yield lambda received, total: None
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        with bar:
            task = bar.add_task(f"downloading {escape(label(url))}", total=None)
            yield lambda received, total: bar.update(task, completed=received, total=total)


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = f" ({type(error).__name__}: {error})" if error else ""
        print_line(f"depthmatte: debug: {label(record.getMessage() + reason)}", sys.stderr)


@contextmanager
def debug_log_on_stderr(enabled: bool = True) -> Iterator[None]:
    """Print what the package logs at DEBUG to stderr, one line per record."""
    if not enabled:
        yield
        return
    log, handler = logging.getLogger("depthmatte"), _StderrHandler()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def print_line(text: str, stream: TextIO | None = None) -> None:
    """Write one line to stdout or `stream`, with escapes for characters it cannot encode.

    `typer.echo` is not used, because it writes past the progress bar.
    """
    stream = stream or sys.stdout
    if stream is None:  # the shell closed it with `>&-`
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def json_line(values: Mapping[str, Any]) -> str:
    """Return a JSON object on one line of ASCII; numbers that are not finite become null."""
    return json.dumps(_replace_nonfinite(values), allow_nan=False)


def size_fields(shape: tuple[int, ...]) -> dict[str, int]:
    """Return the JSON fields `width` and `height` of a shape (height, width, ...)."""
    return {"width": int(shape[1]), "height": int(shape[0])}


def escape_unencodable() -> None:
    """Make stdout and stderr write characters that they cannot encode as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _replace_nonfinite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _replace_nonfinite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nonfinite(one) for one in value]
    infinities = (float("inf"), -float("inf"))
    is_nonfinite = isinstance(value, float) and (value != value or value in infinities)
    return None if is_nonfinite else value


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is an open terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # the stream is closed
        return False
