"""Calibration files in: one file -> Rig (SPEC row B3). docs/calibration.md has examples.

- JSON of our own: cameras, and the way from the other camera's frame to the photo's.
- OpenCV's YAML, XML or JSON, with the names people give: one camera that took photo and
  depth alike, or camera 1 (the photo's) and camera 2 with R, T from 1 to 2, or P1 and P2 of
  a rectified pair.
- Middlebury's calib.txt: cam0 took the photo, baseline in millimetres, rectified.

Without a pose in between both cameras share one place.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..camera import Camera, Rig
from ..errors import InputError
from . import middlebury, storage
from .label import label, reason
from .rigs import Size, camera, numbers, rig

VERSION = 1
"""Of the JSON schema: the value of its key "depthmatte"."""

_LARGEST = 2**20
"""Bytes: calibrations are small, anything more is another file."""


def read(path: str | os.PathLike[str], photo: Size | None = None, other: Size | None = None) -> Rig:
    """A calibration file as a Rig whose world is the photo camera's frame, metres.

    `photo` and `other` are the (height, width) of the pictures: they stand in where a file
    of OpenCV or Middlebury names no size. Raises InputError for what cannot be understood.
    """
    name = label(path)
    return parse(_text(Path(path), name), name, photo, other)


def parse(
    text: str, name: str = "text", photo: Size | None = None, other: Size | None = None
) -> Rig:
    """`read` of a file's text."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("{") and '"opencv-matrix"' not in start:
        return _json(start, name)
    if re.search(r"^\s*cam0\s*=", start, re.MULTILINE):
        return middlebury.parse(start, name, photo)
    return storage.parse(start, name, photo, other)


def encode(rig: Rig) -> str:
    """A Rig as the text of our own JSON."""
    rotation, translation = rig.pose
    return json.dumps(
        {
            "depthmatte": VERSION,
            "photo": _described(rig.photo),
            "other": _described(rig.other),
            "rotation": rotation.tolist(),
            "translation": translation.tolist(),
            "rectified": rig.rectified,
        },
        indent=2,
    )


def _described(camera: Camera) -> dict[str, Any]:
    return {
        "size": [camera.shape[1], camera.shape[0]],
        **{key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy")},
        "distortion": list(camera.distortion),
    }


def _text(path: Path, name: str) -> str:
    try:
        if path.is_dir():
            raise InputError(f"{name}: is a folder; give a calibration file")
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{name}: is too large for a calibration; give another file")
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({reason(error)}); check the path") from error
    except ValueError as error:
        raise InputError(f"{name}: is not text; give a calibration file") from error


def _json(text: str, name: str) -> Rig:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not valid JSON ({error}); mend it") from error
    if content.get("depthmatte") != VERSION:
        raise InputError(
            f'{name}: does not say "depthmatte": {VERSION}, the version of its schema; '
            "see docs/calibration.md"
        )
    _known(content, _KEYS, name)
    rectified = content.get("rectified", False)
    if not isinstance(rectified, bool):
        raise InputError(f"{name}: rectified must be true or false; mend it")
    photo = _camera(content.get("photo"), "photo", name)
    other = _camera(content["other"], "other", name) if "other" in content else photo
    rotation = numbers(content.get("rotation", np.eye(3)), (3, 3), "rotation", name)
    translation = numbers(content.get("translation", np.zeros(3)), (3,), "translation", name)
    # The file tells the way to the photo's frame, a Camera the way from the world.
    return rig(photo, other, rotation.T, -rotation.T @ translation, rectified, name)


def _camera(found: Any, which: str, name: str) -> Camera:
    if not isinstance(found, dict):
        raise InputError(f"{name}: {which} must be an object with size, fx, fy, cx, cy; add it")
    _known(found, _CAMERA, f"{name}: {which}")
    width, height = numbers(found.get("size"), (2,), f"{which} size", name)
    fx, fy, cx, cy = numbers(
        [found.get(key) for key in ("fx", "fy", "cx", "cy")], (4,), f"{which} fx, fy, cx, cy", name
    )
    bent = found.get("distortion", [])
    distortion = numbers(bent, (np.size(bent),), f"{which} distortion", name)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return camera(matrix, distortion.tolist(), (int(height), int(width)), name)


def _known(found: dict[str, Any], keys: tuple[str, ...], name: str) -> None:
    """A misspelt key must not pass quietly."""
    for key in found:
        if key not in keys:
            raise InputError(f"{name}: {key!r} is unknown; use {', '.join(keys)}")


_KEYS = ("depthmatte", "photo", "other", "rotation", "translation", "rectified")
_CAMERA = ("size", "fx", "fy", "cx", "cy", "distortion")
