"""Read the next photo while the current one is cut."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...io.files.find import STDIN
from ...io.photo.photo_reader import read
from ...photo import Photo
from ...session import apply_photo_options, attach_inputs
from ..output_names import PhotoTask
from ..standard_streams import binary_stdin
from .job import CutJob

if TYPE_CHECKING:
    from concurrent.futures import Future


def _open_photo(job: CutJob, task: PhotoTask) -> Photo:
    """Read a photo, attach its side inputs and apply the color and metadata options.

    Raises
    ------
    InputError
        When the photo or a side input cannot be used.
    """
    photo = read(binary_stdin().read(), "stdin") if task.photo == STDIN else read(task.path)
    return apply_photo_options(
        attach_inputs(photo, *job.side_inputs.for_photo(task.path), job.cut), job.cut
    )


def open_photo_timed(job: CutJob, task: PhotoTask) -> tuple[Photo, float]:
    """Read a photo and return it with the time in milliseconds."""
    start = time.perf_counter()
    photo = _open_photo(job, task)
    return photo, (time.perf_counter() - start) * 1000


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
        self._pending: Future[tuple[Photo, float]] | None = None
        self._submit()

    def _submit(self) -> None:
        if self._tasks:
            self._pending = self._pool.submit(open_photo_timed, self._job, self._tasks.pop(0))
        else:
            self._pending = None
            self._pool.shutdown(wait=False)

    def __call__(self, task: PhotoTask) -> tuple[Photo, float]:
        """Return the next photo and its time in milliseconds; errors of reading are raised."""
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
