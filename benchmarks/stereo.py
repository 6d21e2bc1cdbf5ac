"""Is the disparity right? Network, SGBM and HITNet on Middlebury pairs with ground truth.

python -m benchmarks.stereo [--network FILE] -> results/stereo.csv, sparsification.png
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from depthmatte.depth.stereo.disparity import (
    Disparity,
    StereoMatcher,
    left_right_difference,
    occlusion_mask,
)
from depthmatte.depth.stereo.matching import match_pair
from depthmatte.depth.stereo.network_matcher import FINE_MATCH_SIDE_PX
from depthmatte.depth.stereo.second_view import create_matcher
from depthmatte.io.photo.photo_reader import read
from depthmatte.networks import registry as weights
from depthmatte.networks.network import open_bare_session
from depthmatte.types import RGB, Float, Mask

from .common.peers import DATA, SHARED
from .common.table import RESULTS, show, write

BAD = 2.0
"""Pixels of error from which a disparity counts as bad, at the pair's own size."""

SHARES = np.linspace(0, 0.99, 100)
"""Shares of the least trusted pixels that the sparsification curve leaves out."""

TITLES = {
    "bad2": f"share with an error above {BAD:g} pixels, non-occluded",
    "mean": "mean error in pixels, non-occluded",
    "matched": "share that the method itself calls matched",
    "bad2_matched": "bad, of those",
    "mean_matched": "mean error, of those",
    "ause": "AUSE of the method's own probability",
    "ause_check": "AUSE of its left-right check",
    "seconds": "processor seconds per pair",
}
BETTER = dict.fromkeys(TITLES, "lower") | {"matched": "higher"}


@dataclass(frozen=True)
class Pair:
    """A rectified pair; `truth` (h, w) in pixels of the left view, judged where `judged`."""

    name: str
    left: RGB
    right: RGB
    truth: Float
    judged: Mask


def pairs() -> Iterator[Pair]:
    """Non-occluded is what the set's own mask says, else what the ground truth's geometry does."""
    folder = DATA / "stereo"
    cones = grey(folder / "2bt_cones_mask.png") == 255
    for name, left, right, truth, mask in (
        (
            "motorcycle",
            "motorcycle_left.png",
            "motorcycle_right.png",
            np.load(folder / "motorcycle_disp.npz")["arr_0"],
            None,
        ),
        (
            "cones",
            "2bt_cones_left.png",
            "2bt_cones_right.png",
            grey(folder / "2bt_cones_gt.png"),
            cones,
        ),
        ("aloe", "aloeL.jpg", "aloeR.jpg", grey(folder / "aloeGT.png"), None),
    ):
        known = np.isfinite(truth) & (truth > 0)
        # What is unknown must hide nothing: it lands far to the right.
        geometry = np.where(known, truth, -float(truth.shape[1])).astype(np.float32)
        seen = ~occlusion_mask(geometry) if mask is None else mask
        yield Pair(
            name,
            read(folder / left).rgb,
            read(folder / right).rgb,
            np.where(known, truth, 0).astype(np.float32),
            known & seen,
        )


def grey(path: Path) -> Float:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32)


def hitnet(threads: int) -> StereoMatcher:
    """HITNet, ETH3D model: grey pair in [0, 1], sides multiples of 64, at the pair's own size."""
    session = open_bare_session(SHARED / "teachers" / "hitnet_eth3d.onnx", threads)

    def run(left: RGB, right: RGB, reach: float | None = None) -> Disparity:
        height, width = left.shape[:2]
        views = [cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) for view in (left, right)]
        padded = [
            cv2.copyMakeBorder(view, 0, -height % 64, 0, -width % 64, cv2.BORDER_REPLICATE)
            for view in views
        ]
        image = np.stack(padded, -1)[None].astype(np.float32) / 255
        (answer,) = session.run(None, {"input:0": image})
        pixels = np.ascontiguousarray(answer[0, :height, :width, 0], np.float32)
        return Disparity(np.maximum(pixels, 0), np.ones_like(pixels))

    return run


@dataclass
class Score:
    """Errors of one method on one pair, with what it said about them, judged pixels only."""

    error: Float
    matched: Mask
    trust: Float
    check: Float
    seconds: float
    numbers: dict[str, float] = field(default_factory=dict)


def judge(pair: Pair, name: str, matching: StereoMatcher) -> Score:
    start = time.process_time()  # a busy machine changes wall time far more
    found = match_pair(pair.left, pair.right, matching, rectified=True).disparity
    seconds = time.process_time() - start
    theirs = match_pair(pair.left, pair.right, matching, "right", rectified=True).disparity
    apart = np.minimum(left_right_difference(found.pixels, theirs.pixels), 1e3)
    error = np.abs(found.pixels - pair.truth)[pair.judged]
    score = Score(
        error,
        (apart <= 1)[pair.judged] if name == "hitnet" else (found.prob > 0)[pair.judged],
        found.prob[pair.judged],
        -apart[pair.judged],
        seconds,
    )
    score.numbers = {
        "bad2": float((error > BAD).mean()),
        "mean": float(error.mean()),
        "matched": float(score.matched.mean()),
        "bad2_matched": float((error[score.matched] > BAD).mean()),
        "mean_matched": float(error[score.matched].mean()),
        "ause": ause(error, score.trust) if np.ptp(score.trust) > 0 else float("nan"),
        "ause_check": ause(error, score.check),
        "seconds": seconds,
    }
    return score


def sparsified(error: Float, trust: Float) -> NDArray[np.float64]:
    """Mean error of what is left when the least trusted SHARES are gone, in the whole's mean.

    Equal trust is broken by chance, always the same. Ilg et al., "Uncertainty Estimates and
    Multi-Hypotheses Networks for Optical Flow", 2018.
    """
    shuffled = np.random.default_rng(0).permutation(error.size)
    order = shuffled[np.argsort(-trust[shuffled], kind="stable")]
    summed = np.cumsum(error[order], dtype=np.float64)
    kept = np.maximum(1, np.rint((1 - SHARES) * error.size).astype(int))
    return summed[kept - 1] / kept / error.mean()


def ause(error: Float, trust: Float) -> float:
    """Area between that curve and the one of an oracle that knows the errors."""
    return float(np.trapezoid(sparsified(error, trust) - sparsified(error, -error), SHARES))


def plot(scores: dict[tuple[str, str], Score], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(pair for pair, _ in scores))
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3.6), layout="constrained")
    for axis, name in zip(np.atleast_1d(axes), names, strict=True):
        methods = [method for pair, method in scores if pair == name]
        for colour, method in enumerate(methods):
            score = scores[name, method]
            if np.ptp(score.trust) > 0:
                axis.plot(SHARES, sparsified(score.error, score.trust), f"C{colour}", label=method)
            curve = sparsified(score.error, score.check)
            axis.plot(SHARES, curve, f"C{colour}--", label=f"{method}, left-right")
            oracle = sparsified(score.error, -score.error)
            axis.plot(SHARES, oracle, f"C{colour}:", linewidth=0.8)
        axis.set(title=name, xlabel="share of pixels left out", ylim=(0, 1.05))
    np.atleast_1d(axes)[0].set_ylabel("mean error of the rest / of all")
    np.atleast_1d(axes)[0].legend(fontsize=8)
    figure.savefig(file, dpi=110)
    plt.close(figure)
    print(f"-> benchmarks/results/{file.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", default="stereo", help="a stereo network other than ours")
    parser.add_argument(
        "--side", type=int, default=FINE_MATCH_SIDE_PX, help="the network's longer side"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    methods = {"sgbm": create_matcher("sgbm"), "hitnet": hitnet(options.threads)}
    if options.network != "stereo" or (weights.NETWORKS_FOLDER / "stereo.onnx").is_file():
        methods = {
            "network": create_matcher(options.network, options.threads, options.side)
        } | methods
    scores: dict[tuple[str, str], Score] = {}
    rows = []
    for pair in pairs():
        for name, matching in methods.items():
            scores[pair.name, name] = judge(pair, name, matching)
        table = {name: scores[pair.name, name].numbers for name in methods}
        show(table, f"Stereo, {pair.name}", TITLES, BETTER)
        rows += [
            {"pair": pair.name, "method": name, "judged": int(pair.judged.sum())} | numbers
            for name, numbers in table.items()
        ]
    write(rows, "stereo")
    plot(scores, RESULTS / "sparsification.png")


if __name__ == "__main__":
    main()
