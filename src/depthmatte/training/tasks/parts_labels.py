"""A teacher's labels of the parts of people, made once and kept as small files.

The teacher is MediaPipe's multi-class selfie segmentation (Apache-2.0). It looks at a square of
256 x 256 pixels and tells background, hair, body skin, face skin, clothes and other things apart.
It sees each person several times: whole, from near at the head in a mirror, and from near at the
legs of those who stand. The mean of these views is better than one. It is never shipped.

A label is a gray PNG: the maps of `values.PART_NAMES` one below the other, 0 to 255. At each pixel
they add up to 255 at most. What is missing is the teacher's probability of background: inside a
mask it shows how little the teacher knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...canvas import Box, resize, scale_shape
from ...errors import InputError, MissingExtra
from ...io.photo.photo_writer import write
from ...system.printable_text import describe_os_error, label
from ...types import RGB, Float
from ...values import PART_NAMES
from ..data.folders import LabeledPhoto, label_file, read_gray
from ..data.set_formats import read_set
from ..data.teachers import choose_sets

PartTeacher = Callable[[RGB], Float]
"""A square of RGB uint8 (s, s, 3) -> probabilities float32 (6, h, w): background, then
`values.PART_NAMES`. They add up to 1."""

_TEACHER_SIDE = 256
"""Pixels on a side of the teacher's input."""

_TEACHER_ORDER = (0, 1, 3, 2, 4, 5)
"""The teacher's class of the background and of each of `values.PART_NAMES`."""

_LABEL_SIDE = 384
"""Pixels on the longer side of a label, at most."""

_MARGIN = 0.08
"""Margin around the person in the view of all of her, as a share of its side."""

_HEAD_ROWS = 0.3
"""Share of a person's rows, from the top, whose middle column is that of the head."""

_NEAR_SIDE = 0.55
"""Side of a near view, as a share of the person's longer side."""

_TALL = 1.6
"""Height per width from which a person's legs get a view."""

_NEAR_WEIGHT = 2.0
"""Weight of a near view in its middle. The view of all of her has 1."""

_TAPER = 0.15
"""Share of a near view, from each edge, in which its weight rises from 0."""


class SelfieMulticlass:
    """MediaPipe's multi-class selfie segmentation, a `PartTeacher`.

    Parameters
    ----------
    tflite : Path
        `selfie_multiclass_256x256.tflite`.
    threads : int
        CPU threads.

    Raises
    ------
    MissingExtra
        Without the package `ai-edge-litert`.
    InputError
        For a file that is no such network.
    """

    def __init__(self, tflite: Path, threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtra("the teacher of parts", "teacher") from error
        try:
            content = tflite.read_bytes()
        except OSError as error:
            raise InputError(
                f"{label(tflite)}: {describe_os_error(error)}; give the teacher's .tflite file"
            ) from None
        try:
            self._run: Any = Interpreter(model_content=content, num_threads=threads)
            self._run.allocate_tensors()
            (self._input,) = self._run.get_input_details()
            (self._output,) = self._run.get_output_details()
        except (RuntimeError, ValueError):
            raise InputError(
                f"{label(tflite)}: is no TensorFlow Lite network of one input and output; "
                "give selfie_multiclass_256x256.tflite"
            ) from None
        shape = (1, _TEACHER_SIDE, _TEACHER_SIDE)
        if (*self._input["shape"],) != (*shape, 3) or (*self._output["shape"],) != (*shape, 6):
            raise InputError(
                f"{label(tflite)}: has other inputs or outputs; "
                "give selfie_multiclass_256x256.tflite"
            )

    def __call__(self, rgb: RGB) -> Float:
        """Probabilities float32 (6, 256, 256) of a square of RGB."""
        seen = resize(rgb, (_TEACHER_SIDE, _TEACHER_SIDE)).astype(np.float32) / np.float32(255)
        self._run.set_tensor(self._input["index"], seen[None])
        self._run.invoke()
        logits = self._run.get_tensor(self._output["index"])[0][..., list(_TEACHER_ORDER)]
        mass = np.exp(logits - logits.max(axis=2, keepdims=True))
        return np.asarray((mass / mass.sum(axis=2, keepdims=True)).transpose(2, 0, 1), np.float32)


def list_part_photos(data: Path, names: Sequence[str] = ()) -> list[LabeledPhoto]:
    """The photos with masks of the named sets of a data folder, of all for none.

    Raises
    ------
    InputError
        For a folder that holds no photos, and a set that it lacks.
    """
    sets = choose_sets(data, names, without=("backgrounds", "unlabeled"))
    return [item for one in sets for item in read_set(one).items]


def write_part_labels(items: Iterable[LabeledPhoto], teacher: PartTeacher, folder: Path) -> int:
    """Write labels of photos that have none yet; returns how many were made.

    Photos whose mask is empty are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for item in items:
        target = label_file(folder, item.photo, ".png")
        if target.exists():
            continue
        rgb, mask = item.read()
        if not (mask > 127).any():
            continue
        write(_pack(label_parts(rgb, mask, teacher)), target)
        made += 1
    return made


def read_part_label(path: Path) -> NDArray[np.uint8]:
    """Read a label: uint8 (parts, h, w), the maps of `values.PART_NAMES`.

    Raises
    ------
    InputError
        For a picture that is no label.
    """
    gray = read_gray(path)
    count = len(PART_NAMES)
    if gray.shape[0] % count:
        raise InputError(
            f"{label(path)}: is no label of {count} parts; make it with depthmatte train labels"
        )
    return gray.reshape(count, gray.shape[0] // count, gray.shape[1])


def _pack(maps: Float) -> NDArray[np.uint8]:
    """Maps (parts, h, w) in [0, 1], one below the other in bytes."""
    return np.rint(maps * 255).astype(np.uint8).reshape(-1, maps.shape[2])


def label_parts(rgb: RGB, mask: NDArray[np.uint8], teacher: PartTeacher) -> Float:
    """Tell the parts of a person apart, by the mean of a teacher's views.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    mask : ndarray
        The person, uint8 (H, W) from 0 to 255; not empty.
    teacher : callable
        The teacher.

    Returns
    -------
    ndarray
        float32 (parts, h, w) in [0, 1], of at most 384 pixels a side. With the probability of
        background they add up to 1.
    """
    shape = scale_shape(rgb.shape[:2], min(1.0, _LABEL_SIDE / max(rgb.shape[:2])))
    scale = np.array(shape) / np.array(rgb.shape[:2])
    total = np.full((1 + len(PART_NAMES), *shape), 1e-6, np.float32)
    for index, (box, weight) in enumerate(_views(mask)):
        turn = slice(None, None, -1 if index % 2 else 1)
        square = np.ascontiguousarray(_cut_square(rgb, box)[:, turn])
        _add_view(total, teacher(square)[:, :, turn], box.scaled(*scale), weight)
    return np.asarray(total[1:] / total.sum(axis=0), np.float32)


def _views(mask: NDArray[np.uint8]) -> Iterator[tuple[Box, float]]:
    """The squares that a teacher sees, with their weights; they may reach beyond the photo."""
    solid = mask > 127
    top, left, height, width = Box.bounding(solid, 0)
    longer = max(height, width)
    side = max(8, round(longer * (1 + 2 * _MARGIN)))
    yield _square(top + height / 2, left + width / 2, side), 1.0
    near = max(8, round(longer * _NEAR_SIDE))
    upper = solid[top : top + max(1, round(height * _HEAD_ROWS))]
    column = float(np.nonzero(upper)[1].mean())
    yield _square(top + near * (0.5 - _MARGIN), column, near), _NEAR_WEIGHT
    if height > _TALL * width:
        column = float(np.nonzero(solid[top + height // 2 : top + height])[1].mean())
        yield _square(top + height - near * (0.5 - _MARGIN), column, near), _NEAR_WEIGHT


def _square(row: float, column: float, side: int) -> Box:
    return Box(round(row - side / 2), round(column - side / 2), side, side)


def _cut_square(rgb: RGB, box: Box) -> RGB:
    """A square of the photo; beyond its edges the photo is mirrored."""
    height, width = rgb.shape[:2]
    rows = _mirrored(np.arange(box.top, box.top + box.height), height)
    columns = _mirrored(np.arange(box.left, box.left + box.width), width)
    return np.ascontiguousarray(rgb[rows][:, columns])


def _mirrored(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Places inside 0 to size - 1 for places that may lie outside."""
    folded = places % (2 * size)
    return np.asarray(np.where(folded < size, folded, 2 * size - 1 - folded))


def _add_view(total: Float, seen: Float, box: Box, weight: float) -> None:
    """Add the probabilities of a square to the maps (classes, h, w) where it lies."""
    height, width = total.shape[1:]
    rows = slice(max(0, box.top), min(height, box.top + box.height))
    columns = slice(max(0, box.left), min(width, box.left + box.width))
    inner = (
        slice(rows.start - box.top, rows.stop - box.top),
        slice(columns.start - box.left, columns.stop - box.left),
    )
    down, across = (
        _window(side, weight)[part] for side, part in zip(box.shape, inner, strict=True)
    )
    for each, values in zip(total, seen, strict=True):
        each[rows, columns] += resize(np.ascontiguousarray(values), box.shape)[inner] * (
            np.minimum(down[:, None], across) * np.float32(weight)
        )


def _window(side: int, weight: float) -> Float:
    """1 in the middle; in a near view less towards both ends."""
    if weight == 1.0:
        return np.ones(side, np.float32)
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    return np.asarray(np.clip(np.minimum(place, 1 - place) / _TAPER, 0, 1), np.float32)
