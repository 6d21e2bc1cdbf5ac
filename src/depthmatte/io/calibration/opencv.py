"""OpenCV's YAML, XML and JSON calibrations, by the names that people give their entries.

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
    """The entries of a cv2.FileStorage file -> Rig.

    Camera 1 (or the only one) took the photo; X of its frame is at R X + T in camera 2's, as
    OpenCV's stereoCalibrate has it. `unit: mm` or `cm` in the file says what T is in.
    """
    entries = {normalize_key(key): value for key, value in content.items()}
    size = _size(entries, name)
    if _find(entries, _K, "2") is not None:
        return _two(entries, size, name, photo, other)
    if "p1" in entries and "p2" in entries:
        return _rectified(entries, size, name, photo)
    alone = _camera(entries, "1" if _find(entries, _K) is None else "", size, name, photo)
    return Rig(alone, alone)


def _two(
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


def _rectified(
    entries: _Entries, size: ImageSize | None, name: str, assumed: ImageSize | None
) -> Rig:
    """P1 and P2 of stereoRectify: K beside T fx, along x."""
    first, second = (parse_numbers(entries[key], (3, 4), key.upper(), name) for key in ("p1", "p2"))
    if second[1, 3]:
        raise InputError(f"{name}: P2 puts one camera above the other; turn both views by 90")
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
    bent = parse_coefficients(_find(entries, _D, which), "distortion", name)
    return make_camera(
        matrix, bent, resolve_image_size(size, assumed, matrix, name), name, _model(entries, which)
    )


def _model(entries: _Entries, which: str) -> Any:
    """The lens model as the file calls it, "" where it does not say."""
    fisheye = entries.get("fisheyemodel")  # of OpenCV's own calibration program: 0 or 1
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
    whole = parse_numbers(pair, (2,), "image size", name)
    return int(whole[1]), int(whole[0])


def _unit(entries: _Entries, name: str) -> float:
    unit = entries.get("unit", "m")
    if not isinstance(unit, str) or unit not in _UNITS:
        raise InputError(f"{name}: unit {quote_excerpt(unit)} is unknown; use m, cm or mm")
    return _UNITS[unit]


def _find(entries: _Entries, names: tuple[str, ...], which: str = "") -> Any:
    """The entry of camera `which` under any of the names, None where there is none."""
    return next((entries[key + which] for key in names if key + which in entries), None)
