"""Third-party networks as teachers: their labels are made once and kept as small files.

Depth: Tiefenrausch (Kopf et al. 2020) is right about the layout of a place and weak about
people. Matte: MODNet (Ke et al. 2022) draws softer outlines than binary masks, and counts only
where it agrees with them. Neither network is shipped. The benchmarks compare with both.
The teacher of parts is in `tasks.parts_labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ...canvas import resize
from ...errors import OptionError
from ...io.photo.photo_writer import to_8bit, write
from ...networks.network import open_bare_session
from ...system.atomic_write import atomic_draft
from ...system.printable_text import printable_excerpt
from ...types import RGB, Float
from .folders import label_file, list_labeled, list_pictures, read_rgb
from .matte_material import SampleRequest, list_sets
from .sample_set import SampleSet
from .set_formats import read_set
from .splits import VALIDATION_EVERY, list_backgrounds, list_unlabeled

_SIDE_STEP = 32
"""The sides of a teacher's input are multiples of this many pixels."""

_TEACHER_SIDE = 384
"""Pixels on the longer side of Tiefenrausch's input, and on the shorter one of MODNet's."""


class Modnet:
    """MODNet portrait matting.

    Its input is RGB scaled to (x - 127.5) / 127.5, both sides cut down to multiples of 32.

    Parameters
    ----------
    onnx : Path
        The network's file.
    threads : int
        CPU threads.
    short_side : int
        Pixels on the shorter side of the input.
    """

    def __init__(self, onnx: Path, threads: int = 1, short_side: int = _TEACHER_SIDE) -> None:
        self.session = open_bare_session(onnx, threads)
        self.short_side = short_side

    def __call__(self, rgb: RGB) -> Float:
        """Alpha (H, W) in [0, 1] of RGB uint8 (H, W, 3)."""
        small = _scaled(rgb, self.short_side / min(rgb.shape[:2]))
        matte = self.session.run(None, {"input": small / 127.5 - 1})[0][0, 0]
        return np.asarray(np.clip(resize(matte, rgb.shape[:2]), 0, 1), np.float32)


class Tiefenrausch:
    """Tiefenrausch monocular depth: log disparity, larger is nearer, of unknown scale and shift.

    Its input is RGB in [0, 1], the longer side 384, both sides cut down to multiples of 32.
    """

    def __init__(self, onnx: Path, threads: int = 1) -> None:
        self.session = open_bare_session(onnx, threads)

    def __call__(self, rgb: RGB) -> Float:
        """Log disparity (h, w) of RGB uint8 (H, W, 3), at the size of the network's input."""
        small = _scaled(rgb, _TEACHER_SIDE / max(rgb.shape[:2]))
        return np.asarray(self.session.run(None, {"image": small / 255})[0][0, 0], np.float32)


def _scaled(rgb: RGB, scale: float) -> Float:
    """A photo as a batch float32 (1, 3, h, w) in [0, 255]."""
    rows, columns = (
        max(_SIDE_STEP, int(side * scale + 0.5) // _SIDE_STEP * _SIDE_STEP)
        for side in rgb.shape[:2]
    )
    return resize(rgb, (rows, columns)).transpose(2, 0, 1)[None].astype(np.float32)


def _depth_label(log_disparity: Float) -> Float:
    """How far: minus log disparity, with unit spread."""
    return np.asarray(-log_disparity / max(float(log_disparity.std()), 1e-3), np.float32)


def list_depth_photos(data: Path, every: int = 2) -> list[Path]:
    """The photos worth a depth label: all training backgrounds, every n-th photo with people."""
    photos = [
        item.photo
        for group in ("ccp", "picsart")
        for index, item in enumerate(list_labeled(data, group))
        if index % VALIDATION_EVERY and index % every == 0
    ]
    return [*list_backgrounds(data, "train"), *photos]


def list_matte_teacher_photos(data: Path, names: Sequence[str] = ()) -> list[Path]:
    """The photos worth a matte label.

    Parameters
    ----------
    data : Path
        A data folder of any format (`set_formats`).
    names : sequence of str
        Names of its sets. Without any: of the project's folder street photos with rough masks and
        photos without masks, of another folder all photos.

    Raises
    ------
    InputError
        For a folder that holds no photos, and a set that it lacks.
    """
    if names or not (data / "people").is_dir():
        return _list_named_photos(data, names)
    masked = [
        item.photo
        for index, item in enumerate(list_labeled(data, "ccp"))
        if index % VALIDATION_EVERY
    ]
    return [*masked, *(path for path, _ in list_unlabeled(data))]


def _list_named_photos(data: Path, names: Sequence[str]) -> list[Path]:
    """The photos of the named sets, of all for none; cut-outs and backgrounds need no teacher."""
    photos: list[Path] = []
    for one in choose_sets(data, names, without=("backgrounds", "cutouts")):
        if one.format == "unlabeled":
            photos += list_pictures(one.path)
        else:
            photos += [item.photo for item in read_set(one).items]
    return photos


def choose_sets(data: Path, names: Sequence[str], without: Sequence[str]) -> list[SampleSet]:
    """The named sets of a data folder, all for none, without those of some formats.

    Raises
    ------
    InputError
        For a folder that holds no photos, and a set that it lacks.
    """
    sets = {one.name: one for one in list_sets(SampleRequest((data,))) if one.format not in without}
    for name in names:
        if name not in sets:
            raise OptionError(
                f"--set {printable_excerpt(name, 60)}: is no set of the data; "
                f"use {printable_excerpt(', '.join(sets))}"
            )
    return [sets[name] for name in names or sets]


def write_depth_labels(photos: Iterable[Path], onnx: Path, folder: Path, threads: int = 1) -> int:
    """Write `.npy` (float16) for photos that have none yet; returns how many were made."""
    teacher, made = Tiefenrausch(onnx, threads), 0
    for photo, target in _missing(photos, folder, ".npy"):
        with atomic_draft(target) as draft, draft.open("wb") as file:
            np.save(file, _depth_label(teacher(read_rgb(photo))).astype(np.float16))
        made += 1
    return made


def write_matte_labels(
    photos: Iterable[Path], onnx: Path, folder: Path, threads: int = 1, short_side: int = 512
) -> int:
    """Write `.png` (8-bit alpha) for photos that have none yet; returns how many were made."""
    teacher, made = Modnet(onnx, threads, short_side), 0
    for photo, target in _missing(photos, folder, ".png"):
        write(to_8bit(teacher(read_rgb(photo))), target)
        made += 1
    return made


def _missing(photos: Iterable[Path], folder: Path, suffix: str) -> Iterator[tuple[Path, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        target = label_file(folder, photo, suffix)
        if not target.exists():
            yield photo, target
