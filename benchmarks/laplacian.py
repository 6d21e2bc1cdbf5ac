"""The matting Laplacian: quality of `--refine` and `--segmenter spectral`, time beside pymatting.

python -m benchmarks.laplacian --data ../shared/data --photos 24
python -m benchmarks.laplacian --time

Photos are cut-outs of `cutouts_soft`, whose alpha is known, before photos of `backgrounds`. Both
are training data.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from PIL import Image

import depthmatte as dm
from depthmatte.evaluation.metrics import band_error, boundary_iou, gradient_error, iou, mae
from depthmatte.segment.closed_form import alpha_from_trimap

WAYS: dict[str, dict[str, Any]] = {
    "network": {},
    "network, closed-form": {"refine": "closed-form"},
    "spectral": {"segmenter": "spectral"},
}
METRICS = {
    "IoU": iou, "boundary IoU": boundary_iou, "MAE": mae, "band MAE": band_error,
    "gradient": gradient_error,
}  # fmt: skip


def composites(data: Path, count: int) -> Any:
    """Yield photos uint8 (H, W, 3) and their alpha float32 (H, W)."""
    cutouts = sorted((data / "cutouts_soft").glob("*.webp"))
    backgrounds = sorted((data / "backgrounds").glob("*.jpg"))
    for index in range(count):
        person = np.array(Image.open(cutouts[index * len(cutouts) // count]).convert("RGBA"))
        back = np.array(Image.open(backgrounds[index * 74 % len(backgrounds)]).convert("RGB"))
        height, width = person.shape[:2]
        scale = max(height / back.shape[0], width / back.shape[1])
        size = (int(np.ceil(back.shape[1] * scale)), int(np.ceil(back.shape[0] * scale)))
        back = cv2.resize(back, size, interpolation=cv2.INTER_AREA)[:height, :width]
        alpha = person[..., 3:].astype(np.float32) / 255
        photo = np.rint(person[..., :3] * alpha + back * (1 - alpha)).astype(np.uint8)
        yield photo, alpha[..., 0]


def quality(data: Path, count: int) -> None:
    """Print the mean of every metric for every way of cutting, and milliseconds of CPU time."""
    rows: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    with dm.Session(device="cpu", threads=1) as session:
        for photo, truth in composites(data, count):
            for name, options in WAYS.items():
                start = time.process_time()
                alpha = session.cut(photo, **options).alpha
                spent = 1000 * (time.process_time() - start)
                rows[name].append([*(metric(alpha, truth) for metric in METRICS.values()), spent])
    print("| cut | " + " | ".join([*METRICS, "ms"]) + " |")
    print("|---" * (len(METRICS) + 2) + "|")
    for name, values in rows.items():
        mean = np.mean(values, axis=0)
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in mean[:-1]), end="")
        print(f" | {mean[-1]:.0f} |")


def spent(step: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = step()
    return time.process_time() - start, result


def compare_time(side: int, grown: int) -> None:
    """Print CPU seconds of ours and of pymatting's closed form on one trimap."""
    import pymatting

    rgb = cv2.resize(skimage.data.astronaut(), (side, side), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 2, rgb.shape)  # enlarging made it too smooth
    rgb = np.clip(rgb + noise, 0, 255).astype(np.uint8)
    mask = dm.cut(rgb).mask.astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1))
    trimap = np.full(mask.shape, 128, np.uint8)
    trimap[cv2.erode(mask, disc) == 1], trimap[cv2.dilate(mask, disc) == 0] = 255, 0
    ours, alpha = spent(lambda: alpha_from_trimap(rgb, trimap))
    theirs, other = spent(lambda: pymatting.estimate_alpha_cf(rgb / 255, trimap / 255))
    print(
        f"{side} x {side}, {(trimap == 128).sum()} unknown: ours {ours:.2f} s, pymatting ", end=""
    )
    print(f"{theirs:.2f} s, mean difference {np.abs(alpha - other).mean():.5f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--time", action="store_true", help="compare the time with pymatting only")
    parser.add_argument("--side", type=int, default=1448, help="pixels; 1448 gives 2 megapixels")
    parser.add_argument(
        "--grown", type=int, default=12, help="half the width of the band, in pixels"
    )
    given = parser.parse_args()
    if given.time:
        compare_time(given.side, given.grown)
    else:
        quality(given.data, given.photos)


if __name__ == "__main__":
    main()
