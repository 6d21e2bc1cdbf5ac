"""Readers for the training folders.

The layout is `people/SET/train/{images,masks}` with equal stems, `backgrounds/`,
`cutouts/` and `objects/` (RGBA).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...errors import InputError
from ...system.printable_text import label
from ...types import RGB

_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class LabeledPhoto:
    """One training photo; `mask` is None for a photo without people."""

    photo: Path
    mask: Path | None
    group: str

    def read(self) -> tuple[RGB, NDArray[np.uint8]]:
        """The photo as RGB uint8 (H, W, 3) and its mask as uint8 (H, W), 0 to 255."""
        rgb = read_rgb(self.photo)
        if self.mask is None:
            return rgb, np.zeros(rgb.shape[:2], np.uint8)
        mask = read_gray(self.mask)
        if mask.shape != rgb.shape[:2]:
            mask = np.asarray(resize(mask, rgb.shape[:2]), np.uint8)
        return rgb, mask


def read_rgb(path: Path) -> RGB:
    """Decode a training picture to RGB uint8 (H, W, 3)."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise InputError(f"{label(path)}: cannot be decoded; remove it or mend it")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Decode a mask or matte to uint8 (H, W)."""
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise InputError(f"{label(path)}: cannot be decoded; remove it or mend it")
    return np.asarray(gray, np.uint8)


def read_rgba(path: Path) -> NDArray[np.uint8]:
    """Decode a cut-out to RGBA uint8 (H, W, 4), cropped to its opaque part."""
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise InputError(f"{label(path)}: is no RGBA picture; cut-outs need an alpha channel")
    if bgra.dtype != np.uint8:
        bgra = (bgra // 257).astype(np.uint8)
    return trim_rgba(np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8))


def trim_rgba(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop RGBA to the rows and columns that are at least half opaque somewhere."""
    rows, columns = np.nonzero(rgba[..., 3] > 127)
    if not rows.size:
        return rgba[:1, :1]
    return rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def list_labeled(root: Path, group: str) -> list[LabeledPhoto]:
    """Photos and masks of one set in `root/people/GROUP/train`, sorted by stem."""
    folder = root / "people" / group / "train"
    found = list_pairs(folder, group)
    if not found:
        raise InputError(f"{label(folder)}: holds no images/ with masks/; give the data folder")
    return found


def list_pairs(folder: Path, group: str) -> list[LabeledPhoto]:
    """Photos in `folder/images` that have a mask in `folder/masks`, sorted; may be none."""
    masks = {path.stem: path for path in folder.glob("masks/*")}
    photos = sorted(folder.glob("images/*"))
    return [LabeledPhoto(path, masks[path.stem], group) for path in photos if path.stem in masks]


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted; none where there is no such folder."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in _PICTURE_SUFFIXES)


def label_file(folder: Path, photo: Path, suffix: str = ".npy") -> Path:
    """The file of a teacher's label of a photo, named by its set and stem."""
    parts = [p for p in photo.parent.parts[-3:] if p not in ("images", "train")]
    return folder / f"{parts[-1]}_{photo.stem}{suffix}"


def list_files(folder: Path) -> list[Path]:
    """The files of a folder of the data; InputError where there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"{label(folder)}: is no folder; give the data folder")
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
