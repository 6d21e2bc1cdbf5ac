"""Readers for the training folders, and the split that keeps evaluation honest.

The layout is `people/SET/train/{images,masks}` with equal stems, `backgrounds/`,
`cutouts/` and `objects/` (RGBA). Every `HOLD_OUT`-th background and cut-out in sorted
order is never trained on: test scenes and the empty-room check draw from those. `eval`
folders are never opened here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from ..errors import InputError
from ..photo import RGB
from ..text import label

HOLD_OUT = 5
VALIDATION = 20
Split = Literal["train", "test"]

SHARES = {"picsart": 1.0, "ccp": 1.3, "vikram": 0.4, "pennfudan": 0.3, "idphoto": 0.15}
"""How often an epoch draws from each set: rough, tiny or partly wrong masks count less."""

TAUGHT_SHARES = {"unlabelled": 0.7, "portraits": 1.5}
"""How often an epoch draws a photo whose only truth is a teacher's matte: street, portraits."""

BACKGROUND_SHARE = 1.5
"""How often an epoch draws each people-free background."""


@dataclass(frozen=True)
class Labelled:
    """One training photo; `mask` is None for a photo without people."""

    photo: Path
    mask: Path | None
    group: str

    def read(self) -> tuple[RGB, NDArray[np.uint8]]:
        """The photo as RGB uint8 (H, W, 3) and its mask as uint8 (H, W), 0 to 255."""
        rgb = read_rgb(self.photo)
        if self.mask is None:
            return rgb, np.zeros(rgb.shape[:2], np.uint8)
        mask = read_grey(self.mask)
        if mask.shape != rgb.shape[:2]:
            mask = np.asarray(resize(mask, rgb.shape[:2]), np.uint8)
        return rgb, mask


def read_rgb(path: Path) -> RGB:
    """Decode a training picture to RGB uint8 (H, W, 3)."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise InputError(f"{label(path)}: cannot be decoded; remove it or mend it")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Decode a mask or matte to uint8 (H, W)."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise InputError(f"{label(path)}: cannot be decoded; remove it or mend it")
    return np.asarray(grey, np.uint8)


def read_rgba(path: Path) -> NDArray[np.uint8]:
    """Decode a cut-out to RGBA uint8 (H, W, 4), cropped to its opaque part."""
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise InputError(f"{label(path)}: is no RGBA picture; cut-outs need an alpha channel")
    if bgra.dtype != np.uint8:
        bgra = (bgra // 257).astype(np.uint8)
    return trim(np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8))


def trim(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop RGBA to the rows and columns that are at least half opaque somewhere."""
    rows, columns = np.nonzero(rgba[..., 3] > 127)
    if not rows.size:
        return rgba[:1, :1]
    return rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def pairs(root: Path, group: str) -> list[Labelled]:
    """Photos and masks of one set in `root/people/GROUP/train`, sorted by stem."""
    folder = root / "people" / group / "train"
    masks = {path.stem: path for path in folder.glob("masks/*")}
    found = [
        Labelled(path, masks[path.stem], group)
        for path in sorted(folder.glob("images/*"))
        if path.stem in masks
    ]
    if not found:
        raise InputError(f"{label(folder)}: holds no images/ with masks/; give the data folder")
    return found


def held(paths: list[Path], split: Split) -> list[Path]:
    """The training or the test part of sorted paths, by position."""
    return [p for i, p in enumerate(sorted(paths)) if (i % HOLD_OUT == 0) == (split == "test")]


def unlabelled(root: Path) -> list[tuple[Path, str]]:
    """Photos without masks and their group: a teacher's matte is the only truth they have.

    Street photos, and those of the portraits that test scenes do not show.
    """
    street = sorted((root / "people" / "ccp" / "unlabelled").glob("*.jpg"))
    portraits = held(list((root / "people" / "npm_photos").glob("*.jpg")), "train")
    return [(path, "unlabelled") for path in street] + [(path, "portraits") for path in portraits]


def taught(root: Path, labels: Path) -> list[Labelled]:
    """Unlabelled photos with the matte a teacher made of them."""
    found = [
        Labelled(path, label_file(labels, path, ".png"), group) for path, group in unlabelled(root)
    ]
    return [item for item in found if item.mask is not None and item.mask.exists()]


def label_file(folder: Path, photo: Path, suffix: str = ".npy") -> Path:
    """Where a teacher's label of a photo is kept: its set and stem make the name."""
    parts = [p for p in photo.parent.parts[-3:] if p not in ("images", "train")]
    return folder / f"{parts[-1]}_{photo.stem}{suffix}"


def files(folder: Path) -> list[Path]:
    """What lies in a folder of the data; InputError where there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"{label(folder)}: is no folder; give the data folder")
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def part(folder: Path, split: Split) -> list[Path]:
    """The pictures of one split; InputError where the folder holds too few for it."""
    found = held(files(folder), split)
    if not found:
        raise InputError(f"{label(folder)}: holds too few pictures to part; put two or more there")
    return found


def backgrounds(root: Path, split: Split) -> list[Path]:
    """People-free photos."""
    return part(root / "backgrounds", split)


def cutouts(root: Path, split: Split) -> list[Path]:
    """RGBA people."""
    return part(root / "cutouts", split)


def objects(root: Path, split: Split) -> list[Path]:
    """RGBA things that may stand in front of people."""
    return part(root / "objects", split)


def matte_items(
    root: Path, labels: Path | None = None
) -> tuple[list[Labelled], list[float], list[Labelled]]:
    """What the portrait network trains on: items, how often each, and validation items.

    `labels` is a folder of a teacher's mattes: those of photos without a mask join in.
    """
    items: list[Labelled] = []
    shares: list[float] = []
    validation: list[Labelled] = []
    for group, share in SHARES.items():
        for index, item in enumerate(pairs(root, group)):
            if group in ("picsart", "ccp") and index % VALIDATION == 0:
                validation.append(item)
            else:
                items.append(item)
                shares.append(share)
    for item in taught(root, labels) if labels else ():
        items.append(item)
        shares.append(TAUGHT_SHARES[item.group])
    for path in backgrounds(root, "train"):
        items.append(Labelled(path, None, "backgrounds"))
        shares.append(BACKGROUND_SHARE)
    return items, shares, validation
