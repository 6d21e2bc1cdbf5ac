"""How many processes and threads this machine bears."""

from __future__ import annotations

import os
from pathlib import Path

_WORKER_BYTES = 1 << 30
"""Memory that one worker may need for photos of about 50 megapixels."""


def count_cores() -> int:
    """CPU cores this process may use: its affinity and its container's quota count."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _cgroup("cpu.max")
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit() and int(quota[1]):
        usable = min(usable or 1, -(-int(quota[0]) // int(quota[1])))
    return max(1, usable or 1)


def _available_memory() -> int | None:
    """Bytes of memory this process may use; None where that cannot be told."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _cgroup("memory.max")
    return min(total, int(limit[0])) if limit and limit[0].isdigit() else total


def _cgroup(name: str) -> list[str]:
    try:
        return Path("/sys/fs/cgroup", name).read_text("ascii").split()
    except (OSError, ValueError):
        return []


def count_workers(tasks: int, requested: int | None = None) -> int:
    """How many workers: as many as `asked`, else one for each core that memory allows.

    Never more than there are tasks. 1 is this process itself.
    """
    room = _available_memory()
    found = (
        min(count_cores(), max(1, (room or 1 << 62) // _WORKER_BYTES))
        if requested is None
        else requested
    )
    return max(1, min(found, tasks))


def threads_per_worker(jobs: int) -> int:
    """CPU threads of each of `jobs` workers."""
    return max(1, count_cores() // jobs)
