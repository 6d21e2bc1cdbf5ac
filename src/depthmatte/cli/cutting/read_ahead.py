"""Photos as a job wants them, read one ahead of the one that is being cut."""

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
    """The photo with what was given for it, in the colors and with the metadata asked for.

    Raises
    ------
    InputError
        When the photo, or what was given beside it, cannot be used.
    """
    shot = read(binary_stdin().read(), "stdin") if task.photo == STDIN else read(task.path)
    return apply_photo_options(
        attach_inputs(shot, *job.side_inputs.for_photo(task.path), job.cut), job.cut
    )


def open_photo_timed(job: CutJob, task: PhotoTask) -> tuple[Photo, float]:
    """The photo, and how many milliseconds it took."""
    start = time.perf_counter()
    photo = _open_photo(job, task)
    return photo, (time.perf_counter() - start) * 1000


class ReadAhead:
    """Reads on a thread of its own: the first photo while networks load, each next one while
    the one before it is cut. At most one photo waits.

    Parameters
    ----------
    job
        What is asked of each photo.
    tasks
        All photos, in the order in which they will be asked for.
    """

    def __init__(self, job: CutJob, tasks: Sequence[PhotoTask]) -> None:
        # Here, not above: one photo on one thread does without.
        from concurrent.futures import ThreadPoolExecutor

        self._job, self._tasks = job, list(tasks)
        self._pool = ThreadPoolExecutor(1, "depthmatte-read")
        self._coming: Future[tuple[Photo, float]] | None = None
        self._submit()

    def _submit(self) -> None:
        if self._tasks:
            self._coming = self._pool.submit(open_photo_timed, self._job, self._tasks.pop(0))
        else:
            self._coming = None
            self._pool.shutdown(wait=False)

    def __call__(self, task: PhotoTask) -> tuple[Photo, float]:
        """The photo of the next task, and its milliseconds; what reading raised is raised here."""
        coming = self._coming
        assert coming is not None, "asked for more photos than there are"
        try:
            return coming.result()
        finally:
            self._submit()

    def close(self) -> None:
        """Read no further."""
        self._tasks = []
        self._pool.shutdown(wait=False, cancel_futures=True)
