"""Keep freed memory in the process, for work that needs the same large arrays again and again."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
"""Parameters of the function mallopt of the GNU C library."""

_SETTINGS = {
    _MMAP_THRESHOLD: 32 << 20,  # the largest value that it takes
    _TRIM_THRESHOLD: 1 << 30,
    _TOP_PAD: 64 << 20,
    _ARENA_MAX: 1,
}


def keep_freed_memory() -> bool:
    """Tell the allocator of this process to keep what is freed, up to a gigabyte.

    By default it returns large arrays to the system, which clears every page when the next
    array takes it. For the frames of a video that costs about a tenth of the processor time.

    Returns
    -------
    bool
        Whether the allocator takes such settings: that of the GNU C library, on Linux, does.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    done = [mallopt(parameter, value) == 1 for parameter, value in _SETTINGS.items()]
    return all(done)
