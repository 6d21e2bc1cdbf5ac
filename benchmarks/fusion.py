"""Quality of the fusions on hard scenes, ordinary photos, wrong depth and cut mattes, in one CSV.

python -m benchmarks.fusion SCENES [--frames 4] -> results/fusion.csv, fusion.png, sheet

SCENES is a folder that `python -m benchmarks.hard_scenes --split test` made. Ordinary sets
are those of quality.py and every n-th frame of video/dance-twirl, with the depth network's
own estimate. `wrong` replaces the depth by a wrong map, given as an estimate (`depth`) and as the
user's depth file (`file`). `lost` cuts pieces out of alpha. With `half` the depth camera sees the
left half of a scene.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from depthmatte.canvas import Canvas
from depthmatte.depth import DepthFunction
from depthmatte.evaluation import ablation, plots
from depthmatte.evaluation.ablation import FALSE_AREA, MISSED_AREA, AblationCase, AblationSetup
from depthmatte.evaluation.run import MASK_IOU, MetricTable
from depthmatte.evidence import DepthStatus
from depthmatte.session import Session
from depthmatte.values import Depth, Matte

from .common.peers import DATA, EVAL_SETS
from .common.table import RESULTS, show, write
from .quality import short

TITLES = {"iou": "IoU", MASK_IOU: "own-mask IoU", "band": "band MAE", "mae": "MAE",
          FALSE_AREA: "false area", MISSED_AREA: "missed area"}  # fmt: skip
BETTER = {name: "higher" if "iou" in name else "lower" for name in TITLES}

WRONG_DEPTHS: dict[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]] = {
    "upside down": lambda z: z[::-1],
    "constant": lambda z: np.full_like(z, 0.5),
    "shifted 10 px": lambda z: np.roll(z, 10, axis=1),
    "reversed": lambda z: z.max() - z,
}


def wrong_source(source: DepthFunction, change: str, as_file: bool) -> DepthFunction:
    """The source with a wrong map. Its probability stays, or moves with the map.

    With `as_file` the map counts as the user's depth file, which the fusion trusts more.
    """

    def ask(photo: Any, canvas: Canvas) -> Depth:
        depth = source(photo, canvas)
        moved = change in ("upside down", "shifted 10 px")
        prob = WRONG_DEPTHS[change](depth.prob) if moved else depth.prob
        return replace(
            depth,
            z=np.ascontiguousarray(WRONG_DEPTHS[change](depth.z), np.float32),
            prob=np.ascontiguousarray(prob),
            source="sensor" if as_file else depth.source,
            validity=np.zeros((0, 0), np.uint8),
        )

    return ask


def halved(source: DepthFunction) -> DepthFunction:
    """A depth camera that sees the left half of the photo alone."""

    def ask(photo: Any, canvas: Canvas) -> Depth:
        depth = source(photo, canvas)
        seen = np.arange(depth.z.shape[1]) < depth.z.shape[1] // 2
        return replace(
            depth,
            prob=np.where(seen, depth.prob, np.float32(0)),
            validity=np.where(seen, depth.validity, np.uint8(DepthStatus.MISSING)),
        )

    return ask


def losing(segment: Callable[[Canvas], Matte]) -> Callable[[Canvas], Matte]:
    """The segmentation with three ovals cut out of the people it finds; the same every time."""

    def cut(canvas: Canvas) -> Matte:
        matte = segment(canvas)
        rows, columns = np.nonzero(matte.alpha > 0.5)
        if not rows.size:
            return matte
        rng = np.random.default_rng(int(rows.size))
        hole: Any = np.zeros(matte.alpha.shape, np.float32)
        for _ in range(3):
            spot = int(rng.integers(rows.size))
            axes = [max(2, round(np.sqrt(rows.size) * f)) for f in rng.uniform(0.08, 0.3, 2)]
            cv2.ellipse(hole, (int(columns[spot]), int(rows[spot])), axes, 0, 0, 360, 1, -1)
        return replace(matte, alpha=matte.alpha * (1 - hole), prob=matte.prob * (1 - hole))

    return cut


def measured(
    name: str, cases: list[AblationCase], bench: AblationSetup
) -> tuple[dict[str, dict[str, float]], ablation.AblationResult]:
    """Means over the cases, one row a variant."""
    outcome = ablation.measure_cases(track(cases, name, transient=True), bench)
    rows = outcome.table[""]
    show(rows, f"{name}, {len(cases)} photos", TITLES, BETTER)
    return rows, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, default=4, help="every n-th frame of the video")
    parser.add_argument(
        "--wrong-every", type=int, default=4, help="every n-th photo gets wrong depth"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sets", nargs="*", help="show only these: scenes, wrong, lost, half, SET")
    options = parser.parse_args()
    session = Session(threads=options.threads)
    bench = AblationSetup(
        session.pipeline(), session.sources(), ablation.ablation_fusions(session.fusions())
    )
    table: MetricTable = {}

    def wanted(name: str) -> bool:
        return not options.sets or name in options.sets

    if options.scenes:
        scenes = ablation.find_cases(options.scenes)
        sensor = [replace(case, sources=("sensor",)) for case in scenes]
        if wanted("scenes"):
            table["hard scenes"], outcome = measured("hard scenes", scenes, bench)
            plots.plot_ablation({"hard scenes": table["hard scenes"]}, RESULTS / "fusion.png")
            plots.write_ablation_sheet(outcome, bench, Path("out/fusion-sheet.png"))
        if wanted("lost"):
            lost = replace(bench.pipeline, segment=losing(bench.pipeline.segment))
            table["lost pieces"], _ = measured("lost pieces", sensor, replace(bench, pipeline=lost))
        if wanted("half"):
            half = bench.sources | {"sensor": halved(bench.sources["sensor"])}
            table["half unseen"], _ = measured("half unseen", sensor, replace(bench, sources=half))
    sets = [*(DATA / name for name in EVAL_SETS), DATA / "video/dance-twirl"]
    for folder in sets:
        name = short(folder)
        cases = ablation.find_cases(folder)
        cases = cases[:: options.frames] if "video" in name else cases
        if wanted(name):
            table[name], _ = measured(name, cases, bench)
        if wanted("wrong"):
            for change, as_file in product(WRONG_DEPTHS, (False, True)):
                wrong = {"mono": wrong_source(bench.sources["mono"], change, as_file)}
                title = f"{name}, {'file' if as_file else 'depth'} {change}"
                table[title], _ = measured(
                    title,
                    cases[:: options.wrong_every],
                    replace(bench, sources=bench.sources | wrong),
                )
    if options.sets:  # the file is of a whole run
        return
    write(
        [
            {"set": name, "variant": variant, **{key: row[key] for key in TITLES}}
            for name, rows in table.items()
            for variant, row in rows.items()
        ],
        "fusion",
    )


if __name__ == "__main__":
    main()
