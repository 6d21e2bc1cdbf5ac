"""Calibration files in: one file -> Rig. docs/reference/calibration.md has examples of each.

- JSON of our own: cameras, and the way from the other camera's frame to the photo's.
- OpenCV's YAML, XML or JSON, and ROS's calibration, with the names people give (`storage`).
- ROS's camera_info, Kalibr's camchain, Open3D's and RealSense's JSON, COLMAP's cameras.txt.
- Middlebury's calib.txt: cam0 took the photo, baseline in millimetres, rectified.

Without a pose in between both cameras share one place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ...camera import Camera, Rig
from ...errors import InputError
from ...system.text import label
from . import bounded_markup, colmap, kalibr, middlebury, open3d, opencv, realsense, ros
from .rig_checks import (
    ImageSize,
    make_camera,
    make_rig,
    parse_coefficients,
    parse_numbers,
    quote_excerpt,
)

_SCHEMA_VERSION = 1
"""Of the JSON schema: the value of its key "depthmatte"."""

_CALIBRATION_FORMATS = (
    "JSON as in docs/reference/calibration.md, OpenCV YAML, XML or JSON, ROS camera_info, "
    "Kalibr, Open3D, RealSense, COLMAP cameras.txt or Middlebury calib.txt"
)


def read_calibration(
    path: str | os.PathLike[str], photo: ImageSize | None = None, other: ImageSize | None = None
) -> Rig:
    """A calibration file as a Rig whose world is the photo camera's frame, metres.

    Parameters
    ----------
    path : path
        The file; its kind is told by its content.
    photo, other : (int, int), optional
        Height and width of the pictures: they stand in where a file names no size.

    Raises
    ------
    InputError
        For what cannot be read or understood.
    """
    name = label(path)
    return parse_calibration(bounded_markup.read_small_text(path), name, photo, other)


def parse_calibration(
    text: str, name: str = "text", photo: ImageSize | None = None, other: ImageSize | None = None
) -> Rig:
    """`read` of a file's text."""
    start = text.lstrip("\ufeff \t\r\n")
    if colmap.is_colmap(start):
        return colmap.parse_colmap(start, name)
    if middlebury.is_middlebury(start):
        return middlebury.parse_middlebury(start, name, photo)
    try:
        content = bounded_markup.parse_markup(start)
    except bounded_markup.MarkupError as error:
        raise InputError(f"{name}: {error}; give {_CALIBRATION_FORMATS}") from error
    if not isinstance(content, dict) or not content:
        raise InputError(f"{name}: is no calibration that can be read; give {_CALIBRATION_FORMATS}")
    if "depthmatte" in content:
        return _parse_own_json(content, name)
    for fits, reader in _READERS:
        if fits(content):
            return reader(content, name, other)
    return opencv.parse_opencv(content, name, photo, other)


_READERS: tuple[
    tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any], str, ImageSize | None], Rig]],
    ...,
] = (
    (kalibr.is_kalibr, kalibr.parse_kalibr),
    (open3d.is_open3d, open3d.parse_open3d),
    (realsense.is_realsense, realsense.parse_realsense),
    (ros.is_ros, ros.parse_ros),
)


def encode_calibration(rig: Rig) -> str:
    """A Rig as the text of our own JSON."""
    rotation, translation = rig.pose
    return json.dumps(
        {
            "depthmatte": _SCHEMA_VERSION,
            "photo": _described(rig.photo),
            "other": _described(rig.other),
            "rotation": rotation.tolist(),
            "translation": translation.tolist(),
            "rectified": rig.rectified,
        },
        indent=2,
    )


def _described(camera: Camera) -> dict[str, Any]:
    model = {} if camera.model == "brown-conrady" else {"model": camera.model}
    return {
        "size": [camera.shape[1], camera.shape[0]],
        **{key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy")},
        "distortion": list(camera.distortion),
        **model,
    }


def _parse_own_json(content: dict[str, Any], name: str) -> Rig:
    if content["depthmatte"] != _SCHEMA_VERSION:
        raise InputError(
            f'{name}: does not say "depthmatte": {_SCHEMA_VERSION}, the version of its schema; '
            "see docs/reference/calibration.md"
        )
    _known(content, _KEYS, name)
    rectified = content.get("rectified", False)
    if not isinstance(rectified, bool):
        raise InputError(f"{name}: rectified must be true or false; mend it")
    photo = _camera(content.get("photo"), "photo", name)
    other = _camera(content["other"], "other", name) if "other" in content else photo
    rotation = parse_numbers(content.get("rotation", np.eye(3)), (3, 3), "rotation", name)
    translation = parse_numbers(content.get("translation", np.zeros(3)), (3,), "translation", name)
    # The file tells the way to the photo's frame, a Camera the way from the world.
    with np.errstate(all="ignore"):  # numbers that are no rotation are refused by `rig`
        shift = -rotation.T @ translation
    return make_rig(photo, other, rotation.T, shift, rectified, name)


def _camera(found: Any, which: str, name: str) -> Camera:
    if not isinstance(found, dict):
        raise InputError(f"{name}: {which} must be an object with size, fx, fy, cx, cy; add it")
    _known(found, _CAMERA, f"{name}: {which}")
    width, height = parse_numbers(found.get("size"), (2,), f"{which} size", name)
    fx, fy, cx, cy = parse_numbers(
        [found.get(key) for key in ("fx", "fy", "cx", "cy")], (4,), f"{which} fx, fy, cx, cy", name
    )
    bent = parse_coefficients(found.get("distortion", []), f"{which} distortion", name)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return make_camera(matrix, bent, (int(height), int(width)), name, found.get("model", ""))


def _known(found: dict[str, Any], keys: tuple[str, ...], name: str) -> None:
    """A misspelt key must not pass quietly."""
    for key in found:
        if key not in keys:
            raise InputError(f"{name}: {quote_excerpt(key)} is unknown; use {', '.join(keys)}")


_KEYS = ("depthmatte", "photo", "other", "rotation", "translation", "rectified")
_CAMERA = ("size", "fx", "fy", "cx", "cy", "distortion", "model")
