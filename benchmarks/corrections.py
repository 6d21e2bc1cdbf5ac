"""How good is a matte after a few clicks? Simulated on photos or composites with known masks.

Each click lies in the middle of the largest wrong region. It keeps where somebody is missing, and
drops where nobody is.

python -m benchmarks.corrections -> results/corrections.csv, on composites of several people
python -m benchmarks.corrections --folders DIR ... -> results/corrections_photos.csv, on the photos
    of these folders (images, masks) whose matte is worst
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.evaluation.run import find_samples
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.portrait import Portrait
from depthmatte.segment.corrections import Corrections, find_edits
from depthmatte.session import Session

from .common.table import show, write
from .people import make_group

TITLES = {"photos": "photos", "mean": "mean IoU", "good": "share over .95", "elsewhere": "spoiled"}

_MAX_CLICKS = 5

_GOOD_IOU = 0.95

Mask = NDArray[np.bool_]


def middle_of_largest(wrong: Mask) -> tuple[float, float, int]:
    """(x, y) well inside the largest region, and its area in pixels."""
    count, label, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
    if count < 2:
        return 0.0, 0.0, 0
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    region = np.pad(label == largest, 1).astype(np.uint8)
    depth = cv2.distanceTransform(region, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x), float(y), int(stats[largest, cv2.CC_STAT_AREA])


def click(mask: Mask, truth: Mask, made: Corrections) -> Corrections:
    """The corrections with one more point."""
    missing, false = middle_of_largest(truth & ~mask), middle_of_largest(mask & ~truth)
    if missing[2] >= false[2]:
        return replace(made, keep=(*made.keep, missing[:2]))
    return replace(made, drop=(*made.drop, false[:2]))


def mask_iou(mask: Mask, truth: Mask) -> float:
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))


def correct(pipeline: Pipeline, portrait: Portrait, truth: Mask) -> list[tuple[float, float]]:
    """IoU, and the share of pixels that were right at first and are not any more, by clicks."""
    made, curve = Corrections(), []
    right = portrait.mask == truth
    for _ in range(_MAX_CLICKS + 1):
        look = partial(pipeline._look, portrait.photo)
        mask = replace(portrait, edits=find_edits(portrait, made, look)).mask
        curve.append((mask_iou(mask, truth), float((right & (mask != truth)).mean())))
        made = click(mask, truth, made)
    return curve


def iter_composites(pipeline: Pipeline, count: int, split: str) -> Iterator[tuple[Portrait, Mask]]:
    for index in range(count):
        group = make_group(index, split)
        yield pipeline(Photo(group.rgb)), np.any(group.masks, axis=0)


def iter_worst(
    pipeline: Pipeline, folders: list[Path], count: int
) -> Iterator[tuple[Portrait, Mask]]:
    """The photos whose IoU is lowest and not good, the worst first."""
    found = []
    for folder in folders:
        for sample in find_samples(folder):
            photo, alpha = sample.read()
            iou = mask_iou(pipeline(photo).mask, alpha >= 0.5)
            if iou <= _GOOD_IOU:
                found.append((iou, str(sample.photo), sample))
    print(f"{len(found)} photos are not over {_GOOD_IOU}")
    for _, _, sample in sorted(found, key=lambda one: one[:2])[:count]:
        photo, alpha = sample.read()
        yield pipeline(photo), alpha >= 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--folders", type=Path, nargs="*", default=[])
    parser.add_argument("--worst", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    options = parser.parse_args()
    pipeline = Session(threads=options.threads, matte_network=options.matte).pipeline()
    cases = (
        iter_worst(pipeline, options.folders, options.worst)
        if options.folders
        else iter_composites(pipeline, options.scenes, options.split)
    )
    values = np.array([correct(pipeline, portrait, truth) for portrait, truth in cases])
    table = {
        f"{clicks} clicks": {
            "photos": float(len(values)),
            "mean": float(values[:, clicks, 0].mean()),
            "good": float((values[:, clicks, 0] > _GOOD_IOU).mean()),
            "elsewhere": float(values[:, clicks, 1].mean()),
        }
        for clicks in range(_MAX_CLICKS + 1)
    }
    where = "worst photos" if options.folders else options.split
    show(table, f"corrections, {where}", TITLES, {"mean": "higher", "good": "higher"})
    name = "corrections_photos" if options.folders else "corrections"
    write([{"clicks": name} | numbers for name, numbers in table.items()], name)


if __name__ == "__main__":
    main()
