"""A batch that is killed and resumed ends as one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from batch_photos import (
    command,
    draw_photos,
    environment,
    pictures,
    result_rows,
    wait_for,
)
from typer.testing import CliRunner

from depthmatte.cli.app import app
from depthmatte.io.files.resume_journal import JOURNAL_NAME

KILLS = 3


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["cut", *map(str, arguments), "--jobs", "1"])


def has_lines(path: Path, count: int) -> bool:
    return path.exists() and path.read_bytes().count(b"\n") >= count


def test_killed_at_random_it_ends_as_an_uninterrupted_run(
    place: Path, tiny_networks: list[str]
) -> None:
    count = 60  # so that a fast machine does not finish before it is killed
    draw_photos(place / "photos", count, height=240)
    wanted = [*tiny_networks, "--save", "alpha,cutout", "--jobs", "1"]
    journal = place / "out" / JOURNAL_NAME
    rng = random.Random(18)
    finished: set[str] = set()
    stamps: dict[Path, int] = {}
    for kill in range(KILLS):
        process = subprocess.Popen(
            command("photos", "-o", "out", "--resume", *wanted),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        lines = len(finished) + rng.randint(1, 3)
        wait_for(
            lambda n=lines: journal.exists() and journal.read_bytes().count(b"\n") >= n, process
        )  # type: ignore[misc]
        time.sleep(rng.uniform(0, 0.05))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL, f"run {kill} ended before it was killed"
        for path, stamp in stamps.items():
            assert path.stat().st_mtime_ns == stamp, "a finished photo was cut again"
        rows = map(json.loads, journal.read_text().splitlines())
        finished = {name for row in rows for name in row["results"]}
        assert len(finished) < 2 * count
        stamps = {place / "out" / n: (place / "out" / n).stat().st_mtime_ns for n in finished}
    assert run("photos", "-o", "out", "--resume", *wanted[:-2]).exit_code == 0
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert run("photos", "-o", "whole", *wanted[:-2]).exit_code == 0
    assert pictures(place / "out") == pictures(place / "whole")
    for folder in ("out", "whole"):
        rows_there = result_rows(place / folder)
        assert [row["file"] for row in rows_there] == [f"photos/{n:02}.png" for n in range(count)]
        assert {row["status"] for row in rows_there} == {"ok"}
        assert all((place / folder / name).is_file() for r in rows_there for name in r["outputs"])
