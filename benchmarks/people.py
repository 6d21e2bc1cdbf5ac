"""Are people who touch and overlap told apart? Composites of 2 to 5 people whose masks are known.

python -m benchmarks.people -> results/people.csv

The numbers of `subjects/head_tops.py` and `subjects/separate.py` were chosen with `--split train`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.canvas import from_canvas, prepare_canvas, to_canvas
from depthmatte.photo import Photo
from depthmatte.session import Session
from depthmatte.subjects.head_votes import HeadVotes
from depthmatte.subjects.instances import find_instances
from depthmatte.subjects.people_finder import measure_people
from depthmatte.subjects.separate import separate_people, show_everybody
from depthmatte.training.data.splits import list_backgrounds, list_cutouts
from depthmatte.values import Depth, Matte

from .common.peers import DATA, ROOT
from .common.table import show, write

sys.path.insert(0, str(ROOT / "tests" / "support"))

from groups import Group, draw_group, match_people

TITLES = {"people": "people", "precision": "precision", "recall": "recall", "iou": "IoU"}

_MIN_ASPECT = 1.3
"""Height over width of cut-outs that are taken: people who stand or sit, and no furniture."""

_Separate = Callable[[Matte, Depth, HeadVotes], NDArray[np.int32]]

METHODS: dict[str, _Separate] = {
    "gaps and depth": lambda matte, depth, votes: find_instances(matte, depth).label,
    "and heads": lambda matte, depth, votes: separate_people(matte, depth),
    "votes": separate_people,
}


def load_cutout(path: Path) -> NDArray[np.uint8]:
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    rgba = np.dstack([stored[..., 2::-1], stored[..., 3]])
    rows, columns = np.nonzero(rgba[..., 3] > 128)
    return np.ascontiguousarray(
        rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    )


def make_group(index: int, split: str) -> Group:
    """The scene of this index, the same in every run."""
    rng = np.random.default_rng(index + (0 if split == "train" else 1000))
    files = [path for path in list_cutouts(DATA, split) if path.name.startswith("david")]
    cutouts = [one for one in map(load_cutout, files) if one.shape[0] > _MIN_ASPECT * one.shape[1]]
    backgrounds = list_backgrounds(DATA, split)
    background = cv2.imread(str(backgrounds[rng.integers(len(backgrounds))]))[..., ::-1]
    order = list(rng.permutation(len(cutouts)))

    def draw_person() -> NDArray[np.uint8]:
        person = cutouts[order.pop()]
        return person[:, ::-1] if rng.random() < 0.5 else person

    return draw_group(rng, draw_person, background, 2 + index % 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--matte", default="matte", help="a matte network other than ours")
    options = parser.parse_args()
    session = Session(threads=options.threads, matte_network=options.matte)
    pipeline = session.pipeline()
    assert pipeline.find_people is not None
    found: dict[str, list[tuple[int, int, list[float]]]] = {}
    for index in range(options.scenes):
        group = make_group(index, options.split)
        photo = Photo(group.rgb)
        canvas = prepare_canvas(photo, pipeline.preset, pipeline.orient)
        fit, seen = canvas.fit, pipeline.segment(canvas)
        votes = measure_people(canvas.rgb[0], session.network("people"))
        alpha = to_canvas(np.any(group.masks, axis=0).astype(np.float32), fit)
        alpha = np.clip(alpha, 0, 1).astype(np.float32)
        meters = to_canvas(group.meters, fit, nearest=True)
        depths = {
            "no depth": Depth.none(fit.canvas),
            "estimate": pipeline.measure(photo, canvas),
            "measured": Depth(meters, fit.inside().astype(np.float32), True, "sensor"),
        }
        labels: dict[str, NDArray[np.int32]] = {}
        for outline, matte in (("true", Matte(alpha, alpha, seen.rgb)), ("network", seen)):
            for source, depth in depths.items():
                for name, separate in METHODS.items():
                    adds = outline == "network" and name == "votes"
                    everybody = show_everybody(matte, votes if adds else None)
                    label = np.where(everybody.alpha >= 0.5, separate(everybody, depth, votes), 0)
                    labels[f"{outline}, {source}, {name}"] = label
        everybody_found = pipeline.find_people(photo, seen, depths["estimate"], fit)
        solid = everybody_found.matte.alpha >= 0.5
        labels["network, closer looks"] = np.where(solid, everybody_found.label, 0)
        for name, label in labels.items():
            whole = from_canvas(label.astype(np.float32), fit, nearest=True).astype(int)
            people = [whole == number for number in range(1, whole.max() + 1)]
            ious = [iou for *_, iou in match_people(people, group.masks)]
            found.setdefault(name, []).append((len(people), len(group.masks), ious))
    table = {}
    for name, rows in found.items():
        ious = [iou for *_, some in rows for iou in some]
        table[name] = {
            "people": float(sum(true for _, true, _ in rows)),
            "precision": len(ious) / max(1, sum(count for count, *_ in rows)),
            "recall": len(ious) / max(1, sum(true for _, true, _ in rows)),
            "iou": float(np.mean(ious)) if ious else 0.0,
        }
    better = dict.fromkeys(("precision", "recall", "iou"), "higher")
    show(table, f"people, {options.split}", TITLES, better)
    write([{"method": name} | numbers for name, numbers in table.items()], "people")


if __name__ == "__main__":
    main()
