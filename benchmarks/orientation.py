"""Landscape photos: is it better to keep them upright (pad) or to turn them (rotate)?

The eval photos are portrait shots, so landscape ones are made of them in two ways:
`view` crops a 4:3 landscape window around the person's upper part, people stay upright;
`turned` turns the whole photo by 90 degrees, as from a camera held sideways whose file
does not say so, half of them each way round.

python -m benchmarks.orientation -> results/orientation.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import cv2
import numpy as np

from depthmatte.evaluation.depth_metrics import outline_pairs
from depthmatte.evaluation.metrics import METRICS, compute_metrics
from depthmatte.evaluation.run import find_samples
from depthmatte.options import OrientMode
from depthmatte.photo import Photo
from depthmatte.session import Session
from depthmatte.types import Float

from .common.peers import DATA
from .common.table import show, write

SETS = ("people/picsart/eval", "people/ccp/eval")
Pair = tuple[Photo, Float]

TITLES = {name: metric.title for name, metric in METRICS.items()} | {"outline": "inside nearer"}
BETTER = {name: str(metric.better) for name, metric in METRICS.items()} | {"outline": "higher"}


def view(index: int, photo: Photo, truth: Float) -> Pair:
    """A 4:3 landscape window that starts a little above the person's head."""
    height, width = photo.shape
    rows = min(round(width * 3 / 4), height)
    person = np.flatnonzero((truth >= 0.5).any(axis=1))
    head = int(person[0]) if person.size else 0
    top = int(np.clip(head - rows // 10, 0, height - rows))
    window = slice(top, top + rows)
    return Photo(np.ascontiguousarray(photo.rgb[window])), np.ascontiguousarray(truth[window])


def turned(index: int, photo: Photo, truth: Float) -> Pair:
    """The photo on its side, even ones one way round, odd ones the other."""
    turns = 1 if index % 2 else -1
    rgb, mask = (np.ascontiguousarray(np.rot90(array, turns)) for array in (photo.rgb, truth))
    return Photo(rgb), mask


CASES: dict[str, Callable[[int, Photo, Float], Pair]] = {"view": view, "turned": turned}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    parser.add_argument("--depth", default="depth", help="a depth network other than ours")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    pipeline = Session(
        threads=options.threads, matte_network=options.matte, depth_network=options.depth
    ).pipeline()
    rows = []
    for name in SETS:
        for case, make in CASES.items():
            numbers: dict[str, list[dict[str, float]]] = {o: [] for o in get_args(OrientMode)}
            for index, sample in enumerate(find_samples(DATA / name)):
                photo, truth = make(index, *sample.read())
                if photo.is_landscape:
                    for orient, found in numbers.items():
                        portrait = replace(pipeline, orient=orient)(photo)
                        pairs = outline_pairs(truth >= 0.5).is_inside_nearer(portrait.depth)
                        share = float(pairs.mean()) if pairs.size else float("nan")
                        found.append(compute_metrics(portrait.alpha, truth) | {"outline": share})
            table = {
                orient: {
                    title: float(np.nanmean([row[title] for row in found])) for title in TITLES
                }
                for orient, found in numbers.items()
            }
            show(table, f"{name}, {case}", TITLES, BETTER)
            rows += [{"set": name, "case": case, "orient": o} | row for o, row in table.items()]
    write(rows, "orientation")


if __name__ == "__main__":
    main()
