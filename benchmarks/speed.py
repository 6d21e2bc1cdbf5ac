"""Time of the networks, their peers and the start. The whole cut: end_to_end.py.

What is compared is measured in the same run, in turns, so that a busy machine slows all
alike; read the ratios before the milliseconds.

python -m benchmarks.speed [--no-selfie] -> results/speed.csv
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from depthmatte.canvas import PRESET_SHAPE
from depthmatte.networks import registry
from depthmatte.networks.network import Network, open_bare_session
from depthmatte.photo import Photo

from .common.peers import ROOT, SHARED, Selfie
from .common.table import write
from .common.timing import cpu, medians, run


def networks(rounds: int, threads: int, with_selfie: bool) -> dict[str, float]:
    """Milliseconds per run: our two networks, MODNet at two sizes, selfie on one photo."""
    steps: dict[str, Callable[[], float | None]] = {}
    for name in ("matte", "depth"):
        steps[name] = _run(Network(registry.network_path(name), threads), PRESET_SHAPE)
    modnet = open_bare_session(SHARED / "teachers" / "modnet.onnx", threads)
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


def starts(rounds: int) -> dict[str, float]:
    """Milliseconds from nothing to an imported package and to the help text."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    commands = {
        "python -c pass": ("-c", "pass"),
        "import depthmatte": ("-c", "import depthmatte"),
        "depthmatte --help": ("-m", "depthmatte", "--help"),
    }
    return medians(
        {
            name: lambda command=command: run([sys.executable, *command], environment)["cold"]
            for name, command in commands.items()
        },
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

    found = networks(options.rounds, options.threads, not options.no_selfie)
    pair = found["matte"] + found["depth"]
    for name, value in found.items():
        note("networks", name, value)
    for name in found:
        if name not in ("matte", "depth"):
            note("networks", "matte + depth", pair, ratio=pair / found[name], to=name)
    weight = sum(registry.network_path(name).stat().st_size for name in ("matte", "depth"))
    note("networks", "weights", weight / 1e6, "MB")

    begun = starts(options.rounds)
    empty = begun["python -c pass"]
    for name, value in begun.items():
        note("start", name, value, ratio=value / empty, to="python -c pass")
    write(rows, "speed")


if __name__ == "__main__":
    main()
