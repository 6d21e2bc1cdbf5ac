"""What is told while a batch runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol


class BatchListener(Protocol):
    """What is told while a batch runs; the command line prints it."""

    def photo_done(self, result: Mapping[str, Any]) -> None:
        """Take the row of a photo that was cut."""

    def photo_skipped(self, file: str, why: str) -> None:
        """Take a photo that is not cut again."""

    def photo_failed(self, file: str, problem: str) -> None:
        """Take a photo that failed, with one line that says why."""

    def error(self, problem: str) -> None:
        """Take a problem that belongs to no photo."""

    def note(self, text: str) -> None:
        """Take a line on something unexpected that is no error."""

    def progress(self, total: int) -> AbstractContextManager[Callable[[], None]]:
        """Return a context whose function is called after each photo."""
