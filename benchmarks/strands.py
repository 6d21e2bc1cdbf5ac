"""Hair: alpha of composites with drawn strands, on heads held out from the detail network.

python -m benchmarks.strands --labels work/mattes -> results/strands.csv, .cache/strands.png

Composites are those of `depthmatte train composites`, of the people and backgrounds that it holds
out. MODNet's mattes of the training photos (`--labels`, of `train labels matte`) cut the people
out; without them only the soft cut-outs are used, which the portrait network has seen. Milliseconds
are of the processor, with one thread. The sheet shows the worst places of the portrait network's
outline, at the size of the photo.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import depthmatte as dm
from depthmatte.evaluation.metrics import band_error, boundary_iou, gradient_error, iou, mae
from depthmatte.photo import Photo
from depthmatte.training.tasks.detail_composites import CompositeMaterial, draw_composite
from depthmatte.types import RGB, Float

from .common.peers import CACHE, DATA, ModnetPeer
from .common.table import show, write

METRICS: dict[str, Callable[[Float, Float], float]] = {
    "band": band_error, "mae": mae, "gradient": gradient_error, "boundary": boundary_iou,
    "iou": iou,
}  # fmt: skip
TITLES = {
    "band": "MAE in the band", "mae": "MAE", "gradient": "gradient", "boundary": "boundary IoU",
    "iou": "IoU", "ms": "ms",
}  # fmt: skip
BETTER = dict.fromkeys(TITLES, "lower") | dict.fromkeys(("boundary", "iou"), "higher")
REFINED: dict[str, Any] = {"today": "none", "detail": "detail", "closed-form": "closed-form"}
_SEED = 20
_LEAST_IOU = 0.85
_TILE = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--composites", type=int, default=60)
    parser.add_argument("--labels", type=Path, help="MODNet's mattes of the training photos")
    parser.add_argument("--network", help="the detail network, by default the shipped one")
    parser.add_argument("--rows", type=int, default=24, help="rows of the sheet")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    networks = (given.network,) if given.network else ()
    session = dm.Session(threads=1, device="cpu", network=networks)
    modnet = ModnetPeer()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (*REFINED, "MODNet")}
    strips: list[tuple[float, NDArray[np.uint8]]] = []
    for rgb, truth, cut, spent in composites(session, given.labels, given.composites):
        alphas, times = {}, {}
        for name, mode in REFINED.items():
            refine = session.pipeline(dm.CutOptions(refine=mode)).refine
            times[name], alphas[name] = timed(partial(restored_alpha, cut, refine))
            times[name] += spent
        times["MODNet"], alphas["MODNet"] = timed(partial(modnet, Photo(rgb)))
        for name, alpha in alphas.items():
            row = {metric: score(alpha, truth) for metric, score in METRICS.items()}
            found[name].append(row | {"ms": times[name]})
        strips.append((found["today"][-1]["band"], strip(rgb, truth, alphas)))
    rows = {
        name: {metric: float(np.nanmean([row[metric] for row in each])) for metric in TITLES}
        for name, each in found.items()
    }
    show(rows, f"Strands, {len(strips)} composites", TITLES, BETTER)
    write([{"way": name} | row for name, row in rows.items()], "strands")
    worst = [part for _, part in sorted(strips, key=lambda one: -one[0])][: given.rows]
    CACHE.mkdir(exist_ok=True)
    file = CACHE / "strands.png"
    cv2.imwrite(str(file), np.vstack(worst)[..., ::-1])
    print(f"{file}: photo, truth, {', '.join(found)}")


def restored_alpha(portrait: dm.Portrait, refine: Any) -> Float:
    """The alpha of a portrait, refined in this way."""
    return replace(portrait, refine=refine).alpha


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of the processor, and the result."""
    start = time.process_time()
    result = work()
    return 1000 * (time.process_time() - start), result


def composites(
    session: dm.Session, labels: Path | None, count: int
) -> Iterator[tuple[RGB, Float, dm.Portrait, float]]:
    """Photos, their alpha, their portrait and its time; people who are missed are left out."""
    material = CompositeMaterial.of_split(DATA, labels, "test")
    index = 0
    while count:
        rng = np.random.default_rng((_SEED, index))
        index += 1
        rgb, truth = draw_composite(rng, material, (600, 1600), strand_chance=1)
        spent, cut = timed(partial(session.cut, rgb, refine="none", depth_source="none"))
        if iou(cut.alpha, truth) >= _LEAST_IOU:
            count -= 1
            yield rgb, truth, cut, spent


def strip(rgb: RGB, truth: Float, alphas: dict[str, Float]) -> NDArray[np.uint8]:
    """The place where the first alpha is most wrong, at full zoom: photo, truth and every way."""
    wrong = cv2.blur(cv2.absdiff(next(iter(alphas.values())), truth), (_TILE // 2, _TILE // 2))
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    height, width = truth.shape
    top = int(np.clip(row - _TILE // 2, 0, max(0, height - _TILE)))
    left = int(np.clip(column - _TILE // 2, 0, max(0, width - _TILE)))
    tiles = [rgb, *(np.repeat(one[..., None] * 255, 3, 2) for one in (truth, *alphas.values()))]
    frame = np.zeros((_TILE, _TILE * len(tiles), 3), np.uint8)
    for place, tile in enumerate(tiles):
        part = np.rint(tile[top : top + _TILE, left : left + _TILE]).astype(np.uint8)
        frame[: part.shape[0], place * _TILE : place * _TILE + part.shape[1]] = part
    return frame


if __name__ == "__main__":
    main()
