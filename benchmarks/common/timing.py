"""How long steps take, side by side: a busy machine slows all of them alike."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

MEGABYTE = 2**20

Step = Callable[[], float | None]
"""What is timed; it may time itself and return its own milliseconds."""


def times(pictures: Sequence[Mapping[str, Step]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step on every picture, one of each per round; a first round warms up."""
    spent: dict[str, list[float]] = {name: [] for name in pictures[0]}
    for number in range(rounds + 1):
        for steps in pictures:
            for name, step in steps.items():
                start = time.perf_counter()
                own = step()
                if number:
                    passed = (time.perf_counter() - start) * 1000
                    spent[name].append(passed if own is None else own)
    return spent


def medians(steps: Mapping[str, Step], rounds: int) -> dict[str, float]:
    """Median milliseconds of each step."""
    return {name: statistics.median(values) for name, values in times([steps], rounds).items()}


def cpu() -> str:
    """The processor's name and how many of it we may use."""
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return f"{name} x {len(os.sched_getaffinity(0))}"


STARTER = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                       file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
passed = time.perf_counter() - start
if status:
    sys.exit(1)
print(passed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""
"""Starts a command, waits for it, and tells seconds, processor seconds and peak memory."""


def run(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds, processor milliseconds and peak MiB of one cold process.

    A small process of its own starts it: the kernel counts the memory of whoever starts a
    process into the peak of that process.
    """
    starter = [sys.executable, "-I", "-S", "-c", STARTER, *command]
    done = subprocess.run(starter, env=environment, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()[-1:]
    if done.returncode or not told:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    passed, spent, peak = (float(number) for number in told[0].split())
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return {
        "cold": passed * 1000,
        "cold, processor": spent * 1000,
        "cold, peak MiB": peak * unit / MEGABYTE,
    }
