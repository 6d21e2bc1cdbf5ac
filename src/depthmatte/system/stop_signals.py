"""Turn stop signals into an exception, so that the program can remove unfinished files."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


@dataclass
class StopRequest:
    """Whether a signal asked the program to stop: `pending` is the one that did."""

    pending: StopSignal | None = None


@contextlib.contextmanager
def hold_stop_signals(tell: Callable[[], None]) -> Iterator[StopRequest]:
    """Keep the first Ctrl-C, SIGTERM or SIGHUP for work that must end a step first.

    The second one raises `StopSignal` at once. Outside the main thread Python cannot handle
    signals, and nothing changes.

    Parameters
    ----------
    tell : callable
        Called when the first signal arrives.

    Yields
    ------
    StopRequest
        To be asked after each step.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def hold(number: int, _: Any) -> None:
        if request.pending is not None:
            raise StopSignal(number)
        request.pending = StopSignal(number)
        tell()

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, hold) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
