"""CVAT's own XML, "CVAT for images 1.1": polygons and masks of each photo.

A mask is the rectangle around it, as run lengths along its rows. CVAT's "COCO 1.0" is read by
`coco`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from ....errors import InputError
from ....io.photo.photo_writer import write_file_bytes
from ....system.printable_text import label
from ..drawn_mask import Polygon, RunLengths
from .bounded_files import read_size, read_xml
from .label_file import PERSON, LabelCollector, ReadLabels, make_polygon
from .photo_folders import PhotoFolders
from .predictions import Prediction

_FILE_NAME = "annotations.xml"
"""The file of labels, as CVAT names it."""

_SHAPES = ("mask", "polygon", "box", "polyline", "points", "ellipse", "cuboid", "skeleton")
"""Elements that are labels; only the first two have an outline of a person."""


def read(
    path: Path, group: str | None = None, images: Path | None = None, category: str = PERSON
) -> ReadLabels:
    """Read photos and masks of people from a file "CVAT for images 1.1".

    Parameters
    ----------
    path : Path
        The XML file.
    group : str, optional
        The name of the set; by default that of the file.
    images : Path, optional
        The folder of the photos. By default they are looked for beside the file.
    category : str
        The label of people.

    Returns
    -------
    ReadLabels

    Raises
    ------
    InputError
        For a file that cannot be read, is of another format or declares XML entities, and for an
        unknown label.
    """
    reader = _Reader()
    read_xml(path, reader.start, reader.end)
    if reader.root != "annotations" or (not reader.photos and reader.has_tracks):
        raise InputError(
            f'{label(path)}: is no export "CVAT for images 1.1"; choose this format in CVAT'
        )
    folders = PhotoFolders.for_label_file(path, images)
    collector = LabelCollector(path, folders, category, group or path.stem)
    used = {shape["label"] for _, shapes in reader.photos for _, shape in shapes}
    collector.check_category(reader.labels | used)
    for photo, shapes in reader.photos:
        regions = [
            partial(_make_region, tag, shape) for tag, shape in shapes if shape["label"] == category
        ]
        size = read_size(photo.get("height"), photo.get("width"))
        collector.add(photo.get("name"), size, regions)
    return collector.result()


class _Reader:
    """Gathers the photos and labels of the file."""

    def __init__(self) -> None:
        self.root = ""
        self.labels: set[str] = set()
        self.has_tracks = False
        self.photos: list[tuple[dict[str, str], list[tuple[str, dict[str, str]]]]] = []
        self._above: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.root = self.root or tag
        self.has_tracks |= tag == "track"
        above = self._above[-1:]
        if tag == "image" and above == ["annotations"]:
            self.photos.append((attributes, []))
        elif tag in _SHAPES and above == ["image"] and self.photos:
            self.photos[-1][1].append((tag, {"label": "", **attributes}))
        self._above.append(tag)

    def end(self, tag: str, text: str) -> None:
        self._above.pop()
        if tag == "name" and self._above[-1:] == ["label"]:
            self.labels.add(text)


def _make_region(tag: str, shape: dict[str, str], _: tuple[int, int]) -> Polygon | RunLengths:
    if tag == "polygon":
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("has points that are no pairs of numbers")
        return make_polygon(pairs)
    if tag != "mask":
        raise ValueError(f"is a {tag} and no outline")
    left, top, width, height = (
        _whole_number(shape.get(name)) for name in ("left", "top", "width", "height")
    )
    words = shape.get("rle", "").split(",")
    counts = np.array([_whole_number(word) for word in words], np.int64)
    return RunLengths(counts, height, width, top, left)


def _whole_number(text: str | None) -> int:
    word = (text or "").strip()
    if not (word.isascii() and word.isdecimal() and len(word) < 10):
        raise ValueError("has a mask whose numbers are missing or no whole numbers")
    return int(word)


def write(predictions: Iterable[Prediction], folder: Path, category: str = PERSON) -> Path:
    """Write predictions as a file "CVAT for images 1.1".

    Parameters
    ----------
    predictions : iterable of Prediction
        Photos with polygons or masks.
    folder : Path
        The folder of results.
    category : str
        The label of people.

    Returns
    -------
    Path
        The file.
    """
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    lines.append(f"  <meta><task><labels><label><name>{escape(category)}</name></label></labels>")
    lines.append("  </task></meta>")
    for number, one in enumerate(predictions):
        height, width = one.shape
        size = {"width": width, "height": height}
        lines.append(f"  {_element('image', {'id': number, 'name': one.name, **size}, '>')}")
        common = {"label": category, "source": "auto", "occluded": 0, "z_order": 0}
        for ring in one.polygons:
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)
            lines.append(f"    {_element('polygon', {**common, 'points': points})}")
        if one.runs is not None:
            runs = one.runs
            rle = ", ".join(map(str, runs.counts.tolist()))
            box = {name: getattr(runs, name) for name in ("left", "top", "width", "height")}
            lines.append(f"    {_element('mask', {**common, 'rle': rle, **box})}")
        lines.append("  </image>")
    text = "\n".join([*lines, "</annotations>", ""])
    return write_file_bytes(text.encode("utf-8", "replace"), folder / _FILE_NAME)


def _element(tag: str, attributes: dict[str, Any], close: str = "/>") -> str:
    words = (f"{name}={quoteattr(str(value))}" for name, value in attributes.items())
    return f"<{tag} {' '.join(words)}{close}"
