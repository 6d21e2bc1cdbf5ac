"""Parse Kalibr's camchain: https://github.com/ethz-asl/kalibr/wiki/yaml-formats ."""

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
)


def is_kalibr(content: dict[str, Any]) -> bool:
    """Return whether the content has an entry cam0 with intrinsics."""
    found = content.get("cam0")
    return isinstance(found, dict) and "intrinsics" in found


def parse_kalibr(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """Parse a camchain: cam0 took the photo, cam1 (if present) the depth or the second view.

    T_cn_cnm1 of cam1 (4 x 4) leads from the frame of cam0 to that of cam1.

    Parameters
    ----------
    content : dict
        The file.
    name : str
        Its name for messages.
    other : (int, int), optional
        Not used.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For missing or invalid entries.
    """
    first = _camera(content["cam0"], "cam0", name)
    second = content.get("cam1")
    if second is None:
        return Rig(first, first)
    entry = second.get("T_cn_cnm1") if isinstance(second, dict) else None
    pose = parse_numbers(entry, (4, 4), "cam1 T_cn_cnm1", name)
    if pose[3].tolist() != [0, 0, 0, 1]:
        raise InputError(f"{name}: the last row of cam1 T_cn_cnm1 must be 0 0 0 1; correct it")
    other_camera = _camera(second, "cam1", name)
    return make_rig(first, other_camera, pose[:3, :3], pose[:3, 3], False, name)


def _camera(found: dict[str, Any], which: str, name: str) -> Camera:
    model = found.get("camera_model", "pinhole")
    if not isinstance(model, str) or normalize_key(model) != "pinhole":
        raise InputError(
            f"{name}: the camera model {quote_excerpt(model)} of {which} is not supported; "
            "calibrate with pinhole and radtan or equidistant"
        )
    fx, fy, cx, cy = parse_numbers(found.get("intrinsics"), (4,), f"{which} intrinsics", name)
    width, height = parse_numbers(found.get("resolution"), (2,), f"{which} resolution", name)
    values = found.get("distortion_coeffs")
    coefficients = parse_coefficients(values, f"{which} distortion_coeffs", name)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    lens_model = found.get("distortion_model", "none")
    return make_camera(matrix, coefficients, (int(height), int(width)), name, lens_model)
