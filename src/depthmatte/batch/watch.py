"""Watch folders: cut photos as they arrive, once their files no longer change."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .find_inputs import BatchInputs
from .run import Batch, BatchCounts

_POLL_SECONDS = 1.0
"""Time between two looks. A file counts as complete when two looks find it the same."""

_STEP_SECONDS = 0.1
"""How often a request to stop is noticed."""


def watch_photos(
    batch: Batch, should_stop: Callable[[], bool], poll_seconds: float = _POLL_SECONDS
) -> BatchCounts:
    """Cut what the paths of a batch name now and whatever arrives later, until asked to stop.

    A photo is cut when its size and time did not change between two looks, and again when it
    changes later.

    Parameters
    ----------
    batch : Batch
        What to watch, and how to cut it.
    should_stop : callable
        Asked several times a second, and after each photo.
    poll_seconds : float
        Time between two looks.

    Returns
    -------
    BatchCounts
        How many photos were cut, failed and were skipped.
    """
    batch.should_stop = should_stop
    handled: dict[str, tuple[int, int] | None] = {}
    before: dict[str, tuple[int, int] | None] = {}
    told: set[str] = set()
    while not should_stop():
        found = batch.find()
        now = {str(photo.path): _state(batch, photo.path) for photo in found.photos}
        ready = [
            photo.path
            for photo in found.photos
            if (state := now[str(photo.path)]) is not None
            and before.get(str(photo.path)) == state != handled.get(str(photo.path))
        ]
        new = _only(found, set(ready), told)
        if new.photos or new.refused or new.problems:
            batch.cut(new)
        handled |= {str(path): now[str(path)] for path in ready}
        before = now
        _wait(poll_seconds, should_stop)
    batch.finish()
    return batch.counts


def _state(batch: Batch, path: Path) -> tuple[int, int] | None:
    return batch.states.state(path)


def _only(found: BatchInputs, ready: set[Path], told: set[str]) -> BatchInputs:
    """Return what is ready, and what was not told before. An empty folder is no problem here."""
    pairs = [
        (photo, row)
        for photo, row in zip(found.photos, found.rows, strict=True)
        if photo.path in ready
    ]
    new = BatchInputs(results=found.results, lookalikes=found.lookalikes)
    new.photos, new.rows = [photo for photo, _ in pairs], [row for _, row in pairs]
    for one in found.refused:
        text = str(one.error)
        if text not in told and "holds no photos" not in text and "nothing" not in text:
            told.add(text)
            new.refused.append(one)
    new.notes = [note for note in found.notes if note not in told]
    new.problems = [line for line in found.problems if line not in told]
    told |= {*new.notes, *new.problems}
    return new


def _wait(seconds: float, should_stop: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not should_stop() and time.monotonic() < end:
        time.sleep(_STEP_SECONDS)
