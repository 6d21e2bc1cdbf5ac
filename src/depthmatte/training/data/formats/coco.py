"""COCO's instance labels: polygons and run lengths in one JSON file.

CVAT writes and reads the same as "COCO 1.0". Several polygons of one label are joined. A person
that is marked as a crowd counts like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....system.printable_text import label
from ..drawn_mask import Polygon, RunLengths
from .bounded_files import as_list, as_mapping, read_json
from .label_file import PERSON, LabelCollector, ReadLabels, check_whole, make_counts, make_polygon
from .photo_folders import PhotoFolders
from .predictions import Prediction, write_label_json

_FILE_NAME = "annotations/instances_default.json"
"""Where CVAT expects the labels in an upload."""


def read(
    path: Path, group: str | None = None, images: Path | None = None, category: str = PERSON
) -> ReadLabels:
    """Read photos and masks of people from a COCO file.

    Parameters
    ----------
    path : Path
        A JSON file with `images`, `annotations` and `categories`.
    group : str, optional
        The name of the set; by default that of the file.
    images : Path, optional
        The folder of the photos. By default they are looked for beside the file.
    category : str
        The category of people.

    Returns
    -------
    ReadLabels

    Raises
    ------
    InputError
        For a file that cannot be read or is no COCO file, and for an unknown category.
    """
    content = read_json(path)
    parts = [as_mapping(content).get(name) for name in ("images", "annotations", "categories")]
    if not all(isinstance(part, list) for part in parts):
        raise InputError(
            f"{label(path)}: is no COCO file; it needs lists of images, annotations and categories"
        )
    listed, labels, categories = (
        [one for one in as_list(part) if isinstance(one, dict)] for part in parts
    )
    folders = PhotoFolders.for_label_file(path, images)
    collector = LabelCollector(path, folders, category, group or path.stem)
    collector.check_category(one.get("name") for one in categories)
    people = {_key(one.get("id")) for one in categories if one.get("name") == category}
    by_photo: dict[Any, list[dict[str, Any]]] = {_key(one.get("id")): [] for one in listed}
    known = {_key(one.get("id")) for one in categories}
    for index, one in enumerate(labels):
        place = f"label {_key(one.get('id', index))}"
        if _key(one.get("category_id")) not in known:
            collector.problem(place, "has an unknown category; it is ignored")
        elif _key(one.get("image_id")) not in by_photo:
            collector.problem(place, "belongs to no photo of the file; it is ignored")
        elif _key(one.get("category_id")) in people:
            by_photo[_key(one.get("image_id"))].append(one)
    for one in listed:
        size = (one.get("height"), one.get("width"))
        regions = [
            partial(_make_region, each.get("segmentation"))
            for each in by_photo[_key(one.get("id"))]
        ]
        collector.add(one.get("file_name"), None if None in size else size, regions)
    return collector.result()


def _key(value: object) -> object:
    """An id that can be a key; COCO uses numbers, others texts."""
    return value if isinstance(value, int | str) else repr(value)[:60]


def _make_region(segmentation: object, shape: tuple[int, int]) -> tuple[Polygon | RunLengths, ...]:
    if isinstance(segmentation, list) and segmentation:
        return tuple(make_polygon(points) for points in segmentation)
    if not isinstance(segmentation, dict):
        raise ValueError("has no outline")
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(n, int) for n in size):
        raise ValueError("has run lengths without a size")
    check_whole(shape, *size)
    lengths = decode_counts(counts) if isinstance(counts, str) else make_counts(counts)
    return (RunLengths(lengths, size[0], size[1], by_columns=True),)


def decode_counts(text: str) -> NDArray[np.int64]:
    """Decode COCO's compressed run lengths.

    Each number is a group of characters of five bits, the lowest first; bit 5 says that more
    follow, and the highest bit of the last is the sign. From the fourth number on, differences to
    the number two places before are stored.

    Parameters
    ----------
    text : str
        The characters.

    Returns
    -------
    int64 (N,)
        Lengths of runs in pixels.

    Raises
    ------
    ValueError
        For text that is no such code. The message is part of a sentence.
    """
    bad = "has compressed run lengths that cannot be read"
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError(bad)
    last = np.flatnonzero((codes & 32) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    sizes = last - first + 1
    if sizes.max() > 7:  # 35 bits: more than any photo has pixels
        raise ValueError(bad)
    places = np.arange(len(codes)) - np.repeat(first, sizes)
    numbers = np.add.reduceat((codes & 31) << (5 * places), first)
    numbers -= np.where(codes[last] & 16, np.int64(1) << (5 * sizes), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def write(predictions: Iterable[Prediction], folder: Path, category: str = PERSON) -> Path:
    """Write predictions as a COCO file.

    Parameters
    ----------
    predictions : iterable of Prediction
        Photos with polygons, or with masks, which become run lengths with `iscrowd` set.
    folder : Path
        The folder of results; the file is `annotations/instances_default.json` in it.
    category : str
        The category of people.

    Returns
    -------
    Path
        The file.
    """
    images: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number, one in enumerate(predictions, 1):
        height, width = one.shape
        images.append({"id": number, "file_name": one.name, "width": width, "height": height})
        regions: list[Any] = [[_flat(ring)] for ring in one.polygons]
        if one.runs is not None:
            runs = RunLengths.encode(one.draw_runs(), by_columns=True)
            regions.append({"size": [height, width], "counts": runs.counts.tolist()})
        for region, (box, area) in zip(regions, one.extents(), strict=True):
            labels.append(
                {
                    "id": len(labels) + 1, "image_id": number, "category_id": 1,
                    "segmentation": region, "area": area, "bbox": box,
                    "iscrowd": int(isinstance(region, dict)),
                }
            )  # fmt: skip
    categories = [{"id": 1, "name": category, "supercategory": ""}]
    content = {"images": images, "annotations": labels, "categories": categories}
    return write_label_json(content, folder / _FILE_NAME)


def _flat(ring: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.round(ring, 2).ravel()]
