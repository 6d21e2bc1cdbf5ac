"""How many worker processes and threads fit this machine."""

from __future__ import annotations

import os
from pathlib import Path

_WORKER_BYTES = 1 << 30
"""Memory that one worker may need for photos of about 50 megapixels."""


def count_cores() -> int:
    """Count the CPU cores that this process may use.

    Returns
    -------
    int
        At least 1. CPU affinity and the container's CPU quota (cgroup v2) are respected.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _cgroup("cpu.max")
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit() and int(quota[1]):
        usable = min(usable or 1, -(-int(quota[0]) // int(quota[1])))
    return max(1, usable or 1)


def _available_memory() -> int | None:
    """Bytes of memory that this process may use; None where they are unknown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _cgroup("memory.max")
    return min(total, int(limit[0])) if limit and limit[0].isdigit() else total


def _cgroup(name: str) -> list[str]:
    """The words of a file of the container's control group (cgroup v2); none without one."""
    try:
        return Path("/sys/fs/cgroup", name).read_text("ascii").split()
    except (OSError, ValueError):
        return []


def count_workers(tasks: int, requested: int | None = None) -> int:
    """Count the workers for a number of tasks.

    Parameters
    ----------
    tasks : int
        Number of tasks.
    requested : int, optional
        Workers that the user asked for. By default one worker for each CPU core, as long as
        memory allows 1 GiB for each.

    Returns
    -------
    int
        At least 1 and at most `tasks`. 1 means this process itself.
    """
    if requested is None:
        memory = _available_memory() or 1 << 62
        requested = min(count_cores(), max(1, memory // _WORKER_BYTES))
    return max(1, min(requested, tasks))


def threads_per_worker(jobs: int) -> int:
    """Count the CPU threads for each of `jobs` workers.

    Parameters
    ----------
    jobs : int
        Number of workers, at least 1.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, count_cores() // jobs)
