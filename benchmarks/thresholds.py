"""The fused threshold of every fusion with every source, chosen on training scenes.

python -m benchmarks.hard_scenes --data ../shared/data --out OUT --count 40 --seed 11 --split train
python -m benchmarks.thresholds OUT -> the table `ablation._SECOND_THRESHOLDS`, printed

Only scenes of the training split belong here; what is measured afterwards is the test split.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from depthmatte.evaluation import ablation
from depthmatte.options import CutOptions
from depthmatte.session import Session

STEPS = 200
"""Thresholds are tried at whole multiples of 1 / STEPS."""


def ious(alpha: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU of alpha >= t with the truth for t = 1 / STEPS ... (STEPS - 1) / STEPS."""
    level = np.minimum((alpha * STEPS).astype(np.int64), STEPS - 1)
    inside = np.bincount(level[truth], minlength=STEPS)[::-1].cumsum()[::-1]
    outside = np.bincount(level[~truth], minlength=STEPS)[::-1].cumsum()[::-1]
    both, either = inside[1:], truth.sum() + outside[1:]
    return np.asarray(both / np.maximum(either, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    session = Session(threads=options.threads)
    rules = ablation.ablation_fusions(session.fusions())
    formulas = {n: rule for n, rule in rules.items() if n != "adaptive"}
    # The second look would depend on today's thresholds, so it is off.
    least = dict.fromkeys(product(ablation.SCENE_FILES, formulas), 1 / STEPS)
    once = session.pipeline(CutOptions(second_look=False))
    bench = ablation.AblationSetup(once, session.sources(), formulas, least)
    scores: dict[tuple[str, str], list[NDArray[np.float64]]] = defaultdict(list)
    for case in track(ablation.find_cases(options.scenes), transient=True):
        photo, truth = case.sample.read()
        for name, portrait in ablation.case_variants(case, photo, bench):
            source, _, variant = name.partition("/")
            if variant:
                scores[source, variant].append(ious(portrait.alpha, truth >= 0.5))
    for (source, variant), rows in scores.items():
        means = np.mean(rows, axis=0)
        best = (int(np.argmax(means)) + 1) / STEPS
        print(f'    ("{source}", "{variant}"): {best:g},  # IoU {means.max():.3f}')


if __name__ == "__main__":
    main()
