"""How good is a matte after a few clicks? Simulated on composites whose people are known.

Each click lies in the middle of the largest wrong region. It keeps where somebody is missing, and
drops where nobody is.

python -m benchmarks.corrections -> results/corrections.csv
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.photo import Photo
from depthmatte.segment.corrections import Corrections, find_edits
from depthmatte.session import Session

from .common.table import show, write
from .people import make_group

TITLES = {"photos": "photos", "mean": "mean IoU", "good": "share over .95", "elsewhere": "spoiled"}

_MAX_CLICKS = 5


def middle_of_largest(wrong: NDArray[np.bool_]) -> tuple[float, float, int]:
    """(x, y) well inside the largest region, and its area in pixels."""
    count, label, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
    if count < 2:
        return 0.0, 0.0, 0
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    region = np.pad(label == largest, 1).astype(np.uint8)
    depth = cv2.distanceTransform(region, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x), float(y), int(stats[largest, cv2.CC_STAT_AREA])


def click(mask: NDArray[np.bool_], truth: NDArray[np.bool_], made: Corrections) -> Corrections:
    """The corrections with one more point."""
    missing, false = middle_of_largest(truth & ~mask), middle_of_largest(mask & ~truth)
    if missing[2] >= false[2]:
        return replace(made, keep=(*made.keep, missing[:2]))
    return replace(made, drop=(*made.drop, false[:2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    options = parser.parse_args()
    session = Session(threads=options.threads, matte_network=options.matte)
    pipeline = session.pipeline()
    curves: list[list[float]] = []
    spoiled: list[list[float]] = []
    for index in range(options.scenes):
        group = make_group(index, options.split)
        truth = np.any(group.masks, axis=0)
        photo = Photo(group.rgb)
        portrait = pipeline(photo)
        made, curve, losses = Corrections(), [], []
        for _ in range(_MAX_CLICKS + 1):
            edits = find_edits(portrait, made, partial(pipeline._look, photo))
            mask = replace(portrait, edits=edits).mask
            curve.append(float((mask & truth).sum() / max(1, (mask | truth).sum())))
            right = portrait.mask == truth
            losses.append(float((right & (mask != truth)).mean()))
            made = click(mask, truth, made)
        curves.append(curve)
        spoiled.append(losses)
    values, losses_of = np.array(curves), np.array(spoiled)
    table = {
        f"{clicks} clicks": {
            "photos": float(len(values)),
            "mean": float(values[:, clicks].mean()),
            "good": float((values[:, clicks] > 0.95).mean()),
            "elsewhere": float(losses_of[:, clicks].mean()),
        }
        for clicks in range(_MAX_CLICKS + 1)
    }
    show(table, f"corrections, {options.split}", TITLES, {"mean": "higher", "good": "higher"})
    write([{"clicks": name} | numbers for name, numbers in table.items()], "corrections")


if __name__ == "__main__":
    main()
