"""How long and how much memory: the networks beside their peers, every stage, the start.

What is compared is measured in the same run, in turns, so that a busy machine slows all
alike; read the ratios before the milliseconds.

python benchmarks/speed.py [--no-selfie] -> results/speed.csv
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from peers import CACHE, ROOT, SHARED, Selfie, session
from table import write
from timing import medians

from depthmatte import weights
from depthmatte.portrait import Portrait
from depthmatte.canvas import PRESET
from depthmatte.io.image import read
from depthmatte.io.write import write as write_picture
from depthmatte.network import Network
from depthmatte.photo import Photo
from depthmatte.pipeline import Stopwatch, default_pipeline

MEGABYTE = 2**20
LARGE = (4000, 3000)
"""Height and width of the 12-megapixel photo."""


def cpu() -> str:
    """The processor's name and how many of it we may use."""
    name = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    return f"{name} x {len(os.sched_getaffinity(0))}"


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
        write_picture(np.clip(rgb + noise, 0, 255).astype(np.uint8), file)
    return file


def networks(rounds: int, threads: int, with_selfie: bool) -> dict[str, float]:
    """Milliseconds per run: our two networks, MODNet at two sizes, selfie on one photo."""
    steps: dict[str, Callable[[], float | None]] = {}
    for name in ("matte", "depth"):
        steps[name] = _run(Network(weights.path(name), threads), PRESET)
    modnet = session(SHARED / "teachers" / "modnet.onnx", threads)
    for width in (512, 672):
        steps[f"MODNet 512x{width}"] = _run_modnet(modnet, width)
    if not with_selfie:
        return medians(steps, rounds)
    from skimage.data import astronaut

    selfie, photo = Selfie(0), Photo(astronaut())

    def run_selfie() -> float:
        selfie(photo)
        return selfie.milliseconds

    try:
        return medians(steps | {"selfie": run_selfie}, rounds)
    finally:
        selfie.close()


def _run(network: Network, shape: tuple[int, int]) -> Callable[[], None]:
    image = np.random.default_rng(0).random((1, 3, *shape), np.float32)

    def run() -> None:
        network.run(image)

    return run


def _run_modnet(modnet: Any, width: int) -> Callable[[], None]:
    image = np.random.default_rng(0).random((1, 3, 512, width), np.float32) * 2 - 1

    def run() -> None:
        modnet.run(None, {"input": image})

    return run


def stages(photo_file: Path, rounds: int, threads: int) -> dict[str, float]:
    """Median milliseconds of every stage from the JPEG to the cut-out PNG, warm."""
    pipeline = default_pipeline(threads=threads)
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            clock = Stopwatch()
            photo = clock("read", read, photo_file)
            portrait = Portrait.adopt(pipeline(photo))
            clock.timings |= portrait.timings
            clock("restore", lambda portrait=portrait: portrait.alpha)
            picture = clock("cut-out", portrait.cutout)
            clock("write", write_picture, picture, Path(folder) / "cutout.png", photo.meta)
            if number:
                for stage, spent in clock.timings.items():
                    times.setdefault(stage, []).append(spent)
    return {stage: statistics.median(spent) for stage, spent in times.items()}


def child(*command: str) -> tuple[float, float]:
    """Milliseconds and peak megabytes of one cold child process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    spent = (time.perf_counter() - start) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return spent, usage.ru_maxrss * unit / MEGABYTE


def cold_cut(photo_file: Path, threads: int) -> tuple[float, float]:
    """Milliseconds and peak megabytes of `depthmatte cut` on the large photo."""
    with tempfile.TemporaryDirectory() as folder:
        job = ["cut", str(photo_file), "-o", folder, "--save", "cutout", "--quiet"]
        return child("-m", "depthmatte", *job, "--threads", str(threads))


def starts(rounds: int) -> dict[str, float]:
    """Milliseconds from nothing to an imported package and to the help text."""
    commands = {
        "python -c pass": ("-c", "pass"),
        "import depthmatte": ("-c", "import depthmatte"),
        "depthmatte --help": ("-m", "depthmatte", "--help"),
    }
    return medians(
        {name: lambda command=command: child(*command)[0] for name, command in commands.items()},
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-selfie", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    here = {"cpu": cpu(), "threads": options.threads}
    rows: list[dict[str, Any]] = []

    def note(
        part: str,
        name: str,
        value: float,
        unit: str = "ms",
        ratio: float = float("nan"),
        to: str = "",
    ) -> None:
        row = {"part": part, "measure": name, "value": value, "unit": unit}
        rows.append(row | {"ratio": ratio, "to": to} | here)
        tail = f"  {ratio:.3f} of {to}" if to else ""
        print(f"{part:<10} {name:<22} {value:>9.1f} {unit}{tail}")

    # First: a child's peak starts from what its parent held when it was forked.
    large = large_photo()
    spent, peak = cold_cut(large, options.threads)

    found = networks(options.rounds, options.threads, not options.no_selfie)
    pair = found["matte"] + found["depth"]
    for name, value in found.items():
        note("networks", name, value)
    for name in found:
        if name not in ("matte", "depth"):
            note("networks", "matte + depth", pair, ratio=pair / found[name], to=name)
    weight = sum(weights.path(name).stat().st_size for name in ("matte", "depth"))
    note("networks", "weights", weight / 1e6, "MB")

    steps = stages(large, max(3, options.rounds // 3), options.threads)
    for name, value in steps.items():
        note("12 MP", name, value)
    note("12 MP", "all stages", sum(steps.values()))
    note("12 MP", "cold cut", spent)
    note("12 MP", "cold cut, peak memory", peak, "MiB")

    begun = starts(options.rounds)
    empty = begun["python -c pass"]
    for name, value in begun.items():
        note("start", name, value, ratio=value / empty, to="python -c pass")
    write(rows, "speed")


if __name__ == "__main__":
    main()
