"""What the user hears while photos are cut: results on stdout, trouble on stderr."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from ..system.text import label

_PROGRESS_DELAY_S = 1.0
"""Seconds before a single piece of work shows that it goes on."""


@dataclass(frozen=True)
class Reporter:
    """`lines`: one line per photo and a progress bar; `json`: JSON lines; `quiet`: errors only."""

    style: Literal["lines", "json", "quiet"] = "lines"

    def photo_done(self, result: Mapping[str, Any]) -> None:
        """A photo is cut; "nobody" is a result like any other."""
        if self.style == "json":
            print_line(json_line(result))
        elif self.style == "lines":
            outputs = ", ".join(map(label, result["outputs"]))
            prefix = "" if result["found"] else "no person found, empty: "
            print_line(f"{label(result['file'])} -> {prefix}{outputs}")

    def photo_skipped(self, file: str, why: str) -> None:
        """A photo is not cut again, because its results are there."""
        if self.style == "json":
            print_line(json_line({"file": file, "status": "skipped", "why": why}))
        elif self.style == "lines":
            print_line(f"{label(file)}: skipped, {why}")

    def photo_failed(self, file: str, problem: str) -> None:
        """A photo cannot be cut; `problem` is one line that names file and remedy."""
        if self.style == "json":
            print_line(json_line({"file": file, "status": "error", "error": label(problem)}))
        self.error(problem)

    def error(self, problem: str) -> None:
        """What went wrong, on stderr only."""
        print_line(f"depthmatte: {label(problem)}", sys.stderr)

    def note(self, text: str) -> None:
        """Something the user may not expect, though nothing failed."""
        if self.style != "quiet":
            print_line(f"depthmatte: note: {label(text)}", sys.stderr)

    def summary(self, done: int, failed: int, skipped: int = 0) -> None:
        """The last line, where there was more than one photo."""
        if self.style == "lines" and done + failed + skipped > 1:
            more = f", {skipped} skipped" if skipped else ""
            print_line(f"{done} done, {failed} failed{more}", sys.stderr)

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[], None]]:
        """A bar on stderr, where a person sees it; the value is called after each photo.

        A single piece of work shows nothing in its first second.
        """
        # JSON lines on the same terminal already show the progress.
        wanted = self.style == "lines" or (self.style == "json" and not _is_terminal(sys.stdout))
        if not wanted or total < 1 or not _is_terminal(sys.stderr):
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
            # Lines would cross the bar on a terminal, but must reach a pipe as they are.
            redirect_stdout=_is_terminal(sys.stdout),
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
        if self.style == "quiet" or not _is_terminal(sys.stderr):
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
    """Write one line to stdout or `stream`, whatever signs the stream's encoding lacks.

    A sign that cannot be written stands as its escape. Not typer.echo: that writes past the
    progress bar and leaves it in the line.
    """
    stream = stream or sys.stdout
    if stream is None:  # closed before the start: `>&-`
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def json_line(values: Mapping[str, Any]) -> str:
    """One JSON object on one line of ASCII; numbers that are not finite are null."""
    return json.dumps(_replace_nonfinite(values), allow_nan=False)


def size_fields(shape: tuple[int, ...]) -> dict[str, int]:
    """(height, width, ...) of a picture as every JSON line gives it: width, then height."""
    return {"width": int(shape[1]), "height": int(shape[0])}


def escape_unencodable() -> None:
    """Let stdout and stderr write signs beyond their encoding as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _replace_nonfinite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _replace_nonfinite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_nonfinite(one) for one in value]
    odd = isinstance(value, float) and (value != value or value in (float("inf"), -float("inf")))
    return None if odd else value


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed meanwhile
        return False
