"""Label Studio's JSON: tasks with brush masks and polygons, in percent of the photo.

The export "JSON" is read. Of several annotations of a task, the one marked as ground truth counts,
else the newest; skipped ones never count. A task without an annotation is not labeled yet and is
left out. Predictions that nobody has submitted are no annotations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from ....errors import InputError
from ....io.photo.photo_writer import write_file_bytes
from ....system.printable_text import label
from ..drawn_mask import Polygon, RunLengths
from .bounded_files import as_list, as_mapping, read_json, read_size
from .brush_rle import decode_brush, encode_brush
from .label_file import PERSON, LabelCollector, ReadLabels, check_whole, make_polygon
from .photo_folders import PhotoFolders
from .predictions import Prediction, write_label_json

_FILE_NAME = "tasks.json"
"""The file of tasks with predictions."""

_CONFIG_NAME = "labeling_interface.xml"
"""The file with the labeling interface that fits the tasks."""

_IMAGE, _BRUSH, _POLYGON = "image", "brush", "polygon"
"""Names of the tags of the labeling interface."""

_LABEL_KEYS = ("brushlabels", "polygonlabels", "labels", "rectanglelabels", "ellipselabels")
"""Where a region holds the names of its labels, by the tag that made it."""


def read(
    path: Path, group: str | None = None, images: Path | None = None, category: str = PERSON
) -> ReadLabels:
    """Read photos and masks of people from an export of Label Studio.

    Parameters
    ----------
    path : Path
        A file of the export "JSON".
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
        For a file that cannot be read or is no such export, and for an unknown label.
    """
    tasks = read_json(path)
    if not isinstance(tasks, list) or not all("data" in as_mapping(one) for one in tasks):
        raise InputError(
            f'{label(path)}: is no export of Label Studio; choose the format "JSON" there'
        )
    folders = PhotoFolders.for_label_file(path, images)
    collector = LabelCollector(path, folders, category, group or path.stem)
    chosen = [(task, _choose_annotation(task)) for task in tasks]
    collector.check_category(
        name for _, found in chosen if found is not None for each in _results(found)
        for name in _names(each)
    )  # fmt: skip
    waiting = several = 0
    for task, annotation in chosen:
        if annotation is None:
            waiting += 1
            continue
        several += len(as_list(task.get("annotations"))) > 1
        results = [one for one in _results(annotation) if category in _names(one)]
        regions = [partial(_make_region, one) for one in results]
        collector.add(_photo_reference(task), None, regions)
    if waiting:
        collector.notes.append(
            f"{label(path)}: {waiting} tasks have no submitted annotation and are left out"
        )
    if several:
        collector.notes.append(
            f"{label(path)}: {several} tasks have several annotations; the ground truth counts, "
            "else the newest"
        )
    return collector.result()


def _choose_annotation(task: Any) -> dict[str, Any] | None:
    found = [
        one for one in as_list(task.get("annotations"))
        if isinstance(one, dict) and not one.get("was_cancelled")
    ]  # fmt: skip
    return max(
        found,
        key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at", ""))),
        default=None,
    )


def _results(annotation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (one for one in as_list(annotation.get("result")) if isinstance(one, dict))


def _names(result: dict[str, Any]) -> list[str]:
    value = as_mapping(result.get("value"))
    return [str(name) for key in _LABEL_KEYS for name in as_list(value.get(key))]


def _photo_reference(task: Any) -> str | None:
    """The address of the photo: the field `image`, else the only text with a slash or a dot."""
    data = as_mapping(task.get("data"))
    if isinstance(data.get(_IMAGE), str):
        return str(data[_IMAGE])
    texts = [v for v in data.values() if isinstance(v, str) and ("/" in v or "." in v)]
    return texts[0] if len(texts) == 1 else None


def _make_region(result: dict[str, Any], shape: tuple[int, int]) -> Polygon | RunLengths:
    value = as_mapping(result.get("value"))
    size = read_size(result.get("original_height"), result.get("original_width"))
    if size is None:
        raise ValueError("has no original_width and original_height")
    check_whole(shape, *size)
    height, width = shape
    if result.get("image_rotation") not in (None, 0):
        raise ValueError("was drawn on a rotated photo; rotate the photo's file instead")
    if "rle" in value:
        return decode_brush(value["rle"], height, width)
    if "points" in value:
        if value.get("closed") is False:
            raise ValueError("has a polygon that is not closed")
        return make_polygon(value["points"], (width / 100, height / 100))
    raise ValueError("is neither a brush mask nor a polygon")


def write(
    predictions: Iterable[Prediction],
    folder: Path,
    category: str = PERSON,
    url_prefix: str = "",
    model_version: str = "depthmatte",
) -> Path:
    """Write predictions as tasks for Label Studio, and the labeling interface for them.

    Parameters
    ----------
    predictions : iterable of Prediction
        Photos with polygons, or with masks, which become brush masks.
    folder : Path
        The folder of results.
    category : str
        The label of people.
    url_prefix : str
        Stands before the name of a photo in the address at which Label Studio finds it.
    model_version : str
        What Label Studio shows as the origin of the predictions.

    Returns
    -------
    Path
        The file of tasks.
    """
    tasks: list[dict[str, Any]] = []
    for number, one in enumerate(predictions, 1):
        results: Iterable[dict[str, Any]] = _make_results(one, category)
        tasks.append(
            {
                "id": number,
                "data": {_IMAGE: url_prefix + (quote(one.name) if url_prefix else one.name)},
                "predictions": [{"model_version": model_version, "result": list(results)}],
            }
        )
    write_file_bytes(_labeling_interface(category).encode("utf-8"), folder / _CONFIG_NAME)
    return write_label_json(tasks, folder / _FILE_NAME)


def _make_results(one: Prediction, category: str) -> Iterator[dict[str, Any]]:
    height, width = one.shape
    values: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
        (_POLYGON, "polygonlabels", partial(_polygon_value, ring, height, width))
        for ring in one.polygons
    ]
    if one.runs is not None:
        rle = encode_brush(one.draw_runs())
        values.append((_BRUSH, "brushlabels", lambda: {"format": "rle", "rle": rle}))
    for index, (tag, kind, make) in enumerate(values):
        yield {
            "id": hashlib.sha256(f"{one.name} {index}".encode("utf-8", "replace")).hexdigest()[:10],
            "from_name": tag, "to_name": _IMAGE, "type": kind,
            "original_width": width, "original_height": height, "image_rotation": 0,
            "value": {**make(), kind: [category]},
        }  # fmt: skip


def _polygon_value(ring: Any, height: int, width: int) -> dict[str, Any]:
    percent = ring * 100 / [width, height]
    return {"points": [[float(x), float(y)] for x, y in percent.round(4)], "closed": True}


def _labeling_interface(category: str) -> str:
    """The labeling interface: one photo, a brush and a polygon with one label."""
    name = quoteattr(category)
    return f"""<View>
  <Image name="{_IMAGE}" value="${_IMAGE}" zoom="true" zoomControl="true"/>
  <BrushLabels name="{_BRUSH}" toName="{_IMAGE}">
    <Label value={name} background="#12b886"/>
  </BrushLabels>
  <PolygonLabels name="{_POLYGON}" toName="{_IMAGE}">
    <Label value={name} background="#12b886"/>
  </PolygonLabels>
</View>
"""
