"""How long does `adaptive` take on the canvas, and where does the time go?

python -m benchmarks.fusion_time SCENES -> results/fusion_time.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from depthmatte.canvas import prepare_canvas
from depthmatte.evaluation import ablation
from depthmatte.fusion import inputs
from depthmatte.fusion.adaptive import fuse_adaptive
from depthmatte.fusion.reliability import belongs_to_photo
from depthmatte.networks.network import Network
from depthmatte.session import Session
from depthmatte.subjects.select import subject_log_depth
from depthmatte.values import Depth, Matte

from .common.table import show, write
from .common.timing import Step, times

SOURCES = ("mono", "sensor", "stereo")
TITLES = {
    "stage": "the stage, median ms",
    "stage_p90": "90th percentile",
    "network": "its network",
    "subject": "where the subject is",
    "agreement": "does the map fit (sensors)",
    "portrait": "the portrait network, for comparison",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", type=Path, help="folder that benchmarks.hard_scenes wrote")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--every", type=int, default=6, help="every n-th scene")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    session = Session(threads=1)
    pipeline, sources = session.pipeline(), session.sources()
    table = {}
    for source in SOURCES:
        pictures = []
        for case in ablation.find_cases(options.scenes)[:: options.every]:
            photo, _ = case.sample.read()
            canvas = prepare_canvas(photo, pipeline.preset)
            matte = pipeline.segment(canvas)
            depth = ablation.depth_function_for(case, source, sources)(photo, canvas)
            pictures.append(
                parts(matte, depth, session.network("fuse"))
                | {"portrait": step(pipeline.segment, canvas)}
            )
        spent = times(pictures, options.rounds)
        table[source] = {name: float(np.median(values)) for name, values in spent.items()}
        table[source]["stage_p90"] = float(np.quantile(spent["stage"], 0.9))
    show(table, "adaptive, one thread", TITLES, dict.fromkeys(TITLES, "lower"))
    write([{"source": name} | row for name, row in table.items()], "fusion_time")


def parts(matte: Matte, depth: Depth, network: Network) -> dict[str, Step]:
    """The stage and its dearest parts on one picture."""
    at = subject_log_depth(matte, depth)
    seen = inputs.pool_blocks(inputs.feature_maps(matte, depth, at))[None]
    return {
        "stage": step(fuse_adaptive, matte, depth, lambda: network),
        "network": step(network.run, seen),
        "subject": step(subject_log_depth, matte, depth),
        "agreement": step(belongs_to_photo, matte, depth),
    }


def step(call: Callable[..., object], *given: object) -> Step:
    """The call as a step; what it answers is no time."""

    def once() -> None:
        call(*given)

    return once


if __name__ == "__main__":
    main()
