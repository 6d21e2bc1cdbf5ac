"""Make the picture of docs/explanation/fusion.md: one scene, every fusion, right and wrong depth.

python docs/figures/fusions.py docs/images

The scene is scikit-image's astronaut three times before a wall: in front, far behind, and on
a poster. Depth is what was drawn. One copy of the matte has lost a piece, as mattes do.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from depth_sources import near_bright, row, save, tile
from numpy.typing import NDArray

from depthmatte.api import cut
from depthmatte.canvas import Letterbox, prepare_canvas, to_canvas
from depthmatte.cli.commands.demo import load_sample_photo
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.session import Session
from depthmatte.types import RGB
from depthmatte.values import Depth, Matte

Map = NDArray[np.float32]

SHAPE = (640, 860)
FRONT, BEHIND, WALL = 1.2, 3.0, 4.0
"""Meters of the one in front, of the one behind, and of the wall with the poster."""


def main(docs: Path) -> None:
    """Draw the scene, cut it in every way, lay the pictures out."""
    photo, meters = scene()
    session = Session()
    pipeline = session.pipeline()
    canvas = prepare_canvas(photo, pipeline.preset)
    matte = pipeline.segment(canvas)
    ways = {
        "": (matte, measured(meters)),
        ", a piece lost": (losing(matte), measured(meters)),
        ", depth upside down": (matte, measured(np.ascontiguousarray(meters[::-1]))),
    }
    rows = [row({"photo": tile(photo.rgb), "depth as measured": near_bright(np.log(meters))})]
    for name, (opinion, depth) in ways.items():
        tiles = {}
        for fusion, rule in session.fusions().items():
            told = Pipeline(
                segment=lambda _, opinion=opinion: opinion,
                measure=lambda photo, canvas, depth=depth: laid(depth, photo),
                fuse=rule,
                preset=pipeline.preset,
                fused_threshold=rule.threshold,
                second_look=False,
            )
            tiles[fusion + name] = on_squares(photo, told(photo).alpha)
        rows.append(row(tiles))
    width = max(part.shape[1] for part in rows)
    save(
        np.vstack([np.pad(r, ((0, 6), (0, width - r.shape[1]), (0, 0)), constant_values=255)
                   for r in rows]),
        docs / "fusions.png",
    )  # fmt: skip


def scene() -> tuple[Photo, Map]:
    """The photo and its meters (H, W)."""
    astronaut = load_sample_photo()
    alpha = cut(astronaut).alpha
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    wall = np.stack([150 + 40 * x / SHAPE[1], 140 + 30 * y / SHAPE[0], 120 + 0 * x], -1)
    meters = np.full(SHAPE, WALL, np.float32)
    rgb = np.asarray(wall, np.float32)
    poster = cv2.resize(astronaut.rgb, (190, 190), interpolation=cv2.INTER_AREA)
    rgb[40:230, 640:830] = poster
    for scale, top, left, distance in ((0.55, 250, 470, BEHIND), (1.05, 110, 10, FRONT)):
        size = round(512 * scale)
        person = cv2.resize(astronaut.rgb, (size, size), interpolation=cv2.INTER_AREA)
        cover = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA)
        rows, columns = min(size, SHAPE[0] - top), min(size, SHAPE[1] - left)
        here = np.s_[top : top + rows, left : left + columns]
        share = cover[:rows, :columns, None]
        rgb[here] += share * (person[:rows, :columns] - rgb[here])
        meters[here][share[..., 0] > 0.5] = distance
    return Photo(np.clip(rgb + 0.5, 0, 255).astype(np.uint8)), meters


def measured(meters: Map) -> Map:
    """What a depth camera would say: holes along the steps."""
    step = cv2.morphologyEx(meters, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0.1
    return np.where(step, np.float32(0), meters)


def laid(meters: Map, photo: Photo) -> Depth:
    """Meters on the canvas; depth probability 1 - d / d_max where there is an answer."""
    z = to_canvas(meters, Letterbox.for_photo(photo.shape), nearest=True)
    known = z > 0
    prob = np.where(known, np.maximum(1 - z / z.max(), 0.01), 0).astype(np.float32)
    return Depth(z, prob, metric=True, source="sensor")


def losing(matte: Matte) -> Matte:
    """The matte without an arm's worth of the one in front."""
    hole = np.ones(matte.alpha.shape, np.float32)
    height, width = hole.shape
    cv2.ellipse(hole, (round(0.2 * width), round(0.75 * height)), (34, 44), 20, 0, 360, 0, -1)
    return replace(matte, alpha=matte.alpha * hole, prob=matte.prob * hole)


def on_squares(photo: Photo, alpha: Map) -> RGB:
    """The photo through an alpha, before a checkered ground."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    ground = np.where((x // 20 + y // 20) % 2, 205, 235)[..., None]
    mixed = photo.rgb * alpha[..., None] + ground * (1 - alpha[..., None])
    return tile(np.rint(mixed).astype(np.uint8))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("docs", type=Path, help="folder for fusions.png")
    main(parser.parse_args().docs)
