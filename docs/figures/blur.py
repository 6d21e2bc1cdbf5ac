"""Make the pictures of docs/howto/blur.md: a sheet of photos and scenes, and a strip of details.

The photo is that of scikit-image. The scenes are drawn by tests/support/lens_scenes.py, so the
picture of an exact lens is known.

python docs/figures/blur.py docs/images
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from depth_sources import row, tile
from PIL import Image

from depthmatte.api import cut
from depthmatte.cli.commands.demo import load_sample_photo
from depthmatte.effects import Blur
from depthmatte.types import RGB

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/support"))
from lens_scenes import blur, make_scene

SEEDS = (1, 3, 8, 11)
DETAIL = (130, 175)
"""Height and width of a detail in pixels of a scene."""


def main(folder: Path) -> None:
    """Render and save the sheet and the strip."""
    portrait = cut(load_sample_photo(), depth_source="mono")
    looks = {
        "photo": portrait.photo.rgb,
        "strength 0.5": Blur(0.5)(portrait),
        "strength 1": Blur(1.0)(portrait),
        "6 blades, cat's eye": Blur(1.0, shape="6", cats_eye=0.6)(portrait),
        "focus on the rocket": Blur(1.0, focus=(0.85, 0.2))(portrait),
    }
    rows = [row({name: tile(picture) for name, picture in looks.items()})]
    details = []
    for seed in SEEDS:
        scene = make_scene(seed)
        view = scene.portrait()
        lens = Blur(aperture=scene.lens.aperture)(view)
        bladed = Blur(aperture=scene.lens.aperture, shape="6", cats_eye=0.6)(view)
        far = float(scene.lens.radius(scene.meters, scene.shape).max())
        soft = blur(scene.photo.astype(np.float32), far)
        share = scene.alpha[..., None]
        pasted = np.rint(scene.photo * share + soft * (1 - share)).astype(np.uint8)
        pictures = {
            "drawn photo": scene.photo,
            "exact lens": scene.truth,
            "depthmatte": lens,
            "6 blades, cat's eye": bladed,
            "blurred and pasted": pasted,
        }
        rows.append(row({name: tile(picture) for name, picture in pictures.items()}))
        top, left = _detail_corner(scene.alpha)
        part = np.s_[top : top + DETAIL[0], left : left + DETAIL[1]]
        details.append(row({name: _magnify(picture[part]) for name, picture in pictures.items()}))
    for name, part in (("blur-sheet", rows), ("blur-details", details)):
        Image.fromarray(_stack(part)).save(folder / f"{name}.jpg", quality=85, optimize=True)


def _detail_corner(alpha: np.ndarray) -> tuple[int, int]:
    """Where the hair is: the top of the subject."""
    rows, columns = np.nonzero(alpha > 0.5)
    left = int(columns[rows < rows.min() + 60].mean()) - DETAIL[1] // 2
    top = max(0, int(rows.min()) - 30)
    return top, min(max(0, left), alpha.shape[1] - DETAIL[1])


def _magnify(part: RGB) -> RGB:
    large = cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return tile(np.asarray(large, np.uint8))


def _stack(rows: list[RGB]) -> RGB:
    width = max(one.shape[1] for one in rows)
    wider = [((0, 8), (0, width - one.shape[1]), (0, 0)) for one in rows]
    return np.vstack([np.pad(*pair, constant_values=255) for pair in zip(rows, wider, strict=True)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for the pictures")
    main(parser.parse_args().folder)
