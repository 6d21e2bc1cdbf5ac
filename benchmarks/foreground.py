"""Foreground colors of composites whose truth is known, and their time, beside pymatting.

python -m benchmarks.foreground -> results/foreground.csv

Forty composites: cut-outs with soft alpha before busy backgrounds, half of them with drawn strands
of hair. The error is that of color in the transition band times alpha: what a new background shows
of it. Times are medians at 12 megapixels with one thread; pymatting needs `pip install pymatting`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import mean

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from depthmatte.effects.foreground import estimate_foreground
from depthmatte.effects.picture import scale_to_cover
from depthmatte.io.photo.photo_reader import read
from depthmatte.subjects.head import find_head
from depthmatte.training.data.splits import list_backgrounds
from depthmatte.types import RGB, Float

from .common.peers import DATA
from .common.table import show, write
from .common.timing import medians

TITLES = {
    "error": "error of color in the band, 0 to 1",
    "strands": "error with drawn strands",
    "worst": "largest error of a composite",
    "ms": "ms at 12 megapixels",
}
BETTER = dict.fromkeys(TITLES, "lower")
_SEED = 7
_SIDE_PX = 900
"""Longer side of the composites."""
_STRANDS = 400
_FINE = 8
"""Bits of a fraction of a pixel in which OpenCV takes the points of a strand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--composites", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    import pymatting

    cv2.setNumThreads(1)
    ways = {
        "photo's own": lambda rgb, alpha: rgb,
        "depthmatte": estimate_foreground,
        "pymatting ml": lambda rgb, alpha: (
            pymatting.estimate_foreground_ml(rgb / 255, alpha.astype(np.float64)) * 255
        ),
    }
    errors: dict[str, list[float]] = {name: [] for name in ways}
    stranded: dict[str, list[float]] = {name: [] for name in ways}
    for number, (rgb, alpha, truth) in enumerate(composites(options.composites)):
        for name, way in ways.items():
            error = band_error(way(rgb, alpha), truth, alpha)
            errors[name].append(error)
            if number % 2:
                stranded[name].append(error)
    rgb, alpha, _ = next(composites(1))
    large = cv2.resize(rgb, (3000, 4000)), cv2.resize(alpha, (3000, 4000))
    steps = {name: (lambda way=way: void(way(*large))) for name, way in ways.items()}
    times = medians(steps, options.rounds)
    rows = {
        name: {
            "error": mean(errors[name]),
            "strands": mean(stranded[name]),
            "worst": max(errors[name]),
            "ms": times[name],
        }
        for name in ways
    }
    show(rows, "Foreground colors", TITLES, BETTER)
    write([{"way": name} | row for name, row in rows.items()], "foreground")


def void(_: object) -> None:
    """Forget a result: a step returns None or its own time."""


def composites(count: int) -> Iterator[tuple[RGB, Float, RGB]]:
    """Photos, their alpha and their foreground colors; every second one has drawn strands."""
    rng = np.random.default_rng(_SEED)
    people = sorted((DATA / "cutouts_soft").glob("*.webp"))
    scenes = list_backgrounds(DATA, "test")
    for number in range(count):
        with Image.open(people[number % len(people)]) as picture:
            picture.thumbnail((_SIDE_PX, _SIDE_PX))
            rgba = np.asarray(picture.convert("RGBA"))
        colors, alpha = rgba[..., :3].copy(), rgba[..., 3].astype(np.float32) / 255
        colors = fill_hidden(colors, alpha)
        if number % 2:
            colors, alpha = add_strands(colors, alpha, rng)
        scene = scale_to_cover(read(scenes[number % len(scenes)]).rgb, alpha.shape)
        mixed = colors * alpha[..., None] + scene * (1 - alpha[..., None])
        yield np.rint(mixed).astype(np.uint8), alpha, colors


def fill_hidden(colors: RGB, alpha: Float) -> RGB:
    """Colors with the nearest visible one where nothing is visible."""
    hidden = (alpha < 2 / 255).astype(np.uint8)
    _, label = cv2.distanceTransformWithLabels(
        hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros((int(label.max()) + 1, 3), np.uint8)
    owner[label[hidden == 0]] = colors[hidden == 0]
    return owner[label]


def add_strands(colors: RGB, alpha: Float, rng: np.random.Generator) -> tuple[RGB, Float]:
    """Draw curved strands of hair from the rim of the head, in the colors of the rim."""
    head = find_head(alpha)
    assert head is not None
    rim = head_rim(alpha, head.slices)
    size = max(head.shape)
    strand, shade = np.zeros(alpha.shape, np.float32), colors.copy()
    for row, column in rim[rng.integers(len(rim), size=_STRANDS)]:
        outward = np.array([column - head.left - head.width / 2, row - head.top - head.height / 2])
        angle = np.arctan2(outward[1], outward[0]) + rng.normal(0, 0.5)
        bend, length = rng.normal(0, 1.5), size * rng.uniform(0.05, 0.3)
        steps = np.linspace(0, 1, 12)
        turns = angle + bend * steps
        path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1), axis=0) * length / 12
        points = np.rint((path + np.array([column, row])) * 2**_FINE).astype(np.int32)
        line = np.zeros(alpha.shape, np.uint8)
        cv2.polylines(line, [points], False, 255, 1, cv2.LINE_AA, _FINE)
        cover = line.astype(np.float32) / 255 * np.float32(rng.uniform(0.3, 1))
        shade[cover > strand] = colors[row, column]
        strand = np.maximum(strand, cover)
    whole = alpha + strand * (1 - alpha)
    share = np.divide(alpha, whole, out=np.ones_like(alpha), where=whole > 0)[..., None]
    return np.rint(colors * share + shade * (1 - share)).astype(np.uint8), whole


def head_rim(alpha: Float, head: tuple[slice, slice]) -> NDArray[np.int64]:
    """Rows and columns on the outline of the head."""
    solid = (alpha >= 0.5).astype(np.uint8)
    edge = solid - cv2.erode(solid, np.ones((3, 3), np.uint8))
    rim = np.argwhere(edge[head] > 0)
    return np.asarray(rim + np.array([head[0].start, head[1].start]))


def band_error(colors: NDArray[np.floating] | RGB, truth: RGB, alpha: Float) -> float:
    """Mean error of color, 0 to 1, in the transition band, weighted by alpha."""
    band = (alpha > 0.5 / 255) & (alpha < 1 - 0.5 / 255)
    gap = np.abs(np.asarray(colors, np.float32) - truth)[band].mean(axis=-1) / 255
    return float((gap * alpha[band]).sum() / alpha[band].sum())


if __name__ == "__main__":
    main()
