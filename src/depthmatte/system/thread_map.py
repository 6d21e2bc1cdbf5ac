"""Apply a function to many items in threads, with the results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

_T = TypeVar("_T")


def map_in_threads(work: Callable[[Any], _T], items: Iterable[Any], workers: int) -> Iterator[_T]:
    """Yield `work(item)` in the order of the items.

    Parameters
    ----------
    work : callable
        Called with one item in a thread.
    items : iterable
        The items. At most one more than there are workers is in flight.
    workers : int
        Number of threads.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="depthmatte") as pool:
        pending: list[Future[_T]] = []
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > workers:
                    yield pending.pop(0).result()
            while pending:
                yield pending.pop(0).result()
        finally:
            for future in pending:
                future.cancel()
