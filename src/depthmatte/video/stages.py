"""Run the stages of a video at the same time, with bounded queues between them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import cv2

_T = TypeVar("_T")

_QUEUE_LENGTH = 4
"""Frames that wait between two stages."""


class StageClock:
    """Adds up the milliseconds that each stage works; waiting for another stage is left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total_ms: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add working time to a stage; any thread may call it."""
        with self._lock:
            self.total_ms[stage] = self.total_ms.get(stage, 0.0) + seconds * 1000

    def time_call(self, stage: str, work: Callable[[], _T]) -> _T:
        """Return the result of a call and add its time."""
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.add(stage, time.perf_counter() - start)

    def time_items(self, stage: str, items: Iterable[_T]) -> Iterator[_T]:
        """Yield items and add the time that each took to be made."""
        iterator = iter(items)
        while True:
            start = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.add(stage, time.perf_counter() - start)
            yield item


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """Let each call of OpenCV use one thread in the block, for the whole process.

    Stages already keep all cores busy. OpenCV's own threads wait actively for small pictures.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


class _End:
    """The last thing in a queue: why its stage ended, None for the end of its items."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def run_ahead(items: Iterable[_T], length: int = _QUEUE_LENGTH) -> Generator[_T, None, None]:
    """Make items in a thread of their own, a few ahead of who takes them.

    Parameters
    ----------
    items : iterable
        Made in the thread. When the returned iterator is closed, it is closed too.
    length : int
        Items that may wait.

    Yields
    ------
    Any
        The items in order. An exception of `items` is raised after the items before it.
    """
    waiting: queue.Queue[_T | _End] = queue.Queue(length)
    stopped = threading.Event()

    def put(item: _T | _End) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(item):
                    break
            put(_End(None))
        except BaseException as error:  # raised again by the taker
            put(_End(error))
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=work, name="depthmatte-stage", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()
