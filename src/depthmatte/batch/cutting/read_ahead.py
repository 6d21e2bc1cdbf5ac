"""Read the next photo while the current one is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..photo_task import PhotoTask
from .cut_photo import OpenedPhoto, open_photo_timed
from .job import CutJob

if TYPE_CHECKING:
    from concurrent.futures import Future


class ReadAhead:
    """Read photos in a separate thread, at most one photo ahead.

    The first photo is read while the networks load.

    Parameters
    ----------
    job : CutJob
        The options of the photos.
    tasks : sequence of PhotoTask
        All photos, in the order of the calls.
    """

    def __init__(self, job: CutJob, tasks: Sequence[PhotoTask]) -> None:
        # Imported late, because workers in other processes do not need it.
        from concurrent.futures import ThreadPoolExecutor

        self._job, self._tasks = job, list(tasks)
        self._pool = ThreadPoolExecutor(1, "depthmatte-read")
        self._pending: Future[OpenedPhoto] | None = None
        self._submit()

    def _submit(self) -> None:
        if self._tasks:
            self._pending = self._pool.submit(open_photo_timed, self._job, self._tasks.pop(0))
        else:
            self._pending = None
            self._pool.shutdown(wait=False)

    def __call__(self, task: PhotoTask) -> OpenedPhoto:
        """Return the next photo and what reading it took; errors of reading are raised."""
        pending = self._pending
        assert pending is not None, "more calls than photos"
        try:
            return pending.result()
        finally:
            self._submit()

    def close(self) -> None:
        """Stop reading."""
        self._tasks = []
        self._pool.shutdown(wait=False, cancel_futures=True)
