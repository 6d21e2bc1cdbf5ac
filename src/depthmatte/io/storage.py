"""OpenCV's YAML, XML and JSON calibrations, by the names that people give their entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from ..camera import Camera, Matrix, Rig
from ..errors import InputError
from .rigs import Size, camera, numbers, rig, sized

# Names are compared in lower case and without "_", "-", "." and spaces.
_K = ("cameramatrix", "intrinsic", "intrinsics", "intrinsicmatrix", "k", "m", "mtx")
_D = ("distortioncoefficients", "distcoeffs", "distcoeff", "distortion", "dist", "d")
_R = ("r", "rotation", "rotationmatrix")
_T = ("t", "translation", "tvec")
_WIDTH, _HEIGHT = ("imagewidth", "width"), ("imageheight", "height")
_SIZE = ("imagesize", "size", "resolution")

_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}

Entries = dict[str, Any]


def parse(text: str, name: str, photo: Size | None, other: Size | None) -> Rig:
    """The text of a cv2.FileStorage file -> Rig.

    Camera 1 (or the only one) took the photo; X of its frame is at R X + T in camera 2's, as
    OpenCV's stereoCalibrate has it. `unit: mm` or `cm` in the file says what T is in.
    """
    entries = _entries(text, name)
    size = _size(entries, name)
    if _find(entries, _K, "2") is not None:
        return _two(entries, size, name, photo, other)
    if "p1" in entries and "p2" in entries:
        return _rectified(entries, size, name, photo)
    alone = _camera(entries, "1" if _find(entries, _K) is None else "", size, name, photo)
    return Rig(alone, alone)


def _two(
    entries: Entries, size: Size | None, name: str, photo: Size | None, other: Size | None
) -> Rig:
    rotation, translation = _find(entries, _R), _find(entries, _T)
    if rotation is None or translation is None:
        raise InputError(f"{name}: has two cameras but no R and T between them; add them")
    return rig(
        _camera(entries, "1", size, name, photo),
        _camera(entries, "2", size, name, other or photo),
        numbers(rotation, (3, 3), "R", name),
        numbers(translation, (3,), "T", name) * _unit(entries, name),
        False,
        name,
    )


def _rectified(entries: Entries, size: Size | None, name: str, assumed: Size | None) -> Rig:
    """P1 and P2 of stereoRectify: K beside T fx, along x."""
    first, second = (numbers(entries[key], (3, 4), key.upper(), name) for key in ("p1", "p2"))
    if second[1, 3]:
        raise InputError(f"{name}: P2 puts one camera above the other; turn both views by 90")
    cameras = [
        camera(matrix[:, :3], (), sized(size, assumed, matrix, name), name)
        for matrix in (first, second)
    ]
    shift = np.array([second[0, 3] / second[0, 0], 0, 0]) * _unit(entries, name)
    return rig(cameras[0], cameras[1], np.eye(3), shift, True, name)


def _camera(
    entries: Entries, which: str, size: Size | None, name: str, assumed: Size | None = None
) -> Camera:
    found, bent = _find(entries, _K, which), _find(entries, _D, which)
    if found is None:
        known = ", ".join(entries) or "nothing"
        raise InputError(f"{name}: holds {known}; name the camera matrix camera_matrix or K")
    matrix = numbers(found, (3, 3), f"camera matrix {which}".strip(), name)
    distortion: Matrix = np.zeros(0)
    if bent is not None:
        distortion = numbers(bent, (np.size(bent),), "distortion", name)
    return camera(matrix, distortion.tolist(), sized(size, assumed, matrix, name), name)


def _size(entries: Entries, name: str) -> Size | None:
    width, height = _find(entries, _WIDTH), _find(entries, _HEIGHT)
    pair = [width, height] if width is not None and height is not None else _find(entries, _SIZE)
    if pair is None:
        return None
    whole = numbers(pair, (2,), "image size", name)
    return int(whole[1]), int(whole[0])


def _unit(entries: Entries, name: str) -> float:
    unit = entries.get("unit", "m")
    if unit not in _UNITS:
        raise InputError(f"{name}: unit {unit!r} is unknown; use m, cm or mm")
    return _UNITS[unit]


def _find(entries: Entries, names: tuple[str, ...], which: str = "") -> Any:
    """The entry of camera `which` under any of the names, None where there is none."""
    return next((entries[key + which] for key in names if key + which in entries), None)


def _entries(text: str, name: str) -> Entries:
    """All top entries as numbers, lists and strings, under their plain names."""
    if not text.startswith(("<", "{", "%")):
        text = f"%YAML:1.0\n---\n{text}"  # as other programs write YAML
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        root = storage.root()
        keys = root.keys()
        entries = {_plain(key): _value(root.getNode(key)) for key in keys}
        storage.release()
    except (cv2.error, SystemError, RecursionError) as error:
        raise InputError(
            f"{name}: is no calibration that can be read; give JSON as in docs/calibration.md, "
            "OpenCV YAML or XML, or Middlebury calib.txt"
        ) from error
    return entries


def _plain(key: str) -> str:
    return "".join(sign for sign in key.lower() if sign not in "_-. ")


def _value(node: Any) -> Any:
    if node.isMap():  # a matrix, also without OpenCV's tag
        return list(_flat(node.getNode("data")))
    if node.isSeq():
        return list(_flat(node))
    if node.isString():
        return node.string()
    return node.real() if node.isReal() or node.isInt() else None


def _flat(node: Any) -> Iterator[float]:
    if node.isSeq():
        for index in range(node.size()):
            yield from _flat(node.at(index))
    else:
        yield node.real() if node.isReal() or node.isInt() else float("nan")
