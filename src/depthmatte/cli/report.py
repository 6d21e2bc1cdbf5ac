"""What the user hears while photos are cut: results on stdout, trouble on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from ..io.label import label


@dataclass(frozen=True)
class Report:
    """`lines`: one line per photo and a progress bar; `json`: JSON lines; `quiet`: errors only."""

    style: Literal["lines", "json", "quiet"] = "lines"

    def done(self, result: dict[str, Any]) -> None:
        """A photo is cut; "nobody" is a result like any other."""
        if self.style == "json":
            _say(json.dumps(result))
        elif self.style == "lines":
            outputs = ", ".join(map(label, result["outputs"]))
            nobody = "" if result["found"] else "nobody found, empty: "
            _say(f"{label(result['file'])} -> {nobody}{outputs}")

    def failed(self, file: str, problem: str) -> None:
        """A photo cannot be cut; `problem` is one line that names file and remedy."""
        if self.style == "json":
            _say(json.dumps({"file": file, "status": "error", "error": problem}))
        _say(f"depthmatte: {problem}", sys.stderr)

    def note(self, text: str) -> None:
        """Something the user may not expect, though nothing failed."""
        if self.style != "quiet":
            _say(f"depthmatte: note: {text}", sys.stderr)

    def summary(self, done: int, failed: int) -> None:
        """The last line, where there was more than one photo."""
        if self.style == "lines" and done + failed > 1:
            _say(f"{done} done, {failed} failed", sys.stderr)

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[], None]]:
        """A bar on stderr, where a person sees it; the value is called after each photo."""
        if self.style != "lines" or total < 2 or not sys.stderr.isatty():
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        with Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            # Lines would cross the bar on a terminal, but must reach a pipe as they are.
            redirect_stdout=sys.stdout.isatty(),
        ) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)


def _say(text: str, stream: TextIO | None = None) -> None:
    """One line. Not typer.echo: that writes past the progress bar and leaves it in the line."""
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()
