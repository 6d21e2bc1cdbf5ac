"""Readers for the training folders.

The layout is `people/SET/train/{images,masks}` with equal stems, `backgrounds/`,
`cutouts/` and `objects/` (RGBA).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...errors import InputError
from ...system.printable_text import label
from ...types import RGB
from ..augment.drawn_backdrop import draw_backdrop
from .problems import Problem

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
"""Suffixes of the pictures that training reads, in lower case."""


class MaskDrawing(Protocol):
    """A mask that a file describes by polygons or run lengths."""

    def draw(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """The mask of a photo of this (H, W), uint8, 0 or 255."""


@dataclass(frozen=True)
class LabeledPhoto:
    """One training photo.

    Attributes
    ----------
    photo : Path
        The photo.
    mask : Path, MaskDrawing or None
        Its mask. None for a photo without people. The photo itself for a cut-out, whose alpha is
        its mask.
    group : str
        Name of its set.
    """

    photo: Path
    mask: Path | MaskDrawing | None
    group: str

    @property
    def is_cutout(self) -> bool:
        """Whether the file is an RGBA cut-out."""
        return self.mask == self.photo

    def read(self) -> tuple[RGB, NDArray[np.uint8]]:
        """The photo as RGB uint8 (H, W, 3) and its mask as uint8 (H, W), 0 to 255.

        A cut-out is composed onto a backdrop that its name decides.
        """
        if self.is_cutout:
            return _compose(read_whole_rgba(self.photo), self.photo.name)
        rgb = read_rgb(self.photo)
        shape = rgb.shape[:2]
        if self.mask is None:
            return rgb, np.zeros(shape, np.uint8)
        mask = read_mask(self.mask) if isinstance(self.mask, Path) else self.mask.draw(shape)
        if mask.shape != shape:
            mask = np.asarray(resize(mask, shape), np.uint8)
        return rgb, mask


@dataclass(frozen=True)
class SetPhotos:
    """The photos of one set in order.

    Attributes
    ----------
    items : tuple of LabeledPhoto
        The photos. Their `group` is the set's name, or the one that a list gives them.
    problems : tuple of Problem
        What was found wrong while files were listed.
    shares : tuple of float
        A factor on the set's share for each photo; empty for 1 everywhere.
    """

    items: tuple[LabeledPhoto, ...]
    problems: tuple[Problem, ...] = ()
    shares: tuple[float, ...] = ()


def _compose(rgba: NDArray[np.uint8], name: str) -> tuple[RGB, NDArray[np.uint8]]:
    """An RGBA picture on a drawn backdrop, always the same for a name; and its alpha."""
    rng = np.random.default_rng(zlib.crc32(name.encode("utf-8", "surrogateescape")))
    alpha = rgba[..., 3:].astype(np.float32) / np.float32(255)
    mixed = rgba[..., :3] * alpha + draw_backdrop(rng, rgba.shape[:2]) * (1 - alpha)
    return np.asarray(mixed + 0.5, np.uint8), rgba[..., 3].copy()


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


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Decode a mask to uint8 (H, W), 0 to 255.

    Masks of 16 bits and masks of 0 and 1 are scaled. A transparent picture's alpha is its mask.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None or mask.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{label(path)}: cannot be decoded; remove it or mend it")
    if mask.dtype == np.uint16:
        mask = mask // 257 if mask.max() > 1 else mask
        mask = mask.astype(np.uint8)
    if mask.ndim == 3:
        has_alpha = mask.shape[2] == 4 and mask[..., 3].min() < 255
        mask = mask[..., 3] if has_alpha else cv2.cvtColor(mask[..., :3], cv2.COLOR_BGR2GRAY)
    scale = 255 if mask.max() == 1 else 1
    return np.asarray(mask * np.uint8(scale), np.uint8)


def read_whole_rgba(path: Path) -> NDArray[np.uint8]:
    """Decode a cut-out to RGBA uint8 (H, W, 4), with its transparent margins."""
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise InputError(f"{label(path)}: is no RGBA picture; cut-outs need an alpha channel")
    if bgra.dtype != np.uint8:
        bgra = (bgra // 257).astype(np.uint8)
    return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8)


def read_rgba(path: Path) -> NDArray[np.uint8]:
    """Decode a cut-out to RGBA uint8 (H, W, 4), cropped to its opaque part."""
    return trim_rgba(read_whole_rgba(path))


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
    """Photos in `folder/images` that have a mask in `folder/masks`, sorted; may be none.

    Names are matched without their suffix and without regard to case.
    """
    masks = {path.stem.lower(): path for path in _list_stored(folder / "masks")}
    photos = sorted(_list_stored(folder / "images"))
    found = ((path, masks.get(path.stem.lower())) for path in photos)
    return [LabeledPhoto(path, mask, group) for path, mask in found if mask is not None]


def _list_stored(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.suffix.lower() in PICTURE_SUFFIXES)


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted; none where there is no such folder."""
    return sorted(_list_stored(folder))


def label_file(folder: Path, photo: Path, suffix: str = ".npy") -> Path:
    """The file of a teacher's label of a photo, named by its set and stem."""
    parts = [p for p in photo.parent.parts[-3:] if p not in ("images", "train")]
    return folder / f"{parts[-1]}_{photo.stem}{suffix}"


def list_files(folder: Path) -> list[Path]:
    """The files of a folder of the data; InputError where there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"{label(folder)}: is no folder; give the data folder")
    return [path for path in folder.iterdir() if not path.name.startswith(".")]
