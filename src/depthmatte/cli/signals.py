"""Turn stop signals into an exception, so that the program can remove unfinished files."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class StopSignal(KeyboardInterrupt):
    """A signal asked the program to stop. `status` is the exit status, 128 + signal number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.status = 128 + number


@contextlib.contextmanager
def raise_on_stop_signals() -> Iterator[None]:
    """Raise `StopSignal` on SIGTERM and SIGHUP, so that drafts are removed as after Ctrl-C.

    Outside the main thread Python cannot handle signals, and nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: Any) -> None:
        raise StopSignal(number)

    names = ("SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # A signal that is ignored (nohup) stays ignored.
    numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
