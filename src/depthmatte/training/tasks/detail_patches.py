"""Patches of what the detail network sees, and the true alpha, kept as files.

They are of composites, whose alpha is exact, and of photos with hand-made masks. The portrait
network cuts each as it cuts a user's photo: the errors of the coarse alpha are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import PRESET_SHAPE, resize
from ...evaluation.metrics import iou
from ...segment.refine import DetailInput, prepare_detail
from ...session import Session
from ...system.atomic_write import atomic_draft
from ...system.printable_text import label
from ...types import Float
from ..data.folders import LabeledPhoto
from ..data.splits import Split
from ..types import Rng
from .detail_composites import CompositeMaterial, draw_composite
from .detail_photos import see_photo, shuffle_photos

_PATCH_PX = 160
"""Side of a stored patch."""

_PATCHES = 8
"""Patches of a composite."""

_PHOTO_PATCHES = 4
"""Patches of a photo."""

PHOTO_PATCHES = "photo"
"""What the names of files with patches of photos hold after the split."""

_REACH = 6.0
"""Pixels of the canvas around what is uncertain in which the network learns: more than at run
time, so that it knows what lies beyond."""

_SCALE = 4.0
"""Pixels that the network sees per pixel of the canvas, at most: photos differ in sharpness."""

_LEAST_IOU = 0.85
"""IoU of coarse alpha and truth, below which a picture is left out: what the portrait network
missed, its outline cannot bring back."""

_MAX_TRIES = 20
"""Composites drawn for one file before it is left out."""


def canvas_factor(shape: tuple[int, int]) -> float:
    """Pixels of a photo of this (H, W) per pixel of the canvas, 1 or more."""
    return max(1.0, shape[0] / PRESET_SHAPE[0], shape[1] / PRESET_SHAPE[1])


def cut_patches(
    rng: Rng, seen: DetailInput, truth: Float, count: int = _PATCHES
) -> NDArray[np.uint8]:
    """Patches along the outline, most of them where coarse alpha is wrong.

    Parameters
    ----------
    rng : numpy.random.Generator
    seen : DetailInput
        What the detail network sees.
    truth : ndarray
        float32 of any size.
    count : int
        How many patches.

    Returns
    -------
    ndarray
        uint8 (n, 12, 160, 160): what it sees, its weight and the truth.
    """
    rows, columns = seen.weight.shape
    true = np.rint(resize(truth, seen.shape) * np.float32(255)).astype(np.uint8)
    down, across = rows - seen.shape[0], columns - seen.shape[1]
    true = np.asarray(cv2.copyMakeBorder(true, 0, down, 0, across, cv2.BORDER_REPLICATE), np.uint8)
    weight = np.rint(seen.weight * np.float32(255)).astype(np.uint8)
    stack = np.concatenate([seen.planes, weight[..., None], true[..., None]], axis=2)
    lack = [max(0, _PATCH_PX - side) for side in (rows, columns)]
    stack = np.pad(stack, ((0, lack[0]), (0, lack[1]), (0, 0)), mode="edge")
    wrong = cv2.absdiff(true, np.ascontiguousarray(seen.planes[..., 3])).astype(np.float32)
    chance = cv2.blur(wrong / np.float32(255), (33, 33)) + np.float32(0.02)
    chance = np.asarray(chance * (seen.weight > 0.5), np.float64).ravel()
    places = rng.choice(chance.size, count, p=chance / chance.sum()) if chance.any() else [0]
    patches = []
    for place in places:
        middle = divmod(int(place), columns)
        top, left = (
            int(np.clip(at - _PATCH_PX // 2 + rng.integers(-24, 25), 0, side - _PATCH_PX))
            for at, side in zip(middle, stack.shape[:2], strict=True)
        )
        part = stack[top : top + _PATCH_PX, left : left + _PATCH_PX]
        patches.append(np.ascontiguousarray(part.transpose(2, 0, 1)))
    return np.stack(patches)


def make_detail_patches(
    data: Path,
    labels: Path | None,
    out: Path,
    count: int,
    seed: int = 0,
    threads: int | None = 1,
    report: Callable[[str], None] = print,
    matte: str | Path = "matte",
    photos: int = 0,
) -> int:
    """Write the patches that the detail network learns from.

    Files that exist already are kept, so that a stopped run can go on.

    Parameters
    ----------
    data : Path
        The data folder.
    labels : Path or None
        A teacher's mattes, as `train labels matte` writes them.
    out : Path
        The folder for the patches.
    count : int
        Training composites; a tenth as many are made for tests, first.
    seed : int
        The same seed draws the same composites.
    threads : int, optional
        CPU threads.
    report : callable
        Called with each line of the report.
    matte : str or Path
        The portrait network, as `registry.network_path` takes it.
    photos : int
        Training photos with masks, at most; a tenth as many held-out photos are used for tests.
        Photos without a matte in `labels` are left out.

    Returns
    -------
    int
        How many files were made.
    """
    made = 0
    parts: tuple[tuple[Split, int], ...] = (("test", 10), ("train", 1))
    with Session(matte_network=matte, threads=threads) as session:
        for split, part in parts:
            material = CompositeMaterial.of_split(data, labels, split)
            drawn = _draw_composites(material, session, -(-count // part), (seed, split))
            shown = _cut_photos(material, session, -(-photos // part), (seed, split))
            for name, make in (*drawn, *shown):
                path = out / f"{split}_{name}.npy"
                patches = None if path.exists() else make()
                if patches is None:
                    continue
                with atomic_draft(path, folders=True) as draft, draft.open("wb") as file:
                    np.save(file, patches)
                made += 1
                if made % 50 == 0:
                    report(f"{made} files in {label(out)}")
    return made


_Jobs = Iterator[tuple[str, Callable[[], NDArray[np.uint8] | None]]]
"""Names of files, and what makes their patches; None where there are none."""


def _draw_composites(
    material: CompositeMaterial, session: Session, count: int, draw: tuple[int, Split]
) -> _Jobs:
    seed, split = draw
    for index in range(count):
        rng = np.random.default_rng((seed, index, split == "test"))
        yield f"{seed}_{index:05}", partial(_draw_patches, rng, material, session)


def _draw_patches(
    rng: Rng, material: CompositeMaterial, session: Session
) -> NDArray[np.uint8] | None:
    """Patches of the first of some composites that the portrait network cuts well enough."""
    for _ in range(_MAX_TRIES):
        rgb, truth = draw_composite(rng, material)
        coarse: Any = session.cut(rgb, refine="none", depth_source="none").alpha
        if iou(coarse, truth) < _LEAST_IOU:
            continue
        seen = prepare_detail(rgb, np.asarray(coarse), canvas_factor(coarse.shape), _REACH, _SCALE)
        if seen is not None:
            return cut_patches(rng, seen, truth)
    return None


def _cut_photos(
    material: CompositeMaterial, session: Session, count: int, draw: tuple[int, Split]
) -> _Jobs:
    seed, split = draw
    if not count or material.labels is None:
        return
    everyone = material.portraits + material.street
    order = np.random.default_rng((seed, split == "test"))
    for index, item in enumerate(shuffle_photos(order, everyone, count)):
        rng = np.random.default_rng((seed, index, split == "test", 1))
        make = partial(_photo_patches, rng, item, material.labels, session)
        yield f"{PHOTO_PATCHES}_{seed}_{index:05}", make


def _photo_patches(
    rng: Rng, item: LabeledPhoto, labels: Path, session: Session
) -> NDArray[np.uint8] | None:
    found = see_photo(item, labels, session, _REACH, _LEAST_IOU)
    return None if found is None else cut_patches(rng, *found, _PHOTO_PATCHES)
