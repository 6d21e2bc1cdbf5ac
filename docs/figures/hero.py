"""Make the first picture of README.md: a photo, its alpha, its depth, the cut-out and the blur.

python docs/figures/hero.py docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from depth_sources import near_bright, row, save, tile

from depthmatte.api import cut
from depthmatte.cli.commands.demo import load_sample_photo
from depthmatte.io.photo.photo_writer import to_8bit
from depthmatte.types import RGB


def main(folder: Path) -> None:
    """Cut the sample photo and lay the pictures side by side."""
    portrait = cut(load_sample_photo(), depth_source="mono")
    tiles = {
        "photo": tile(portrait.photo.rgb),
        "alpha": tile(cv2.cvtColor(to_8bit(portrait.alpha), cv2.COLOR_GRAY2RGB)),
        "depth": near_bright(portrait.depth),
        "cut-out": on_squares(portrait.cutout()),
        "blur": tile(portrait.blur(strength=0.8)),
    }
    save(row(tiles), folder / "hero.png")


def on_squares(rgba: RGB) -> RGB:
    """A cut-out on a checkerboard."""
    y, x = np.ogrid[: rgba.shape[0], : rgba.shape[1]]
    ground = np.where((x // 16 + y // 16) % 2, 205, 235)[..., None]
    alpha = rgba[..., 3:] / 255
    return tile(np.rint(rgba[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for hero.png")
    main(parser.parse_args().folder)
