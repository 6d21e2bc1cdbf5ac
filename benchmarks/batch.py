"""A batch on one worker and on two; where the time goes; and kills that must cost nothing.

    python -m benchmarks.batch --photos 500 --rounds 3
    python -m benchmarks.batch --photos 500 --kill 3
    python -m benchmarks.batch --photos 100 --ways 1,2,ray --price 0.04

Each photo is a JPEG that `depthmatte cut` reads, cuts and writes as a cut-out PNG. Each worker has
one thread. The ways run in turn, and the ratio of their medians counts. `--kill` kills a run at
random, resumes it, and compares every byte with an uninterrupted run. `--price` is what one core
costs for an hour, for the cost of a million photos.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import throughput
from .common.table import write

RECORD = ("results.jsonl", ".depthmatte-done.jsonl")

STAGES = {
    "network": ("fetch", "store"),
    "decode": ("read",),
    "encode": ("write",),
}
"""Part of the work -> its stages in results.jsonl; all other stages are the cut itself."""


def command(source: str, out: str, way: str, more: Sequence[str]) -> list[str]:
    """`way` is a number of workers, or "ray" for two workers of a local Ray."""
    workers = ["--ray", "local", "--jobs", "2"] if way == "ray" else ["--jobs", way]
    base = [sys.executable, "-m", "depthmatte", "cut", source, "-o", out, "-q"]
    return [*base, "--threads", "1", *workers, *more]


def run(source: str, out: str, way: str, more: Sequence[str]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    subprocess.run(command(source, out, way, more), check=True)
    return time.perf_counter() - start


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / RECORD[0]).read_text().splitlines()]


def shares(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Mean milliseconds per photo of each part of the work."""
    found = dict.fromkeys([*STAGES, "cut"], 0.0)
    for row in rows:
        for stage, spent in row["timings"].items():
            part = next((name for name, stages in STAGES.items() if stage in stages), "cut")
            found[part] += spent / len(rows)
    return found


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in RECORD
    }


def done_lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def kill_and_resume(source: str, place: Path, way: str, kills: int, more: Sequence[str]) -> None:
    """Kill a run at random, resume it, and compare it with an uninterrupted run."""
    whole, out = place / "whole", place / "killed"
    seconds = run(source, str(whole), way, more)
    rng = random.Random()
    journal, done = out / RECORD[1], 0
    for number in range(kills):
        process = subprocess.Popen(
            [*command(source, str(out), way, more), "--resume"], start_new_session=True
        )
        while done_lines(journal) <= done and process.poll() is None:
            time.sleep(0.01)  # each run finishes something
        time.sleep(rng.uniform(0, 0.7) * seconds / kills)
        if process.poll() is not None:
            print("ended before it was killed; give more photos")
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = done_lines(journal)
        print(f"killed {number + 1} of {kills}: {done} photos are done")
    subprocess.run([*command(source, str(out), way, more), "--resume"], check=True)
    wanted, got = pictures(whole), pictures(out)
    journal_lines = journal.read_text().splitlines()
    named = [name for line in journal_lines for name in json.loads(line)["results"]]
    same = sum(got.get(name) == data for name, data in wanted.items())
    print(
        f"{same} of {len(wanted)} outputs have the same bytes, {len(got) - same} others; "
        f"{len(named) - len(set(named))} outputs were finished twice; "
        f"{sum(row['status'] == 'ok' for row in rows_of(out))} rows are ok"
    )
    if same != len(wanted) or len(got) != same or len(named) != len(set(named)):
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=4000, help="height of a drawn photo in pixels")
    parser.add_argument("--folder", help="photos to use instead of drawn ones; may be a URL")
    parser.add_argument("--out", help="folder or URL for results; by default a temporary folder")
    parser.add_argument("--ways", default="1,2", help="numbers of workers, and ray")
    parser.add_argument("--kill", type=int, default=0, help="kill a run this many times instead")
    parser.add_argument("--price", type=float, default=0.0, help="of a core for an hour")
    parser.add_argument("more", nargs="*", help="more options of depthmatte cut, after --")
    given = parser.parse_args()
    ways = given.ways.split(",")
    with tempfile.TemporaryDirectory() as top:
        place = Path(top)
        if given.folder is None:
            throughput.SIZE = (given.side * 3 // 4, given.side)
            (place / "photos").mkdir()
            throughput.material(place / "photos", given.photos)
        source = given.folder or str(place / "photos")
        if given.kill:
            kill_and_resume(source, place, ways[-1], given.kill, given.more)
            return
        spent: dict[str, list[float]] = {way: [] for way in ways}
        parts: dict[str, dict[str, float]] = {}
        count = given.photos
        for number in range(given.rounds):
            for way in ways:
                out = given.out or str(place / f"out-{way}-{number}")
                spent[way].append(run(source, out, way, given.more))
                if Path(out).is_dir():
                    rows = rows_of(Path(out))
                    parts[way], count = shares(rows), len(rows)
    table = []
    for way, times in spent.items():
        seconds = statistics.median(times)
        cores = 2 if way == "ray" else int(way)
        per_hour = count / seconds * 3600
        table.append(
            {
                "way": way,
                "photos": count,
                "seconds": round(seconds, 2),
                "photos_per_hour": round(per_hour),
                "cost_per_million": round(1e6 / per_hour * cores * given.price, 2),
                **{f"{name}_ms": round(ms, 1) for name, ms in parts.get(way, {}).items()},
            }
        )
    write(table, "batch")
    for row in table:
        print(row)
    for way in ways[1:]:
        ratio = statistics.median(spent[ways[0]]) / statistics.median(spent[way])
        print(f"{way} over {ways[0]}: {ratio:.2f}")


if __name__ == "__main__":
    main()
