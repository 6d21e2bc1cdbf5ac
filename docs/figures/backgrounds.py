"""Make the picture of docs/howto/backgrounds.md.

python docs/figures/backgrounds.py docs/images

Photos are scikit-image's astronaut and coffee.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage.data

from depthmatte.api import cut
from depthmatte.canvas import resize, scale_shape
from depthmatte.effects import Background, Outline, PlaceInPicture
from depthmatte.effects.composite import composite_over
from depthmatte.io.photo.photo_writer import write
from depthmatte.types import RGB

HEIGHT = 300
GAP = 8
PAPER = 255
CHECKER = (205, 235)
"""Grays behind what is transparent."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the picture")
    folder = parser.parse_args().folder
    portrait = cut(skimage.data.astronaut())
    coffee = skimage.data.coffee()
    sticker = Outline(width=0.015, crop=True)(portrait)
    white = Background(color="white")(portrait)
    tiles = [
        Background(color="#88aaff", bottom="#222233")(portrait),
        PlaceInPicture(picture=coffee, at=(0.75, 1.0), height=0.85)(portrait),
        over_checker(sticker),
        white[portrait.frame("passport").slices],
    ]
    write(join([shrink(tile) for tile in tiles]), folder / "backgrounds.png")


def over_checker(rgba: np.ndarray) -> RGB:
    """A picture with alpha over gray squares."""
    rows, columns = np.indices(rgba.shape[:2]) // 12
    gray = np.where((rows + columns) % 2, *CHECKER).astype(np.uint8)
    behind = np.repeat(gray[..., None], 3, axis=2)
    alpha = rgba[..., 3].astype(np.float32) / 255
    return composite_over(np.ascontiguousarray(rgba[..., :3]), alpha, behind)


def shrink(picture: RGB) -> RGB:
    """The picture at the height of a tile."""
    shape = scale_shape(picture.shape[:2], HEIGHT / picture.shape[0])
    return np.asarray(resize(np.ascontiguousarray(picture), (HEIGHT, shape[1])), np.uint8)


def join(tiles: list[RGB]) -> RGB:
    """Tiles side by side."""
    paper = np.full((HEIGHT, GAP, 3), PAPER, np.uint8)
    parts = [part for tile in tiles for part in (tile, paper)][:-1]
    return np.concatenate(parts, axis=1)


if __name__ == "__main__":
    main()
