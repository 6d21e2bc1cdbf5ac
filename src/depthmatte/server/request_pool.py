"""Worker threads with a bounded number of requests that wait for them.

Threads share one Session: the networks are loaded once, and decoding, networks and encoding run
outside Python's lock.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

from .http_errors import RequestError

_T = TypeVar("_T")

_FIRST_JOB_SECONDS = 1.0
"""Assumed time of a job before one was measured."""

_MEAN_WEIGHT = 0.1
"""Weight of the newest job in the mean time."""


class RequestPool:
    """Threads that run jobs, and the slots of requests that use or wait for them.

    Parameters
    ----------
    workers : int
        Jobs that run at once.
    queue : int
        Requests that may wait.
    max_body_bytes : int
        Bytes of the bodies of all requests that run or wait.
    time_limit : float
        Seconds from the start of a request's job to its result, waiting included.
    """

    def __init__(self, workers: int, queue: int, max_body_bytes: int, time_limit: float) -> None:
        self.workers = workers
        self.capacity = workers + queue
        self.max_body_bytes = max_body_bytes
        self.time_limit = time_limit
        self.taken = 0
        self.running = 0
        self.body_bytes = 0
        self._mean_seconds = _FIRST_JOB_SECONDS
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="depthmatte-worker")

    @property
    def waiting(self) -> int:
        """Requests that hold a slot and do not run."""
        return max(0, self.taken - self.running)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for one request.

        Raises
        ------
        RequestError
            Status 429 when none is free.
        """
        if self.taken >= self.capacity:
            seconds = self._mean_seconds * self.waiting / self.workers
            raise RequestError(
                429,
                f"{self.waiting} requests are waiting; try again later",
                min(60, max(1, math.ceil(seconds))),
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    def hold_bytes(self, count: int) -> None:
        """Count bytes of bodies that arrived, or with a negative count were let go.

        Raises
        ------
        RequestError
            Status 429 when all bodies together are larger than `max_body_bytes`.
        """
        self.body_bytes += count
        if count > 0 and self.body_bytes > self.max_body_bytes:
            raise RequestError(
                429,
                f"requests of {self.body_bytes / 1e6:.0f} MB are waiting; try again later",
                max(1, math.ceil(self._mean_seconds)),
            )

    async def run(self, job: Callable[..., _T], *given: Any) -> _T:
        """Run a job on a worker thread.

        Raises
        ------
        RequestError
            Status 503 when it takes longer than the time limit. A job that has not started is
            dropped; one that runs ends unheard, and its thread is busy until then.
        """
        loop = asyncio.get_running_loop()

        def timed() -> _T:
            start = monotonic()
            loop.call_soon_threadsafe(self._count, 1, 0.0)
            try:
                return job(*given)
            finally:
                loop.call_soon_threadsafe(self._count, -1, monotonic() - start)

        future: Future[_T] = self._threads.submit(timed)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.time_limit)
        except TimeoutError:
            future.cancel()
            raise RequestError(
                503,
                f"took longer than {self.time_limit:g} seconds; try again, or scale the photo down",
                max(1, math.ceil(self._mean_seconds)),
            ) from None

    def _count(self, change: int, seconds: float) -> None:
        self.running += change
        if change < 0:
            self._mean_seconds += _MEAN_WEIGHT * (seconds - self._mean_seconds)

    def close(self) -> None:
        """Drop what has not started; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
