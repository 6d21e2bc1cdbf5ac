"""Make the pictures of docs/howto/refine.md: refined outlines, matting components, strokes.

python docs/figures/refine.py docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from depth_sources import row, save

from depthmatte.api import cut
from depthmatte.cli.commands.demo import load_sample_photo
from depthmatte.segment.closed_form import alpha_from_strokes
from depthmatte.segment.spectral import find_components
from depthmatte.types import RGB, Float

HEAD = (slice(0, 200), slice(130, 330))
"""The rows and columns of the hair."""


def gray(alpha: Float) -> RGB:
    return np.repeat(np.rint(255 * alpha).astype(np.uint8)[..., None], 3, axis=2)


def fit(picture: RGB, side: int = 240) -> RGB:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)


def main(folder: Path) -> None:
    """Cut the sample photo in every way and lay the pictures side by side."""
    photo = load_sample_photo()
    rgb = photo.rgb
    for name in ("detail", "closed-form"):
        tiles = {"photo": fit(rgb[HEAD])}
        for mode in ("none", name):
            portrait = cut(photo, refine=mode)
            tiles[f"alpha, {mode}"] = fit(gray(portrait.alpha)[HEAD])
            tiles[f"on red, {mode}"] = fit(portrait.place("#c03030")[HEAD])
        save(row(tiles), folder / f"refine-{name}.png")

    components = find_components(rgb, 10)
    order = np.argsort(-components.alphas.mean(axis=(1, 2)))[:6]
    parts = {f"component {i + 1}": fit(gray(components.alphas[k])) for i, k in enumerate(order)}
    save(row(parts), folder / "refine-components.png")

    spectral = cut(photo, segmenter="spectral")
    clicked = cut(photo, segmenter="spectral", subject=(220, 350), fusion="none")
    keep, drop = np.zeros((2, *rgb.shape[:2]), np.uint8)
    for line in ([(225, 40), (225, 130), (190, 330), (120, 480)], [(225, 175), (300, 300)]):
        cv2.polylines(keep, [np.array(line)], False, 1, 8)
    for line in ([(80, 20), (60, 200)], [(340, 20), (400, 200), (480, 240)], [(10, 300), (8, 480)],
                 [(400, 400), (480, 490)]):  # fmt: skip
        cv2.polylines(drop, [np.array(line)], False, 1, 8)
    shown = rgb.copy()
    shown[keep > 0], shown[drop > 0] = (0, 220, 60), (240, 40, 40)
    tiles = {
        "spectral, network": fit(gray(spectral.alpha)),
        "spectral, one click": fit(gray(clicked.alpha)),
        "strokes": fit(shown),
        "closed form of strokes": fit(gray(alpha_from_strokes(rgb, keep > 0, drop > 0))),
    }
    save(row(tiles), folder / "refine-segmenters.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for refine-*.png")
    main(parser.parse_args().folder)
