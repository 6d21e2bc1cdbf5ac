"""Make the contact sheet of docs/reference/effects.md: 24 photos with every effect, and details.

python docs/figures/effects.py docs/images

Photos come from packages alone and are in the public domain: NASA's portrait of Eileen Collins and
a photographer (scikit-image), and the US Navy's portrait of Grace Hopper (Matplotlib). Composites
stand on scikit-image's other photos (tests/support/known_people.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from matplotlib import cbook
from PIL import Image

from depthmatte.canvas import resize, scale_shape
from depthmatte.effects import Background, Beautify, Blur, Cutout, Outline, PlaceInPicture
from depthmatte.effects.composite import composite_over
from depthmatte.portrait import Portrait
from depthmatte.session import Session
from depthmatte.types import RGB

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/support"))
from known_people import COMPOSITES, in_depth

TILE = 108
GAP = 4
PAPER, INK = 255, (50, 50, 50)
CHECKER = (205, 235)
"""Grays behind what is transparent."""

ROWS = 12
ZOOM = 3
QUALITY = 80
FONT = cv2.FONT_HERSHEY_SIMPLEX
Effect = Callable[[Portrait], np.ndarray]


def astronaut() -> RGB:
    return np.asarray(skimage.data.astronaut(), np.uint8)


def hopper() -> RGB:
    with cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def photographer() -> RGB:
    return np.repeat(np.asarray(skimage.data.camera(), np.uint8)[..., None], 3, axis=2)


def lit(picture: RGB, *gains: float) -> RGB:
    """The picture in another light."""
    return np.clip(picture * np.array(gains), 0, 255).astype(np.uint8)


def grainy(picture: RGB) -> RGB:
    """The picture with the grain of a dark room."""
    grain = np.random.default_rng(0).normal(0, 14, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


PHOTOS: dict[str, Callable[[], RGB]] = {
    "astronaut": astronaut,
    "face": lambda: astronaut()[:256, 100:356],
    "wide": lambda: astronaut()[:288],
    "mirrored": lambda: astronaut()[:, ::-1],
    "dark": lambda: lit(astronaut(), 0.4, 0.4, 0.45),
    "warm": lambda: lit(astronaut(), 1.15, 0.95, 0.7),
    "gray": lambda: np.repeat(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)[..., None], 3, 2),
    "grain": lambda: grainy(astronaut()),
    **{f"on {name}": lambda make=make: make().rgb for name, make in COMPOSITES.items()},
    "officer": hopper,
    "glasses": lambda: hopper()[60:360, 110:410],
    "officer, cool": lambda: lit(hopper(), 0.8, 0.95, 1.2),
    "officer, dark": lambda: lit(hopper(), 0.45, 0.4, 0.4),
    "officer, mirrored": lambda: hopper()[:, ::-1],
    "photographer": photographer,
    "hands": lambda: photographer()[40:340, 100:400],
    "two people": lambda: in_depth()[0].rgb,
}
"""Name -> photo."""


def effects() -> dict[str, Effect]:
    """Name -> effect."""
    coffee = np.asarray(skimage.data.coffee(), np.uint8)
    rocket = np.asarray(skimage.data.rocket(), np.uint8)
    return {
        "photo": lambda portrait: portrait.photo.rgb,
        "cut-out": Cutout(),
        "blur": Blur(0.7),
        "f/1.4, 6 blades": Blur(aperture=1.4, shape="6"),
        "beautify": Beautify(1.0),
        "background": Background(picture=coffee, light=0.7, blur=0.01),
        "place": PlaceInPicture(rocket, (0.3, 1.0), height=0.8, light=0.7, shadow=0.6),
        "sticker": Outline(width=0.015),
    }


DETAILS: dict[str, tuple[Callable[[], RGB], tuple[slice, slice]]] = {
    "hair": (astronaut, np.s_[5:105, 150:300]),
    "hair and glasses": (hopper, np.s_[140:240, 140:290]),
    "fingers": (photographer, np.s_[165:265, 180:330]),
}
"""Name -> photo, and rows and columns that are magnified."""

DETAIL_VIEWS: dict[str, Effect] = {
    "photo": lambda portrait: portrait.photo.rgb,
    "alpha": lambda portrait: np.rint(portrait.alpha * 255).astype(np.uint8),
    "white": Background("white"),
    "green": Background("#20c040"),
    "black": Background("black"),
    "blur": Blur(0.7),
}


def main(folder: Path) -> None:
    """Make both pictures."""
    with Session() as session:
        portraits = {
            name: session.cut(np.ascontiguousarray(make()), depth_source="mono")
            for name, make in PHOTOS.items()
        }
        shown = {make: session.cut(make(), depth_source="mono") for make, _ in DETAILS.values()}
    looks = effects()
    rows = [
        row([tile(look(portrait)) for look in looks.values()], name)
        for name, portrait in portraits.items()
    ]
    head = heading(list(looks))
    columns = [np.vstack([head, *rows[at : at + ROWS]]) for at in range(0, len(rows), ROWS)]
    save(np.hstack(columns), folder / "effects-sheet.jpg")
    details = []
    for name, (make, part) in DETAILS.items():
        views = [magnify(over_checker(view(shown[make]))[part]) for view in DETAIL_VIEWS.values()]
        details.append(row(views, name))
    widths = details[0].shape[1] // len(DETAIL_VIEWS)
    save(np.vstack([heading(list(DETAIL_VIEWS), widths), *details]), folder / "effects-details.jpg")


def over_checker(picture: np.ndarray) -> RGB:
    """A picture with alpha over gray squares; others unchanged, gray as RGB."""
    if picture.ndim == 2:
        return np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[2] == 3:
        return picture
    rows, columns = np.indices(picture.shape[:2]) // 16
    gray = np.where((rows + columns) % 2, *CHECKER).astype(np.uint8)
    behind = np.repeat(gray[..., None], 3, axis=2)
    alpha = picture[..., 3].astype(np.float32) / 255
    return composite_over(np.ascontiguousarray(picture[..., :3]), alpha, behind)


def tile(picture: np.ndarray) -> RGB:
    """A picture in the middle of a square tile."""
    whole = over_checker(picture)
    shape = scale_shape(whole.shape[:2], TILE / max(whole.shape[:2]))
    small = np.asarray(resize(np.ascontiguousarray(whole), shape), np.uint8)
    paper = np.full((TILE, TILE, 3), PAPER, np.uint8)
    top, left = (TILE - shape[0]) // 2, (TILE - shape[1]) // 2
    paper[top : top + shape[0], left : left + shape[1]] = small
    return paper


def magnify(part: RGB) -> RGB:
    """A detail with visible pixels."""
    size = part.shape[1] * ZOOM // 2, part.shape[0] * ZOOM // 2
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def row(tiles: list[RGB], name: str) -> RGB:
    """Tiles side by side with a name on the first."""
    named = tiles[0].copy()
    (wide, tall), _ = cv2.getTextSize(name, FONT, 0.34, 1)
    named[: tall + 8, : wide + 6] = PAPER
    cv2.putText(named, name, (3, tall + 4), FONT, 0.34, INK, 1, cv2.LINE_AA)
    return np.hstack([np.pad(one, ((0, GAP), (0, GAP), (0, 0)), constant_values=PAPER)
                      for one in (named, *tiles[1:])])  # fmt: skip


def heading(names: list[str], width: int = TILE + GAP) -> RGB:
    """The names of the columns."""
    line = np.full((20, width * len(names), 3), PAPER, np.uint8)
    for index, name in enumerate(names):
        cv2.putText(line, name, (4 + index * width, 14), FONT, 0.38, INK, 1, cv2.LINE_AA)
    return line


def save(picture: RGB, path: Path) -> None:
    """Write a JPEG."""
    Image.fromarray(picture).save(path, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the pictures")
    main(parser.parse_args().folder)
