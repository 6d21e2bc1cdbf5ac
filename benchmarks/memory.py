"""Does memory stay flat? Resident memory over many cuts of mixed sizes in one session.

    python -m benchmarks.memory --cuts 1000

Writes benchmarks/results/memory.csv: cuts done, resident MiB. The growth is the largest reading
of the second half over the largest of the first half, after a warm-up of one cut of each size.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import cv2
import numpy as np

import depthmatte as dm
from depthmatte.cli.commands.demo import load_sample_photo

from .common.table import write

SIDES = (64, 240, 512, 777, 1024, 1600, 2048)
"""Longer sides of the photos in pixels, in turn, each upright and lying."""


def photos() -> list[dm.Photo]:
    """The sample portrait at every size, upright and lying, with a margin at one side."""
    rgb = load_sample_photo().rgb
    found = []
    for side, lying in itertools.product(SIDES, (False, True)):
        height, width = (round(side * 0.7), side) if lying else (side, round(side * 0.7))
        method = cv2.INTER_AREA if side < rgb.shape[0] else cv2.INTER_CUBIC
        found.append(dm.Photo(np.asarray(cv2.resize(rgb, (width, height), interpolation=method))))
    return found


def resident() -> float:
    """Resident memory of this process now, MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    shots = photos()
    rows = []
    with dm.Session(threads=given.threads) as session:
        for shot in shots:
            session.cut(shot).cutout()
        for number, shot in zip(range(1, given.cuts + 1), itertools.cycle(shots), strict=False):
            session.cut(shot).cutout()
            if number % given.every == 0:
                rows.append({"cuts": number, "resident_mib": round(resident(), 1)})
    write(rows, "memory")
    half = len(rows) // 2
    early, late = (max(row["resident_mib"] for row in part) for part in (rows[:half], rows[half:]))
    print(f"largest of the first half {early:.0f} MiB, of the second {late:.0f} MiB")
    print(f"growth {late / early - 1:+.2%}")


if __name__ == "__main__":
    main()
