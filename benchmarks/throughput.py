"""Many photos: `Session.map` on all cores against a plain loop of one-thread cuts.

    python -m benchmarks.throughput --photos 60 --rounds 3

Each photo is a 12-megapixel JPEG that is read, cut and written as a cut-out PNG. Both ways run
in turn in processes of their own; the ratio of their medians counts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

import depthmatte as dm
from depthmatte.cli.commands.demo import load_sample_photo

from .common.table import write

SIZE = (3000, 4000)
"""Width and height of a photo: 12 megapixels."""


def material(folder: Path, count: int) -> list[Path]:
    """`count` portraits of 12 megapixels, each cropped and toned in another way."""
    rgb, rng = load_sample_photo().rgb, np.random.default_rng(0)
    paths = []
    for number in range(count):
        left, width = int(rng.integers(0, 60)), 384
        part = rgb[:, left : left + width]
        large = cv2.resize(part, SIZE, interpolation=cv2.INTER_CUBIC)
        grain = cv2.resize(rng.normal(0, 6, (SIZE[1] // 2, SIZE[0] // 2)).astype(np.float32), SIZE)
        toned = np.clip(large * rng.uniform(0.8, 1.1) + grain[..., None], 0, 255).astype(np.uint8)
        paths.append(dm.write(toned, folder / f"{number:03}.jpg"))
    return paths


def loop(paths: list[Path], out: Path) -> None:
    """One after the other, on one thread."""
    cv2.setNumThreads(1)
    session = dm.Session(threads=1)
    for path in paths:
        session.cut(path).save(out / f"{path.stem}.png")


def mapped(paths: list[Path], out: Path) -> None:
    """All cores at once."""

    def save(portrait: dm.Portrait) -> Path:
        return Path(portrait.save(out / f"{Path(portrait.photo.meta.name).stem}.png"))

    for _ in dm.Session().map(paths, then=save):
        pass


WAYS = {"loop": loop, "map": mapped}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="run one way once, as the rounds do")
    parser.add_argument("--folder", type=Path, help="photos to use instead of drawn ones")
    given = parser.parse_args()
    if given.way:
        paths = sorted(given.folder.glob("*.jpg"))
        with tempfile.TemporaryDirectory() as out:
            WAYS[given.way](paths, Path(out))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or Path(place)
        paths = sorted(folder.glob("*.jpg")) or material(folder, given.photos)
        spent: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(given.rounds):
            for way in WAYS:
                start = time.perf_counter()
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.throughput",
                    "--way",
                    way,
                    "--folder",
                    str(folder),
                ]
                subprocess.run(command, check=True)
                spent[way].append(time.perf_counter() - start)
    medians = {way: statistics.median(times) for way, times in spent.items()}
    rows = [
        {"way": way, "photos": len(paths), "seconds": round(seconds, 2)}
        for way, seconds in medians.items()
    ]
    write(rows, "throughput")
    for row in rows:
        print(row)
    print(f"throughput of map over loop: {medians['loop'] / medians['map']:.2f}")


if __name__ == "__main__":
    main()
