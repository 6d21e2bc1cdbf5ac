"""Is the right one of several people taken for the subject? And would a learned score do better?

python -m benchmarks.subject TRAIN TEST ... -> results/subject.csv

TRAIN and TEST are folders of hard scenes (`python -m benchmarks.hard_scenes`). The learned score is
a logistic regression of the person's area, probability and nearness, fitted on TRAIN.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from depthmatte.canvas import prepare_canvas, to_canvas
from depthmatte.io.photo.photo_reader import read
from depthmatte.options import CutOptions
from depthmatte.pipeline import Pipeline
from depthmatte.session import Session, attach_inputs
from depthmatte.subjects.instances import find_instance_parts
from depthmatte.subjects.select import Subject, _main_instance

from .common.table import show, write

TITLES = {"cases": "cases", "rule": "rule", "learned": "learned"}

_LEAST_IOU = 0.3
"""IoU with the subject from which somebody in the matte is the subject."""

_SHRINKAGE = 0.01
"""Weight of the squared coefficients, per case."""

_LEAST_NEARNESS = 1e-3


@dataclass(frozen=True)
class Case:
    """Several people in one scene, with one source of depth."""

    features: NDArray[np.float64]
    """(people, 3): logarithms of area, probability and nearness."""
    subject: int
    chosen: int
    """Index of the true subject, and of the one whom the rule takes."""


def iter_cases(pipeline: Pipeline, folder: Path) -> Iterator[Case]:
    for scene in sorted(path.parent for path in folder.glob("*/scene.json")):
        photo = read(scene / "photo.jpg")
        stored = cv2.imread(str(scene / "alpha.png"), cv2.IMREAD_UNCHANGED).astype(np.float32)
        canvas = prepare_canvas(photo, pipeline.preset, pipeline.orient)
        matte, truth = pipeline.segment(canvas), to_canvas(stored, canvas.fit) > stored.max() / 2
        sensor, rig = str(scene / "depth_sensor.png"), str(scene / "calib.json")
        for seen in (attach_inputs(photo, sensor, None, rig, CutOptions()), photo):
            depth = pipeline.measure(seen, canvas).computed()
            found = find_instance_parts(matte, depth)
            solid = matte.alpha >= 0.5
            people = [(found.label == number) & solid for number in range(1, len(found) + 1)]
            ious = [float((one & truth).sum() / max(1, (one | truth).sum())) for one in people]
            if len(people) < 2 or max(ious) < _LEAST_IOU:
                continue
            area = found.area[1:] / found.area[1:].sum()
            prob = found.prob_sum[1:] / np.maximum(1, found.area[1:])
            near = 1 - np.nan_to_num(found.depth[1:], nan=1.0)
            planes = [np.log(np.maximum(one, _LEAST_NEARNESS)) for one in (area, prob, near)]
            chosen = _main_instance(found, Subject()) - 1
            yield Case(np.stack(planes, axis=1), int(np.argmax(ious)), chosen)


def fit_score(cases: list[Case]) -> NDArray[np.float64]:
    """Coefficients of the three features."""

    def cost(weights: NDArray[np.float64]) -> float:
        total = 0.0
        for case in cases:
            scores = case.features @ weights
            total += float(np.log(np.exp(scores - scores.max()).sum()) + scores.max())
            total -= float(scores[case.subject])
        return total / len(cases) + _SHRINKAGE * float((weights**2).sum())

    return np.asarray(minimize(cost, np.full(3, 0.5)).x)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    pipeline = Session(threads=options.threads).pipeline()
    train = list(iter_cases(pipeline, options.train))
    test = [case for folder in options.test for case in iter_cases(pipeline, folder)]
    weights = fit_score(train)
    print("area, probability, nearness:", np.round(weights, 2))
    table = {
        name: {
            "cases": float(len(cases)),
            "rule": float(np.mean([case.chosen == case.subject for case in cases])),
            "learned": float(
                np.mean([np.argmax(case.features @ weights) == case.subject for case in cases])
            ),
        }
        for name, cases in (("train", train), ("test", test))
    }
    show(table, "right subjects", TITLES, dict.fromkeys(("rule", "learned"), "higher"))
    write([{"scenes": name} | numbers for name, numbers in table.items()], "subject")


if __name__ == "__main__":
    main()
