"""Labels from third-party networks, made once and kept as small files; never shipped.

Depth: Tiefenrausch (Kopf et al. 2020, log disparity, free of scale and shift) is right
about the layout of a place and weak about people. Matte: MODNet (Ke et al. 2022) draws
softer outlines than the binary masks, and is believed only where it agrees with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from ..io.replace import replacing
from ..io.write import to_8bit, write
from ..network import bare_session
from ..photo import RGB
from .data import VALIDATION, backgrounds, label_file, pairs, read_rgb, unlabelled

LONGER = 384
SHORTER = 384
STEP = 32

Label = NDArray[np.float32]


def far_teacher(onnx: Path, threads: int = 1) -> Callable[[RGB], Label]:
    """RGB (H, W, 3) -> far-ness (h, w): minus log disparity, with unit spread."""
    session = bare_session(onnx, threads)

    def far(rgb: RGB) -> Label:
        scale = LONGER / max(rgb.shape[:2])
        size = _multiple(rgb.shape[0] * scale), _multiple(rgb.shape[1] * scale)
        image = resize(rgb, size).transpose(2, 0, 1)[None].astype(np.float32) / 255
        log_disparity = session.run(None, {"image": image})[0][0, 0]
        return np.asarray(-log_disparity / max(float(log_disparity.std()), 1e-3), np.float32)

    return far


def alpha_teacher(onnx: Path, threads: int = 1) -> Callable[[RGB], Label]:
    """RGB (H, W, 3) -> alpha (H, W) in [0, 1]."""
    session = bare_session(onnx, threads)

    def alpha(rgb: RGB) -> Label:
        scale = SHORTER / min(rgb.shape[:2])
        size = _multiple(rgb.shape[0] * scale), _multiple(rgb.shape[1] * scale)
        image = resize(rgb, size).transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        matte = session.run(None, {"input": image})[0][0, 0]
        return np.asarray(np.clip(resize(matte, rgb.shape[:2]), 0, 1), np.float32)

    return alpha


def _multiple(pixels: float) -> int:
    return max(STEP, int(pixels + 0.5) // STEP * STEP)


def depth_material(data: Path, every: int = 2) -> list[Path]:
    """Worth a depth label: all training backgrounds, every n-th photo with people."""
    photos = [
        item.photo
        for group in ("ccp", "picsart")
        for index, item in enumerate(pairs(data, group))
        if index % VALIDATION and index % every == 0
    ]
    return [*backgrounds(data, "train"), *photos]


def matte_material(data: Path) -> list[Path]:
    """Worth a matte label: street photos with rough masks, and photos without any."""
    masked = [item.photo for index, item in enumerate(pairs(data, "ccp")) if index % VALIDATION]
    return [*masked, *(path for path, _ in unlabelled(data))]


def label_depth(photos: Iterable[Path], onnx: Path, folder: Path, threads: int = 1) -> int:
    """Write `.npy` (float16) for photos that have none yet; returns how many were made."""
    far, made = far_teacher(onnx, threads), 0
    for photo, target in _missing(photos, folder, ".npy"):
        with replacing(target) as draft, draft.open("wb") as file:
            np.save(file, far(read_rgb(photo)).astype(np.float16))
        made += 1
    return made


def label_matte(photos: Iterable[Path], onnx: Path, folder: Path, threads: int = 1) -> int:
    """Write `.png` (8-bit alpha) for photos that have none yet; returns how many were made."""
    alpha, made = alpha_teacher(onnx, threads), 0
    for photo, target in _missing(photos, folder, ".png"):
        write(to_8bit(alpha(read_rgb(photo))), target)
        made += 1
    return made


def _missing(photos: Iterable[Path], folder: Path, suffix: str) -> Iterable[tuple[Path, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        target = label_file(folder, photo, suffix)
        if not target.exists():
            yield photo, target
