"""Weak depth labels from a third-party network, made once and kept as small files.

The teacher (Tiefenrausch, Kopf et al. 2020: log disparity, free of scale and shift) is
right about the layout of a place and weak about people, so its labels count most on
backgrounds. It is never shipped and never runs at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from ..network import bare_session
from ..photo import RGB
from .data import VALIDATION, backgrounds, pairs, read_rgb

LONGER = 384
STEP = 32


def label_file(folder: Path, photo: Path) -> Path:
    """Where the label of a photo is kept: its set and stem make the name."""
    parts = [p for p in photo.parent.parts[-3:] if p not in ("images", "train")]
    return folder / f"{'_'.join(parts[-1:])}_{photo.stem}.npy"


def teacher(onnx: Path, threads: int = 1) -> Callable[[RGB], NDArray[np.float32]]:
    """A function from RGB (H, W, 3) to far-ness (h, w): minus log disparity, unit spread."""
    session = bare_session(onnx, threads)

    def far(rgb: RGB) -> NDArray[np.float32]:
        scale = LONGER / max(rgb.shape[:2])
        rows, columns = (max(STEP, int(n * scale) // STEP * STEP) for n in rgb.shape[:2])
        small = resize(rgb, (rows, columns))
        image = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
        log_disparity = session.run(None, {"image": image})[0][0, 0]
        return np.asarray(-log_disparity / max(float(log_disparity.std()), 1e-3), np.float32)

    return far


def material(data: Path, every: int = 2) -> list[Path]:
    """What is worth a label: all training backgrounds, every n-th photo with people."""
    photos = [
        item.photo
        for group in ("ccp", "picsart")
        for index, item in enumerate(pairs(data, group))
        if index % VALIDATION and index % every == 0
    ]
    return [*backgrounds(data, "train"), *photos]


def label(photos: Iterable[Path], onnx: Path, folder: Path, threads: int = 1) -> int:
    """Label photos that have no label yet; returns how many were made."""
    folder.mkdir(parents=True, exist_ok=True)
    far, made = teacher(onnx, threads), 0
    for photo in photos:
        target = label_file(folder, photo)
        if not target.exists():
            np.save(target, far(read_rgb(photo)).astype(np.float16))
            made += 1
    return made
