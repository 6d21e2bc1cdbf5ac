"""Parse OpenCV's YAML, XML and JSON calibrations by the usual names of their entries.

ROS's calibration files (camera_matrix, distortion_model) have the same names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...camera import Camera, Rig
from ...errors import InputError
from .rig_checks import (
    ImageSize,
    make_camera,
    make_rig,
    normalize_key,
    parse_coefficients,
    parse_numbers,
    quote_excerpt,
    resolve_image_size,
)

# Names are compared in lower case and without "_", "-", "." and spaces.
_K = ("cameramatrix", "intrinsic", "intrinsics", "intrinsicmatrix", "k", "m", "mtx")
_D = ("distortioncoefficients", "distcoeffs", "distcoeff", "distortion", "dist", "d")
_R = ("r", "rotation", "rotationmatrix")
_T = ("t", "translation", "tvec")
_WIDTH, _HEIGHT = ("imagewidth", "width", "w"), ("imageheight", "height", "h")
_SIZE = ("imagesize", "size", "resolution")
_MODEL = ("distortionmodel", "cameramodel", "model")

_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}

_Entries = dict[str, Any]


def parse_opencv(
    content: _Entries, name: str, photo: ImageSize | None, other: ImageSize | None
) -> Rig:
    """Parse the entries of a cv2.FileStorage file.

    Camera 1, or the only one, took the photo. A point X in its frame is at R X + T in the frame
    of camera 2, as from OpenCV's stereoCalibrate. The entry `unit` (m, cm, mm) is for T.

    Parameters
    ----------
    content : dict
        The file.
    name : str
        Its name for messages.
    photo, other : (int, int) or None
        (h, w) of the two pictures, used where the file states no size.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For missing or invalid entries.
    """
    entries = {normalize_key(key): value for key, value in content.items()}
    size = _size(entries, name)
    if _find(entries, _K, "2") is not None:
        return _parse_two_cameras(entries, size, name, photo, other)
    if "p1" in entries and "p2" in entries:
        return _parse_rectified(entries, size, name, photo)
    alone = _camera(entries, "1" if _find(entries, _K) is None else "", size, name, photo)
    return Rig(alone, alone)


def _parse_two_cameras(
    entries: _Entries,
    size: ImageSize | None,
    name: str,
    photo: ImageSize | None,
    other: ImageSize | None,
) -> Rig:
    rotation, translation = _find(entries, _R), _find(entries, _T)
    if rotation is None or translation is None:
        raise InputError(f"{name}: has two cameras but no R and T between them; add them")
    return make_rig(
        _camera(entries, "1", size, name, photo),
        _camera(entries, "2", size, name, other or photo),
        parse_numbers(rotation, (3, 3), "R", name),
        parse_numbers(translation, (3,), "T", name) * _unit(entries, name),
        False,
        name,
    )


def _parse_rectified(
    entries: _Entries, size: ImageSize | None, name: str, assumed: ImageSize | None
) -> Rig:
    """P1 and P2 of stereoRectify: K, and the fourth column T fx along x."""
    first, second = (parse_numbers(entries[key], (3, 4), key.upper(), name) for key in ("p1", "p2"))
    if second[1, 3]:
        raise InputError(
            f"{name}: P2 puts one camera above the other; turn both views by 90 degrees"
        )
    cameras = [
        make_camera(matrix[:, :3], (), resolve_image_size(size, assumed, matrix, name), name)
        for matrix in (first, second)
    ]
    shift = np.array([second[0, 3] / second[0, 0], 0, 0]) * _unit(entries, name)
    return make_rig(cameras[0], cameras[1], np.eye(3), shift, True, name)


def _camera(
    entries: _Entries,
    which: str,
    size: ImageSize | None,
    name: str,
    assumed: ImageSize | None = None,
) -> Camera:
    found = _find(entries, _K, which)
    if found is None and not which.strip("1") and {"fx", "fy", "cx", "cy"} <= set(entries):
        fx, fy, cx, cy = (entries[key] for key in ("fx", "fy", "cx", "cy"))
        found = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    if found is None:
        known = ", ".join(quote_excerpt(key)[1:-1] for key in list(entries)[:8]) or "nothing"
        raise InputError(
            f"{name}: holds {known}; name the camera matrix camera_matrix or K, or write JSON as "
            'in docs/reference/calibration.md, with "depthmatte": 1'
        )
    matrix = parse_numbers(found, (3, 3), f"camera matrix {which}".strip(), name)
    coefficients = parse_coefficients(_find(entries, _D, which), "distortion", name)
    return make_camera(
        matrix,
        coefficients,
        resolve_image_size(size, assumed, matrix, name),
        name,
        _model(entries, which),
    )


def _model(entries: _Entries, which: str) -> Any:
    """The lens model by its name in the file, "" without one."""
    fisheye = entries.get("fisheyemodel")  # written by OpenCV's calibration sample: 0 or 1
    if fisheye is not None and str(fisheye).strip() not in ("0", "False", "false"):
        return "fisheye"
    found = _find(entries, _MODEL, which)
    found = _find(entries, _MODEL) if found is None else found
    return "" if found is None or normalize_key(str(found)) == "pinhole" else found


def _size(entries: _Entries, name: str) -> ImageSize | None:
    width, height = _find(entries, _WIDTH), _find(entries, _HEIGHT)
    pair = [width, height] if width is not None and height is not None else _find(entries, _SIZE)
    if pair is None:
        return None
    numbers = parse_numbers(pair, (2,), "image size", name)
    return int(numbers[1]), int(numbers[0])


def _unit(entries: _Entries, name: str) -> float:
    unit = entries.get("unit", "m")
    if not isinstance(unit, str) or unit not in _UNITS:
        raise InputError(f"{name}: unit {quote_excerpt(unit)} is unknown; use m, cm or mm")
    return _UNITS[unit]


def _find(entries: _Entries, names: tuple[str, ...], which: str = "") -> Any:
    """The entry of camera `which` under any of the names; None without one."""
    return next((entries[key + which] for key in names if key + which in entries), None)
