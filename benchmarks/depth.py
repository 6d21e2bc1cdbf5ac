"""Is the depth right? Ours beside Tiefenrausch on outlines, people, posters and a sensor.

python -m benchmarks.depth [--scenes 200] -> results/depth.csv, reliability.csv, reliability.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from depthmatte.canvas import from_canvas, prepare_canvas
from depthmatte.evaluation.depth_metrics import (
    MAX_POSTER_STEP,
    ReliabilityBin,
    abs_rel,
    expected_calibration_error,
    outline_pairs,
    person_order,
    poster_depth_step,
    reliability_table,
)
from depthmatte.evaluation.run import find_samples
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.session import Session
from depthmatte.training.scenes.depth_scenes import DepthScene, held_out_depth_scenes
from depthmatte.types import Float, Mask

from .common.peers import DATA, TiefenrauschPeer
from .common.table import RESULTS, show, write

SETS = {"picsart": "people/picsart/eval", "ccp": "people/ccp/eval"}
TOLERANCE = 0.1
"""The depth probability is that of |d - true d| within this, by the depth network's contract."""

VISIBLE = 0.003
"""A person in a test scene counts when at least this share of the picture shows them."""

TITLES = {
    "outline_picsart": "outline, picsart: inside nearer, mean of photos",
    "outline_picsart_pooled": "  all pairs of the set together",
    "outline_picsart_clear": "  only pairs whose outer end is background",
    "outline_ccp": "outline, ccp: inside nearer, mean of photos",
    "outline_ccp_pooled": "  all pairs of the set together",
    "outline_ccp_clear": "  only pairs whose outer end is background",
    "person_order": "people in the right order",
    "person_pairs": "  pairs",
    "posters_flat": f"posters at their wall's depth (within {MAX_POSTER_STEP})",
    "posters_close": f"  within {TOLERANCE}, the tolerance of the probability",
    "posters": "  posters",
    "poster_step": "  median step from wall to poster",
    "person_step": "  median step across a person's outline",
    "office_log": "office AbsRel, aligned in log depth",
    "office_disparity": "office AbsRel, aligned in disparity",
    "ece": "calibration error of the probability",
}
BETTER = dict.fromkeys(TITLES, "higher") | {
    "person_pairs": "",
    "posters": "",
    "person_step": "",
    "poster_step": "lower",
    "office_log": "lower",
    "office_disparity": "lower",
    "ece": "lower",
}


@dataclass(frozen=True)
class Estimator:
    """A depth network at photo size.

    `run` gives a map (H, W), smaller is nearer, affine in log distance as far as the network
    knows; `disparity` turns that into a map affine in 1 / distance, `spread` into d in [0, 1].
    """

    name: str
    run: Callable[[Photo], Float]
    disparity: Callable[[Float], Float]
    spread: Callable[[Float], Float]


def ours(pipeline: Pipeline) -> Estimator:
    def d(photo: Photo) -> Float:
        return estimate(pipeline, photo)[0]

    return Estimator("depthmatte", d, lambda d: d, lambda d: d)


def tiefenrausch(network: Callable[[Photo], Float]) -> Estimator:
    """Negated log disparity is log depth; stretched as our truth is, to compare steps in it."""

    def spread(log_depth: Float) -> Float:
        near, far = np.percentile(log_depth, (1, 99))
        return np.clip((log_depth - near) / max(far - near, np.log(2)), 0, 1)

    return Estimator(
        "Tiefenrausch", lambda p: -network(p), lambda log_depth: np.exp(-log_depth), spread
    )


def estimate(pipeline: Pipeline, photo: Photo) -> tuple[Float, Float]:
    """d and depth probability at photo size."""
    canvas = prepare_canvas(photo, pipeline.preset, pipeline.orient)
    depth = pipeline.measure(photo, canvas)
    return from_canvas(depth.relative, canvas.fit), from_canvas(depth.prob, canvas.fit)


def outlines(
    estimators: Sequence[Estimator], name: str, folder: Path, step: int = 1
) -> list[dict[str, float]]:
    """Share of outline pairs whose inside is nearer: photos' mean, pooled, and clear pairs.

    Every `step`-th photo is measured.
    """
    every: list[list[Mask]] = [[] for _ in estimators]
    clear: list[list[Mask]] = [[] for _ in estimators]
    for sample in find_samples(folder)[::step]:
        photo, truth = sample.read()
        mask = truth >= 0.5
        pairs = outline_pairs(mask)
        background = ~mask[tuple(pairs.outside.T)]  # what `clear=True` keeps
        for number, estimator in enumerate(estimators):
            nearer = pairs.is_inside_nearer(estimator.run(photo))
            every[number].append(nearer)
            clear[number].append(nearer[background])
    return [
        {
            f"outline_{name}": _mean_share(shares),
            f"outline_{name}_pooled": float(np.concatenate(shares).mean()),
            f"outline_{name}_clear": _mean_share(clear_shares),
        }
        for shares, clear_shares in zip(every, clear, strict=True)
    ]


def _mean_share(photos: list[Mask]) -> float:
    return float(np.mean([pairs.mean() for pairs in photos if pairs.size]))


@dataclass
class Tally:
    """What the test scenes say about one network."""

    right: int = 0
    pairs: int = 0
    poster_steps: list[float] = field(default_factory=list)
    person_steps: list[float] = field(default_factory=list)

    def add(self, scene: DepthScene, d: Float, spread: Float) -> None:
        seen = [(mask, meters) for mask, meters in scene.people if mask.mean() >= VISIBLE]
        right, pairs = person_order(d, [m for m, _ in seen], [meters for _, meters in seen])
        self.right += right
        self.pairs += pairs
        for mask, _ in seen:
            ends = outline_pairs(mask, clear_outside=True)
            if len(ends.inside):
                inner, outer = spread[tuple(ends.inside.T)], spread[tuple(ends.outside.T)]
                self.person_steps.append(float(np.median(outer - inner)))
        for poster in scene.posters:
            step = poster_depth_step(spread, poster, wall_of(scene, poster))
            if np.isfinite(step) and poster.mean() >= VISIBLE:
                self.poster_steps.append(step)

    def numbers(self) -> dict[str, float]:
        steps = np.array(self.poster_steps)
        return {
            "person_order": self.right / max(self.pairs, 1),
            "person_pairs": self.pairs,
            "posters_flat": float((steps <= MAX_POSTER_STEP).mean())
            if steps.size
            else float("nan"),
            "posters_close": float((steps <= TOLERANCE).mean()) if steps.size else float("nan"),
            "posters": len(steps),
            "poster_step": float(np.median(steps)) if steps.size else float("nan"),
            "person_step": float(np.median(self.person_steps)),
        }


def wall_of(scene: DepthScene, poster: Mask) -> Mask:
    """The scenery at the poster's distance: nobody, nothing and no other poster in front."""
    wall = np.isclose(scene.meters, np.median(scene.meters[poster]), rtol=0.01)
    for other in [*scene.posters, *(mask for mask, _ in scene.people)]:
        wall &= ~other
    return wall


def office(estimator: Estimator) -> dict[str, float]:
    """Mean AbsRel over the frames of rgbd/office, in both alignments."""
    folder = DATA / "rgbd" / "office"
    errors: dict[str, list[float]] = {"office_log": [], "office_disparity": []}
    for file in sorted(folder.glob("*_depth.png")):
        meters = cv2.imread(str(file), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
        d = estimator.run(read(folder / f"{file.stem.removesuffix('_depth')}.jpg"))
        errors["office_log"].append(abs_rel(d, meters, meters > 0, "log"))
        errors["office_disparity"].append(
            abs_rel(estimator.disparity(d), meters, meters > 0, "disparity")
        )
    return {name: float(np.mean(values)) for name, values in errors.items()}


def scenes(count: int, seed: int) -> Iterator[tuple[DepthScene, Photo]]:
    for scene in held_out_depth_scenes(DATA, count, seed):
        yield scene, Photo(scene.rgb)


def probability_and_truth(
    pipeline: Pipeline, scene: DepthScene, photo: Photo
) -> tuple[Float, Mask]:
    """Probability and whether d is right, where the truth is exact; every fourth row and column."""
    d, prob = estimate(pipeline, photo)
    grid = np.zeros_like(scene.valid)
    grid[::4, ::4] = True
    at = scene.valid & grid
    return prob[at], np.abs(d[at] - scene.d[at]) <= TOLERANCE


def plot(table: list[ReliabilityBin], error: float, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    known = [row for row in table if row.pixels]
    total = sum(row.pixels for row in known)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(5, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    top.plot([row.confidence for row in known], [row.accuracy for row in known], marker="o")
    top.set(ylabel=f"share with |d - truth| ≤ {TOLERANCE}", xlim=(0, 1), ylim=(0, 1))
    top.set_title(f"Depth probability on test scenes, error {error:.3f}")
    bottom.bar([row.confidence for row in known], [row.pixels / total for row in known], 0.06)
    bottom.set(xlabel="depth probability", ylabel="share of pixels")
    figure.savefig(file, dpi=110)
    plt.close(figure)
    print(f"-> benchmarks/results/{file.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--depth", default="depth", help="a depth network other than ours")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    pipeline = Session(threads=options.threads, depth_network=options.depth).pipeline()
    estimators = [ours(pipeline), tiefenrausch(TiefenrauschPeer(options.threads))]
    rows: dict[str, dict[str, float]] = {e.name: {} for e in estimators}
    for name, folder in SETS.items():
        for estimator, found in zip(
            estimators, outlines(estimators, name, DATA / folder), strict=True
        ):
            rows[estimator.name] |= found
    for estimator in estimators:
        rows[estimator.name] |= office(estimator)
    tallies = {e.name: Tally() for e in estimators}
    pairs: list[tuple[Float, Mask]] = []
    for scene, photo in scenes(options.scenes, options.seed):
        for estimator in estimators:
            d = estimator.run(photo)
            tallies[estimator.name].add(scene, d, estimator.spread(d))
        pairs.append(probability_and_truth(pipeline, scene, photo))
    for name, tally in tallies.items():
        rows[name] |= tally.numbers()
    table = reliability_table(*(np.concatenate(part) for part in zip(*pairs, strict=True)))
    rows["depthmatte"]["ece"] = expected_calibration_error(table)
    show(rows, "Depth", TITLES, BETTER)
    write(
        [
            {"measure": name, "better": BETTER[name]}
            | {e: row.get(name, float("nan")) for e, row in rows.items()}
            for name in TITLES
        ],
        "depth",
    )
    write([row._asdict() for row in table], "reliability")
    plot(table, rows["depthmatte"]["ece"], RESULTS / "reliability.png")


if __name__ == "__main__":
    main()
