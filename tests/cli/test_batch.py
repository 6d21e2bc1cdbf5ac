"""batch.workers.run_tasks: errors stay with their photo, and a stop leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import batch_tasks
import depthmatte
from depthmatte.batch.workers.run_tasks import run_tasks
from depthmatte.batch.workers.task_outcome import TRACEBACK_VARIABLE, TaskOutcome, format_task_error
from depthmatte.errors import DepthmatteError, InputError, WeightsError
from depthmatte.system.cpu_count import (
    _available_memory,
    count_cores,
    count_workers,
    threads_per_worker,
)
from depthmatte.system.stop_signals import raise_on_stop_signals

SRC = Path(depthmatte.__file__).parent.parent
needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def said(outcomes: list[TaskOutcome[str, str]]) -> list[str]:
    return [outcome.error or (outcome.result or "").split()[0] for outcome in outcomes]


def processes(outcomes: list[TaskOutcome[str, str]]) -> set[int]:
    return {int(outcome.result.split()[1]) for outcome in outcomes if outcome.result}


# Invariant: one outcome for every task, in the order of the tasks, whatever the others do.


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("InputError", "a.jpg: is bad; mend it"),
        ("WeightsError", "raise:WeightsError: matte.onnx: is damaged"),
        ("MissingExtra", "raise:MissingExtra: EXR needs an extra: pip install 'depthmatte[exr]'"),
        ("MemoryError", "raise:MemoryError: does not fit in memory; scale it down"),
        ("ValueError", f"raise:ValueError: failed (ValueError: {'x' * 200}...); export it as PNG"),
        ("OSError", "out/a.png: no space left on device; check path, permissions and space left"),
        ("Odd", "raise:Odd: failed (Odd: line one line two?[2J); export it as PNG"),
        ("RecursionError", "raise:RecursionError: failed (RecursionError); export it as PNG"),
        ("KeyError", "raise:KeyError: failed (KeyError: 'two\\nlines'); export it"),
    ],
)
def test_an_error_of_one_task_is_its_own(jobs: int, error: str, says: str) -> None:
    outcomes = list(run_tasks(["one:", f"raise:{error}", "two:"], batch_tasks.make, jobs))
    first, line, last = said(outcomes)
    assert (first, last) == ("one", "two")
    assert line.startswith(says)
    assert line.isprintable()


def test_outcomes_stand_in_the_order_of_the_tasks() -> None:
    tasks = ["sleep:0.4", "a:", "b:", "c:"]
    finished: list[str] = []
    outcomes = list(
        run_tasks(
            tasks, batch_tasks.make, 2, on_finish=lambda outcome: finished.append(outcome.task)
        )
    )
    assert [outcome.task for outcome in outcomes] == tasks
    assert sorted(finished) == sorted(tasks)
    assert finished[0] != tasks[0], "a quick one finishes before the slow one"


def test_work_is_shared_out_or_stays_here() -> None:
    tasks = ["sleep:0.3"] * 4
    shared = list(run_tasks(tasks, batch_tasks.make, 2))
    assert len(processes(shared)) == 2
    assert os.getpid() not in processes(shared)
    assert shared[0].result is not None
    assert shared[0].result.split()[2] == str(threads_per_worker(2))
    for here in (
        run_tasks(tasks[:2], batch_tasks.make, 1),
        run_tasks(tasks[:1], batch_tasks.make, 2),
    ):
        outcomes = list(here)
        assert processes(outcomes) == {os.getpid()}
        assert outcomes[0].result is not None
        assert outcomes[0].result.endswith(" None"), "one photo has all threads"
    assert list(run_tasks([], batch_tasks.make, 2)) == []


@needs_signals
@pytest.mark.parametrize(
    ("death", "says"),
    [
        ("kill:SIGKILL", "was killed, probably because memory ran out; use --jobs 1"),
        ("kill:SIGSEGV", "crashed (signal 11); use --jobs 1"),
        ("exit:3", "ended with status 3; use --jobs 1"),
    ],
)
def test_a_worker_that_dies_costs_one_photo(death: str, says: str) -> None:
    tasks = ["a:", death, "b:", death, "c:", "d:"]
    outcomes = list(run_tasks(tasks, batch_tasks.make, 2))
    lines = said(outcomes)
    assert [lines[index] for index in (0, 2, 4, 5)] == ["a", "b", "c", "d"]
    for line in (lines[1], lines[3]):
        assert line.startswith(f"{death}: the process that cut it {says}")


def test_a_result_that_cannot_be_sent_fails_alone() -> None:
    outcomes = list(run_tasks(["thread:", "a:"], batch_tasks.make, 2))
    assert outcomes[0].error is not None
    assert outcomes[0].error.startswith("thread:: failed (")
    assert said(outcomes)[1] == "a"


# Invariant: what stops all of them is said once, as it would be in this process.


@pytest.mark.parametrize("jobs", [1, 2])
def test_networks_that_cannot_be_used_stop_all(jobs: int) -> None:
    with pytest.raises(WeightsError, match=r"matte.onnx: is damaged; fetch it again"):
        list(run_tasks(["a:", "b:"], batch_tasks.no_networks, jobs))
    with pytest.raises(DepthmatteError, match=r"pip install 'depthmatte\[exr\]'"):
        list(run_tasks(["a:", "b:"], batch_tasks.no_extra, jobs))
    with pytest.raises(DepthmatteError, match=r"^the networks: failed \(Odd: line one line two\?"):
        list(run_tasks(["a:", "b:"], batch_tasks.odd_networks, jobs))


def test_processes_that_never_start_are_one_line() -> None:
    with pytest.raises(InputError, match=r"cannot be started \(ended with status 3\); use --jobs"):
        list(run_tasks(["a:", "b:", "c:"], batch_tasks.dies, 2))


# Invariant: after a stop no process is left and no draft stays.


def program(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(batch_tasks.__file__)), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SRC)},
        start_new_session=True,
    )


def until(true: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def nobody_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@needs_signals
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("number", "whole_group", "status"),
    [
        (signal.SIGINT, True, 130),
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGHUP, False, 129),
    ],
)
def test_a_stop_is_clean(
    tmp_path: Path, jobs: int, number: signal.Signals, whole_group: bool, status: int
) -> None:
    with program(jobs, f"write:{tmp_path}/a.txt", f"write:{tmp_path}/b.txt", "c:") as run:
        until(lambda: len(list(tmp_path.glob("*.started"))) == jobs)
        (os.killpg if whole_group else os.kill)(run.pid, number)
        _, errors = run.communicate(timeout=30)
        assert run.returncode == status
        assert errors == ""
        until(lambda: nobody_left(run.pid), 5)
    assert {path.suffix for path in tmp_path.iterdir()} == {".started"}


@needs_signals
def test_no_orphans_when_the_parent_is_killed(tmp_path: Path) -> None:
    with program(2, f"write:{tmp_path}/a.txt", "sleep:2", "sleep:2") as run:
        until(lambda: list(tmp_path.glob("*.started")))
        time.sleep(0.5)
        run.kill()
        run.wait()
        until(lambda: len(alive(run.pid)) <= 1, 10)  # the one that writes ends with its photo
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def alive(group: int) -> list[str]:
    """Workers of a process group, without the helpers of multiprocessing."""
    lines = subprocess.run(
        ["ps", "-eo", "pgid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [one for one in lines if one.split()[0] == str(group) and "spawn_main" in one]


@needs_signals
def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with raise_on_stop_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raise_on_stop_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, "as nohup wants it"
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Invariant: at least one worker, no more than tasks, cores and memory bear.


def test_how_many_workers() -> None:
    assert count_workers(0) == count_workers(1) == count_workers(1, 8) == 1
    assert count_workers(10_000) <= count_cores()
    assert count_workers(10, 3) == 3, "asked for is asked for"
    assert threads_per_worker(count_cores()) == threads_per_worker(10 * count_cores()) == 1
    assert threads_per_worker(1) == count_cores()
    assert (_available_memory() or 1) > 0


# Invariant: where an error nobody foresaw happened is shown to who asks, and to nobody else.


def test_a_traceback_is_shown_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "a.jpg: failed (ZeroDivisionError: by zero); export it as PNG and try again, "
    said += "or report this"
    for asked in (False, True):
        monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
        if asked:
            monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
        assert format_task_error("a.jpg", ZeroDivisionError("by zero")) == said
        assert ("ZeroDivisionError" in capsys.readouterr().err) is asked
