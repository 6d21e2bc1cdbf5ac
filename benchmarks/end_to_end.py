"""The whole path from a 12-megapixel JPEG to a cut-out PNG, beside an older checkout and rembg.

    python -m benchmarks.end_to_end [--against CHECKOUT] [--rembg PROGRAM] [--rounds 9]

Everything runs in turns, each side in a process of its own: warm stages in one that stays, cold
cuts in a new one each time. What counts are the ratios of the medians. Byte code is kept, as
where a package is installed. Writes results/end_to_end.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np

import depthmatte as dm

from .common.peers import CACHE, ROOT
from .common.table import write
from .common.timing import cpu, run

WORKER = Path(__file__).parent / "common" / "end_to_end_worker.py"
ALL = "all stages"
LARGE = (4000, 3000)
"""Height and width of the photo."""


def large_photo() -> Path:
    """12 megapixels of JPEG: scikit-image's astronaut enlarged, with a camera's noise."""
    file = CACHE / "speed" / "large.jpg"
    if not file.exists():
        from skimage.data import astronaut

        side = max(LARGE)
        rgb = cv2.resize(astronaut(), (side, side), interpolation=cv2.INTER_CUBIC)
        rgb = rgb[: LARGE[0], (side - LARGE[1]) // 2 :][:, : LARGE[1]]
        noise = np.random.default_rng(0).normal(0, 4, rgb.shape).astype(np.float32)
        file.parent.mkdir(parents=True, exist_ok=True)
        dm.write(np.clip(rgb + noise, 0, 255).astype(np.uint8), file)
    return file


def surroundings(checkout: Path, codes: str) -> dict[str, str]:
    """The environment in which a checkout runs; byte code lies in the folder `codes`."""
    kept = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    return kept | {"PYTHONPATH": str(checkout / "src"), "PYTHONPYCACHEPREFIX": codes}


@contextmanager
def worker(
    checkout: Path, photo: Path, options: argparse.Namespace, codes: str
) -> Iterator[subprocess.Popen[str]]:
    """A warm process of a checkout that answers each line with the times of its stages."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), str(photo), str(options.threads), options.clock],
        env=surroundings(checkout, codes),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.communicate()


def ask(process: subprocess.Popen[str]) -> dict[str, float]:
    """The stages of one more cut, and their sum."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("again\n")
    process.stdin.flush()
    spent = json.loads(process.stdout.readline())
    return dict(spent) | {ALL: sum(spent.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, help="an older checkout of this project")
    parser.add_argument("--rembg", help="the rembg program of an environment of its own")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--clock",
        default="wall",
        choices=("wall", "processor"),
        help="what stages are timed by; processor time is steadier on a busy machine",
    )
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    photo = large_photo()
    checkouts = {"ours": ROOT} | ({"against": options.against} if options.against else {})
    found: dict[str, dict[str, list[float]]] = {}

    def keep(side: str, values: Mapping[str, float]) -> None:
        for measure, value in values.items():
            found.setdefault(side, {}).setdefault(measure, []).append(value)

    with ExitStack() as open_, tempfile.TemporaryDirectory() as folder:
        codes = {side: str(Path(folder) / f"{side}.codes") for side in checkouts}
        jobs = {
            side: (
                [
                    *(sys.executable, "-m", "depthmatte", "cut", str(photo)),
                    *("-o", f"{folder}/{side}", "--save", "cutout", "--quiet"),
                    *("--threads", str(options.threads)),
                ],
                surroundings(checkout, codes[side]),
            )
            for side, checkout in checkouts.items()
        }
        if options.rembg:
            few = {"OMP_NUM_THREADS": str(options.threads)}
            peer = [options.rembg, "i", "-m", "silueta", str(photo), f"{folder}/rembg.png"]
            jobs["rembg"] = (peer, os.environ | few)
        for number in range(options.rounds + 1):  # the first warms up
            for side, (command, environment) in jobs.items():
                spent = run(command, environment)
                if number:
                    keep(side, spent)
        workers = {
            side: open_.enter_context(worker(checkout, photo, options, codes[side]))
            for side, checkout in checkouts.items()
        }
        for number in range(options.rounds + 1):
            for side, process in workers.items():
                spent = ask(process)
                if number:
                    keep(side, spent)

    rows = []
    here = {"cpu": cpu(), "threads": options.threads, "rounds": options.rounds}
    middle = {
        side: {measure: statistics.median(values) for measure, values in measures.items()}
        for side, measures in found.items()
    }
    for measure, ours in middle["ours"].items():
        row: dict[str, object] = {"measure": measure, "ours": ours}
        text = f"{measure:<18} {ours:>8.0f}"
        for side in ("against", "rembg"):
            other = middle.get(side, {}).get(measure, float("nan"))
            row |= {side: other, f"ratio to {side}": ours / other}
            text += f"   {other:>8.0f} {ours / other:>6.3f}" if other == other else ""
        print(text)
        rows.append(row | here)
    write(rows, "end_to_end_rembg" if options.rembg else "end_to_end")


if __name__ == "__main__":
    main()
