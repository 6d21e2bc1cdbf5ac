"""What one look at a photo and its mask tells: whether they can be used, and a fingerprint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.cpu_count import count_cores
from ...system.thread_map import map_in_threads
from .duplicates import Fingerprints, fingerprint
from .folders import LabeledPhoto, read_mask, read_whole_rgba

_LARGE_FILE_BYTES = 400_000
"""A photo of more bytes is decoded at a quarter of its size."""

_MAX_ASPECT_RATIO = 1.03
"""Aspect ratio of a photo over that of its mask, at most, and at least its inverse."""

_DARK, _BRIGHT = 16, 239
"""Gray levels between which a pixel of a mask is neither black nor white."""

_MAX_GRAY_SHARE = 0.5
"""Share of such pixels in a mask, at most: soft mattes of hair stay far below."""

_MAX_CLASS = 15
"""A mask whose largest value is between 2 and this holds numbers of classes."""

_THUMBNAIL_SIDE = 32
"""Pixels on each side of a mask's thumbnail."""

_MAX_THREADS = 4
"""Threads that look at photos, at most."""

_MAX_KNOWN = 200_000
"""Facts kept in memory, at most: about 100 MiB."""


@dataclass(frozen=True)
class PhotoFacts:
    """What a photo and its mask look like.

    Attributes
    ----------
    problem : str
        A key of `problems.PROBLEM_KINDS`, "" for none.
    bits : ndarray or None
        The photo's fingerprint, uint8 (32,). None for a photo without features.
    thumbnail : ndarray or None
        The mask at 32 x 32 pixels, one bit each, uint8 (128,).
    """

    problem: str = ""
    bits: Fingerprints | None = None
    thumbnail: NDArray[np.uint8] | None = None


_known: dict[tuple[object, ...], PhotoFacts] = {}
"""Facts by the state of the files they came from."""


def look_at_photos(items: Sequence[LabeledPhoto]) -> list[PhotoFacts]:
    """Look at photos in threads; what is known of unchanged files is not read again."""
    threads = min(_MAX_THREADS, count_cores())
    return list(map_in_threads(_look_once, items, threads))


def masks_differ(one: PhotoFacts, two: PhotoFacts, min_iou: float = 0.8) -> bool:
    """Return whether the masks of two photos overlap less than `min_iou` at 32 x 32 pixels."""
    if one.thumbnail is None or two.thumbnail is None:
        return False
    first, second = np.unpackbits(one.thumbnail), np.unpackbits(two.thumbnail)
    either = np.count_nonzero(first | second)
    return bool(np.count_nonzero(first & second) < min_iou * either)


def _look_once(item: LabeledPhoto) -> PhotoFacts:
    if item.mask is not None and not isinstance(item.mask, Path):
        return _look(item)  # drawn: no file tells whether it changed
    key = (*_file_state(item.photo), *(_file_state(item.mask) if item.mask else ()))
    if key not in _known:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[key] = _look(item)
    return _known[key]


def _file_state(path: Path) -> tuple[object, ...]:
    try:
        state = os.stat(path)
    except OSError:
        return (path,)
    return path, state.st_size, state.st_mtime_ns, state.st_ino


def _look(item: LabeledPhoto) -> PhotoFacts:
    """Decode a photo and its mask."""
    if item.is_cutout:
        return _look_at_cutout(item.photo)
    whole = item.mask is not None and not isinstance(item.mask, Path)
    gray = _read_small_gray(item.photo, whole)
    if gray is None:
        return PhotoFacts("unreadable-photo")
    seen = fingerprint(gray)
    if item.mask is None:
        return PhotoFacts("", seen)
    try:
        shape = gray.shape[:2]
        mask = read_mask(item.mask) if isinstance(item.mask, Path) else item.mask.draw(shape)
    except InputError:
        return PhotoFacts("unreadable-mask", seen)
    return PhotoFacts(_judge_mask(mask, gray.shape), seen, _thumbnail(mask))


def _look_at_cutout(path: Path) -> PhotoFacts:
    try:
        rgba = read_whole_rgba(path)
    except InputError:
        problem = "unreadable-photo" if _read_small_gray(path, False) is None else "opaque-cutout"
        return PhotoFacts(problem)
    alpha = rgba[..., 3]
    problem = "opaque-cutout" if alpha.min() == 255 else "empty-mask" if alpha.max() < 128 else ""
    gray = cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2GRAY)
    # What lies under transparent pixels is no part of the picture.
    shown = np.asarray(np.where(alpha > 127, gray, 0), np.uint8)
    return PhotoFacts(problem, fingerprint(shown), _thumbnail(alpha))


def _read_small_gray(path: Path, whole: bool) -> NDArray[np.uint8] | None:
    """Decode a photo to gray uint8 (H, W), a large one at a quarter of its size unless `whole`."""
    try:
        is_large = not whole and path.stat().st_size > _LARGE_FILE_BYTES
        mode = cv2.IMREAD_REDUCED_GRAYSCALE_4 if is_large else cv2.IMREAD_GRAYSCALE
        gray = cv2.imread(str(path), mode)
    except (OSError, cv2.error):
        return None
    return None if gray is None else np.asarray(gray, np.uint8)


def _judge_mask(mask: NDArray[np.uint8], shape: tuple[int, ...]) -> str:
    """The problem of a mask of a photo of this (H, W), "" for none."""
    ratio = (mask.shape[1] / mask.shape[0]) / (shape[1] / shape[0])
    if not 1 / _MAX_ASPECT_RATIO <= ratio <= _MAX_ASPECT_RATIO:
        return "other-aspect"
    largest = mask.max()
    if 1 < largest <= _MAX_CLASS:
        return "class-numbers"
    gray = np.count_nonzero((mask >= _DARK) & (mask <= _BRIGHT))
    if gray > _MAX_GRAY_SHARE * mask.size:
        return "not-a-mask"
    if largest < 128:
        return "empty-mask"
    return "white-mask" if mask.min() > 127 else ""


def _thumbnail(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = cv2.resize(mask, (_THUMBNAIL_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    return np.packbits(small > 127)
