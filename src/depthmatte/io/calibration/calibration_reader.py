"""Read calibration files as a Rig of two cameras.

Supported formats (docs/reference/calibration.md has an example of each):

- depthmatte's own JSON: two cameras and the pose between them;
- OpenCV's YAML, XML or JSON, and ROS's calibration (`opencv`);
- ROS's camera_info, Kalibr's camchain, Open3D's and RealSense's JSON, COLMAP's cameras.txt;
- Middlebury's calib.txt: cam0 took the photo, the baseline is in millimeters, rectified.

Without a pose both cameras are at the same position.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ...camera import Camera, Rig
from ...errors import InputError
from ...system.printable_text import label
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
"""Version of our own JSON: the value of its key "depthmatte"."""

_CALIBRATION_FORMATS = (
    "JSON as in docs/reference/calibration.md, OpenCV YAML, XML or JSON, ROS camera_info, "
    "Kalibr, Open3D, RealSense, COLMAP cameras.txt or Middlebury calib.txt"
)


def read_calibration(
    path: str | os.PathLike[str], photo: ImageSize | None = None, other: ImageSize | None = None
) -> Rig:
    """Read a calibration file.

    Parameters
    ----------
    path : path
        The file; its format is recognized by content.
    photo, other : (int, int), optional
        (height, width) of the pictures, used where the file states no size.

    Returns
    -------
    Rig
        Its world is the frame of the photo's camera, in meters.

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
    """Parse the text of a calibration file.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name for messages.
    photo, other : (int, int), optional
        As for `read_calibration`.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For what cannot be understood.
    """
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
        raise InputError(f"{name}: is no supported calibration; give {_CALIBRATION_FORMATS}")
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
    """Encode a rig as our own JSON.

    Parameters
    ----------
    rig : Rig
        Two cameras.

    Returns
    -------
    str
        JSON that `read_calibration` reads.
    """
    rotation, translation = rig.pose
    return json.dumps(
        {
            "depthmatte": _SCHEMA_VERSION,
            "photo": _camera_to_json(rig.photo),
            "other": _camera_to_json(rig.other),
            "rotation": rotation.tolist(),
            "translation": translation.tolist(),
            "rectified": rig.rectified,
        },
        indent=2,
    )


def _camera_to_json(camera: Camera) -> dict[str, Any]:
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
    _check_keys(content, _KEYS, name)
    rectified = content.get("rectified", False)
    if not isinstance(rectified, bool):
        raise InputError(f"{name}: rectified must be true or false; correct it")
    photo = _camera(content.get("photo"), "photo", name)
    other = _camera(content["other"], "other", name) if "other" in content else photo
    rotation = parse_numbers(content.get("rotation", np.eye(3)), (3, 3), "rotation", name)
    translation = parse_numbers(content.get("translation", np.zeros(3)), (3,), "translation", name)
    # The file has the pose from the other frame to the photo's, a Camera that from the world.
    with np.errstate(all="ignore"):  # `make_rig` refuses what is no rotation
        shift = -rotation.T @ translation
    return make_rig(photo, other, rotation.T, shift, rectified, name)


def _camera(found: Any, which: str, name: str) -> Camera:
    if not isinstance(found, dict):
        raise InputError(f"{name}: {which} must be an object with size, fx, fy, cx, cy; add it")
    _check_keys(found, _CAMERA_KEYS, f"{name}: {which}")
    width, height = parse_numbers(found.get("size"), (2,), f"{which} size", name)
    fx, fy, cx, cy = parse_numbers(
        [found.get(key) for key in ("fx", "fy", "cx", "cy")], (4,), f"{which} fx, fy, cx, cy", name
    )
    values = found.get("distortion", [])
    coefficients = parse_coefficients(values, f"{which} distortion", name)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = int(height), int(width)
    return make_camera(matrix, coefficients, size, name, found.get("model", ""))


def _check_keys(found: dict[str, Any], keys: tuple[str, ...], name: str) -> None:
    """Raise InputError for an unknown key, which may be a spelling mistake."""
    for key in found:
        if key not in keys:
            raise InputError(f"{name}: {quote_excerpt(key)} is unknown; use {', '.join(keys)}")


_KEYS = ("depthmatte", "photo", "other", "rotation", "translation", "rectified")
_CAMERA_KEYS = ("size", "fx", "fy", "cx", "cy", "distortion", "model")
