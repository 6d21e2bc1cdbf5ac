"""Is another precision worth it? Size, time and quality of every network in each.

python -m benchmarks.precision --maps MAPS [--every 3] [--rounds 15] -> results/precision.csv

With `--networks` the rows of the other networks stay in the file.

MAPS is the output of `depthmatte train maps`, of which the fusion network's held-out part is
read. Time is the median over rounds of the ratio to the shipped file in the same round, on one
thread: a busy machine slows both alike. int8 is calibrated on held-out training samples, never on
eval photos.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depthmatte.canvas import from_canvas, prepare_canvas
from depthmatte.depth.stereo.second_view import create_matcher
from depthmatte.evaluation.metrics import METRICS
from depthmatte.evaluation.run import find_samples
from depthmatte.networks import registry
from depthmatte.networks.contract import PRECISIONS
from depthmatte.networks.network import Network
from depthmatte.segment.portrait_network import create_segmenter
from depthmatte.session import Session
from depthmatte.training.exported.held_out import measure_quality
from depthmatte.training.quantize import quantize_network

from .common.peers import DATA, EVAL_SETS
from .common.table import RESULTS, write
from .common.timing import cpu, times
from .depth import SETS, Tally, office, ours, outlines, scenes
from .stereo import judge, pairs

SHIPPED = "shipped"
"""The files of the package: float16 weights."""

MATTE_SETS = EVAL_SETS[:2]

Measure = Callable[[Path], dict[str, float]]


def measure_matte(file: Path, every: int) -> dict[str, float]:
    """IoU and boundary IoU of the segmentation alone on every n-th photo of the eval sets."""
    network = Network(file, threads=1, trusted=True)
    segment = create_segmenter(network)
    found: dict[str, float] = {}
    for name in MATTE_SETS:
        scores: dict[str, list[float]] = {"iou": [], "boundary_iou": [], "mae": []}
        for sample in find_samples(DATA / name)[::every]:
            photo, truth = sample.read()
            canvas = prepare_canvas(photo, network.contract.preset)
            alpha = np.clip(from_canvas(segment(canvas).alpha, canvas.fit), 0, 1)
            for metric, values in scores.items():
                values.append(METRICS[metric].function(alpha, truth))
        label = Path(name).parent.name
        found |= {f"{label} {metric}": float(np.mean(v)) for metric, v in scores.items()}
    return found


def measure_depth(file: Path, every: int) -> dict[str, float]:
    """Order across outlines and among people, and AbsRel beside a sensor."""
    estimator = ours(Session(threads=1, depth_network=str(file)).pipeline())
    found: dict[str, float] = {}
    for name, folder in SETS.items():
        found |= outlines([estimator], name, DATA / folder, every)[0]
    tally = Tally()
    for scene, photo in scenes(120 // every, 0):
        d = estimator.run(photo)
        tally.add(scene, d, estimator.spread(d))
    numbers = found | tally.numbers() | office(estimator)
    kept = ("outline_picsart", "outline_ccp", "person_order", "office_log")
    return {name: numbers[name] for name in kept}


def measure_stereo(file: Path, _: int) -> dict[str, float]:
    """Mean error and share above 2 pixels on Middlebury pairs; error on generated pairs."""
    matching = create_matcher(str(file), 1)
    found: dict[str, float] = {}
    for pair in pairs():
        numbers = judge(pair, "network", matching).numbers
        found |= {f"{pair.name} mean": numbers["mean"], f"{pair.name} bad2": numbers["bad2"]}
    return found | held_out(file, None)


def held_out(file: Path, maps: Path | None) -> dict[str, float]:
    """The trainer's own measure on held-out samples."""
    quality = measure_quality(Network(file, threads=1, trusted=True), DATA, maps)
    return {quality.measure: quality.value}


def time_ratios(files: dict[str, Path], rounds: int) -> dict[str, tuple[float, float]]:
    """Precision -> (median milliseconds, median ratio to the shipped file in the same round)."""
    networks = {name: Network(file, threads=1, trusted=True) for name, file in files.items()}
    contract = networks[SHIPPED].contract
    shape = (1, contract.channels, *contract.preset)
    image = np.random.default_rng(0).random(shape, np.float32)

    def step(network: Network) -> None:
        network.run(image)

    spent = times([{name: partial(step, one) for name, one in networks.items()}], rounds)
    return {
        name: (
            statistics.median(values),
            statistics.median(a / b for a, b in zip(values, spent[SHIPPED], strict=True)),
        )
        for name, values in spent.items()
    }


def byte_instructions() -> str:
    """Whether the processor has instructions for products of bytes."""
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    wide = next((flag for flag in ("avx512f", "avx2") if flag in flags), "")
    bytes_ = any("vnni" in flag for flag in flags)
    return f"{wide}, {'VNNI' if bytes_ else 'no VNNI'}" if flags else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--maps", type=Path, help="output of depthmatte train maps, for fuse")
    parser.add_argument("--every", type=int, default=3, help="every n-th eval photo")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--networks", nargs="*", default=list(registry.NETWORKS))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    measures: dict[str, Measure] = {
        "matte": partial(measure_matte, every=options.every),
        "depth": partial(measure_depth, every=options.every),
        "stereo": partial(measure_stereo, _=options.every),
        "fuse": partial(held_out, maps=options.maps),
    }
    rows: list[dict[str, Any]] = []
    for name in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            files = {SHIPPED: registry.network_path(name)}
            for precision in PRECISIONS:
                if precision != "float16-weights":  # the shipped file's own
                    files[precision] = Path(folder) / f"{name}-{precision}.onnx"
                    data = DATA if precision == "int8" else None
                    quantize_network(name, files[precision], precision, data, options.maps)
            timed = time_ratios(files, options.rounds)
            size = files[SHIPPED].stat().st_size
            shipped: dict[str, float] = {}
            for precision, file in files.items():
                numbers = measures[name](file)
                shipped = shipped or numbers
                milliseconds, ratio = timed[precision]
                for measure, value in numbers.items():
                    row = {
                        "network": name,
                        "precision": precision,
                        "megabytes": file.stat().st_size / 1e6,
                        "size_ratio": file.stat().st_size / size,
                        "ms": milliseconds,
                        "time_ratio": ratio,
                        "measure": measure,
                        "value": value,
                        "change": value - shipped[measure],
                        "cpu": cpu(),
                        "instructions": byte_instructions(),
                    }
                    rows.append(row)
                    print(
                        f"{name:<7}{precision:<9}{row['megabytes']:>6.2f} MB{ratio:>6.2f} "
                        f"{measure:<26}{value:>8.4f}{row['change']:>+9.4f}",
                        flush=True,
                    )
        write(_joined(rows), "precision")


def _joined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with those of networks that an earlier run measured, in the table's order."""
    file, fresh = RESULTS / "precision.csv", {row["network"] for row in rows}
    if file.exists():
        with file.open(newline="", encoding="utf-8") as stream:
            rows = rows + [row for row in csv.DictReader(stream) if row["network"] not in fresh]
    order = list(registry.NETWORKS)
    return sorted(rows, key=lambda row: order.index(row["network"]))


if __name__ == "__main__":
    main()
