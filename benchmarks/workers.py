"""Two workers against one: steps per second, and the losses of both.

python -m benchmarks.workers DATA -> results/workers.csv

Each run has one thread a worker and makes its samples itself. Runs of one and of two workers take
turns. A row is a step: the loss of each, and the median of the seconds that the step took.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

from depthmatte.training.reporting.log import LogRow, read_log

from .common.table import RESULTS, show

COUNTS = (1, 2)
TITLES = {
    "speed": "steps per second, median",
    "times": "times the speed of one",
    "first": "loss of the first steps, mean",
    "last": "loss of the last steps, mean",
    "gap": "largest relative difference of a loss",
}
_WARM_STEPS = 1
"""Steps at the start that are not timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="data for train matte")
    parser.add_argument("--steps", type=int, default=40, help="steps of each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each number of workers")
    parser.add_argument("--preset", default="480x352")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--start", default="matte", help="network that the runs start from")
    parser.add_argument("--rate", default="2e-4", help="learning rate")
    parser.add_argument("--out", type=Path, default=RESULTS / "workers.csv")
    options = parser.parse_args()
    runs: dict[int, list[list[LogRow]]] = {count: [] for count in COUNTS}
    for number in range(options.rounds):
        for count in COUNTS if number % 2 == 0 else COUNTS[::-1]:
            runs[count].append(train(options, count))
            print(f"round {number + 1}: {count} workers, {speed(runs[count][-1]):.3f} steps/s")
    rows = [merge_step(runs, index) for index in range(options.steps)]
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    show(summarize(runs, rows), "Workers of one training", TITLES)


def train(options: argparse.Namespace, count: int) -> list[LogRow]:
    """The step log of one run of `count` workers."""
    launcher = ["torch.distributed.run", "--nproc-per-node", str(count), "--standalone", "-m", "--"]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", *(launcher if count > 1 else []), "depthmatte", "train", "matte",
            "--data", options.data, "--out", folder, "--preset", options.preset,
            "--batch-size", options.batch_size, "--steps", options.steps, "--start", options.start,
            "--rate", options.rate, "--validate-every", options.steps, "--log-every", 1,
            "--threads", 1, "--workers", 0, "--seed", 1, "--quiet",
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(list(map(str, command)), check=True, env=environment)
        return read_log(Path(folder) / "steps.csv")


def step_seconds(log: list[LogRow]) -> list[float]:
    """How long each step took; the first one counts from the begin of the run."""
    times = [0.0, *(row["seconds"] for row in log)]
    return [after - before for before, after in pairwise(times)]


def speed(log: list[LogRow]) -> float:
    """Steps per second over all timed steps of a run."""
    timed = step_seconds(log)[_WARM_STEPS:]
    return len(timed) / max(sum(timed), 0.1)


def merge_step(runs: dict[int, list[list[LogRow]]], index: int) -> dict[str, float]:
    """One row of the result. All runs of one number of workers have the same losses."""
    row: dict[str, float] = {"step": index + 1}
    for count, logs in runs.items():
        row[f"loss_{count}"] = round(logs[0][index]["loss"], 6)
        seconds = median(step_seconds(log)[index] for log in logs)
        row[f"seconds_{count}"] = round(seconds, 2)
    return row


def summarize(
    runs: dict[int, list[list[LogRow]]], rows: list[dict[str, float]]
) -> dict[str, dict[str, float]]:
    """What the table shows, by the number of workers."""
    shown = max(1, len(rows) // 4)
    speeds = {count: median(map(speed, logs)) for count, logs in runs.items()}
    table = {}
    for count in COUNTS:
        losses = [row[f"loss_{count}"] for row in rows]
        gaps = [abs(row[f"loss_{count}"] / row["loss_1"] - 1) for row in rows]
        table[f"{count} workers"] = {
            "speed": speeds[count],
            "times": speeds[count] / speeds[1],
            "first": sum(losses[:shown]) / shown,
            "last": sum(losses[-shown:]) / shown,
            "gap": max(gaps),
        }
    return table


if __name__ == "__main__":
    main()
