"""Tasks for tests of `batch.workers.run_tasks`: each says itself what to do."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from depthmatte.errors import InputError, MissingExtra, WeightsError
from depthmatte.system.atomic_write import atomic_draft

Work = Callable[[str], str]


class Odd(Exception):
    """Cannot be sent to another process: unpickling it fails."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("line one\nline two\x1b[2J")


def make(threads: int | None) -> Work:
    return lambda task: done(task, threads)


def done(task: str, threads: int | None) -> str:
    """`task` is "what:argument"."""
    what, _, argument = task.partition(":")
    if what == "sleep":
        time.sleep(float(argument))
    elif what == "kill":
        os.kill(os.getpid(), getattr(signal, argument))
        time.sleep(60)
    elif what == "exit":
        os._exit(int(argument))
    elif what == "raise":
        raise ERRORS[argument]()
    elif what == "thread":
        return lambda: 0  # type: ignore[return-value]
    elif what == "write":
        with atomic_draft(Path(argument)) as draft:
            draft.write_text("half")
            Path(argument).with_suffix(".started").touch()
            time.sleep(60)
    return f"{what} {os.getpid()} {threads}"


ERRORS: dict[str, Callable[[], BaseException]] = {
    "InputError": lambda: InputError("a.jpg: is bad; mend it"),
    "WeightsError": lambda: WeightsError("matte.onnx: is damaged"),
    "MissingExtra": lambda: MissingExtra("EXR", "exr"),
    "MemoryError": MemoryError,
    "ValueError": lambda: ValueError("x" * 1000),
    "OSError": lambda: OSError(28, "No space left on device", "out/a.png"),
    "Odd": lambda: Odd(1, 2),
    "RecursionError": RecursionError,
    "KeyError": lambda: KeyError("two\nlines"),
}


def no_networks(_: int | None) -> Work:
    raise WeightsError("matte.onnx: is damaged; fetch it again")


def no_extra(_: int | None) -> Work:
    raise MissingExtra("EXR", "exr")


def odd_networks(_: int | None) -> Work:
    raise Odd(1, 2)


def dies(_: int | None) -> Work:
    os._exit(3)


def main() -> None:
    """A program that runs tasks as the command line does: `batch_tasks.py JOBS TASK...`."""
    from contextlib import closing

    from depthmatte.batch.workers.run_tasks import run_tasks
    from depthmatte.system.stop_signals import StopSignal, raise_on_stop_signals

    jobs, tasks = int(sys.argv[1]), sys.argv[2:]
    try:
        with raise_on_stop_signals(), closing(run_tasks(tasks, make, jobs)) as outcomes:
            for outcome in outcomes:
                sys.stdout.write(f"{outcome.result or outcome.error}\n")
    except KeyboardInterrupt as error:
        sys.exit(error.status if isinstance(error, StopSignal) else 130)


if __name__ == "__main__":
    main()
