"""Kalibr's camchain: https://github.com/ethz-asl/kalibr/wiki/yaml-formats ."""

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
    """Whether cam0 is a camera with intrinsics."""
    found = content.get("cam0")
    return isinstance(found, dict) and "intrinsics" in found


def parse_kalibr(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """cam0 took the photo; cam1, where there is one, the depth or the second view.

    T_cn_cnm1 of cam1 (4 x 4) leads from cam0's frame to cam1's.
    """
    first = _camera(content["cam0"], "cam0", name)
    second = content.get("cam1")
    if second is None:
        return Rig(first, first)
    moved = parse_numbers(second.get("T_cn_cnm1") if isinstance(second, dict) else None, (4, 4),
                    "cam1 T_cn_cnm1", name)  # fmt: skip
    if moved[3].tolist() != [0, 0, 0, 1]:
        raise InputError(f"{name}: the last row of cam1 T_cn_cnm1 must be 0 0 0 1; mend it")
    placed = _camera(second, "cam1", name)
    return make_rig(first, placed, moved[:3, :3], moved[:3, 3], False, name)


def _camera(found: dict[str, Any], which: str, name: str) -> Camera:
    model = found.get("camera_model", "pinhole")
    if not isinstance(model, str) or normalize_key(model) != "pinhole":
        raise InputError(
            f"{name}: the camera model {quote_excerpt(model)} of {which} is not supported; "
            "calibrate with pinhole and radtan or equidistant"
        )
    fx, fy, cx, cy = parse_numbers(found.get("intrinsics"), (4,), f"{which} intrinsics", name)
    width, height = parse_numbers(found.get("resolution"), (2,), f"{which} resolution", name)
    bent = parse_coefficients(found.get("distortion_coeffs"), f"{which} distortion_coeffs", name)
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return make_camera(
        matrix, bent, (int(height), int(width)), name, found.get("distortion_model", "none")
    )
