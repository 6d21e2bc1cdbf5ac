"""Draw the README's picture: the maps of the demo photo, without the photo.

python examples/maps.py docs/maps.png
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from depthmatte.api import cut
from depthmatte.canvas import resize
from depthmatte.demo import sample
from depthmatte.io.write import to_8bit, write

HEIGHT = 300


def main(target: str) -> None:
    """Alpha, probability, depth and depth probability side by side."""
    portrait = cut(sample())
    grey = [portrait.alpha, portrait.prob, portrait.depth, portrait.depth_prob]
    tiles = [cv2.cvtColor(to_8bit(tile), cv2.COLOR_GRAY2RGB) for tile in grey]
    near = cv2.applyColorMap(255 - to_8bit(portrait.depth), cv2.COLORMAP_INFERNO)
    tiles[2] = cv2.cvtColor(near, cv2.COLOR_BGR2RGB)
    width = round(HEIGHT * portrait.alpha.shape[1] / portrait.alpha.shape[0])
    write(np.hstack([resize(tile, (HEIGHT, width)) for tile in tiles]), target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", help="file to write")
    main(parser.parse_args().picture)
