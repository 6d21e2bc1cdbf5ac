"""Parse intrinsics of RealSense cameras (rs2_intrinsics) stored as JSON.

The file holds one camera (`ppx`, `ppy`, `fx`, `fy`, `model`, `coeffs`), or `color` and `depth`
with the `extrinsics` between them, as `depth.get_extrinsics_to(color)` returns them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...camera import Camera, Rig, is_same_aspect
from ...errors import InputError
from .rig_checks import (
    ImageSize,
    make_camera,
    make_rig,
    normalize_key,
    parse_coefficients,
    parse_count,
    parse_numbers,
    quote_excerpt,
)

_PHOTO, _OTHER = ("color", "colour", "rgb"), ("depth",)
_TO_COLOR, _TO_DEPTH = ("extrinsics", "depthtocolor", "depthtocolorextrinsics"), ("colortodepth",)

_MODELS = {"none": "none", "brownconrady": "brown_conrady", "kannalabrandt4": "equidistant"}
"""Supported projection models; others are accepted only if all coefficients are 0."""


def is_realsense(content: dict[str, Any]) -> bool:
    """Return whether the content is a RealSense camera (with ppx), or holds one."""
    return "ppx" in content or any(
        isinstance(value, dict) and "ppx" in value for value in content.values()
    )


def parse_realsense(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """Parse a RealSense calibration: the color camera took the photo, the depth camera the depth.

    Depth with the aspect of the color camera, and not of the depth camera, was aligned to the
    photo before it was saved. Both cameras are then the color camera.

    Parameters
    ----------
    content : dict
        The file.
    name : str
        Its name for messages.
    other : (int, int), optional
        (h, w) of the depth map.

    Returns
    -------
    Rig

    Raises
    ------
    InputError
        For missing or invalid entries.
    """
    if "ppx" in content:
        alone = _camera(content, "camera", name)
        return Rig(alone, alone)
    entries = {normalize_key(key): value for key, value in content.items()}
    photo, depth = (
        next((entries[key] for key in keys if isinstance(entries.get(key), dict)), None)
        for keys in (_PHOTO, _OTHER)
    )
    if photo is None and depth is None:
        raise InputError(f"{name}: holds no camera named color or depth; name them so")
    if photo is None or depth is None:
        found, which = (photo, "color") if photo is not None else (depth or {}, "depth")
        alone = _camera(found, which, name)
        return Rig(alone, alone)
    color = _camera(photo, "color", name)
    measured = _camera(depth, "depth", name)
    if other and is_same_aspect(color.shape, other) and not is_same_aspect(measured.shape, other):
        return Rig(color, color)
    return make_rig(color, measured, *_parse_pose(entries, name), False, name)


def _parse_pose(entries: dict[str, Any], name: str) -> tuple[Any, Any]:
    """(R, t) from the color camera's frame to the depth camera's."""
    to_color = next((entries[key] for key in _TO_COLOR if key in entries), None)
    to_depth = next((entries[key] for key in _TO_DEPTH if key in entries), None)
    found = to_color if to_color is not None else to_depth
    if not isinstance(found, dict):
        raise InputError(
            f"{name}: has two cameras but no extrinsics between them; add those of "
            "depth.get_extrinsics_to(color)"
        )
    # librealsense stores rotations column by column.
    rotation = parse_numbers(found.get("rotation"), (3, 3), "extrinsics rotation", name).T
    shift = parse_numbers(found.get("translation"), (3,), "extrinsics translation", name)
    if to_color is None:
        return rotation, shift
    with np.errstate(all="ignore"):  # `make_rig` refuses what is no rotation
        return rotation.T, -rotation.T @ shift


def _camera(found: dict[str, Any], which: str, name: str) -> Camera:
    fx, fy, cx, cy = parse_numbers(
        [found.get(key) for key in ("fx", "fy", "ppx", "ppy")], (4,), f"{which} fx, fy, ppx, ppy",
        name,
    )  # fmt: skip
    coefficients = parse_coefficients(found.get("coeffs"), f"{which} coeffs", name)
    stated = found.get("model", "none")
    model = normalize_key(str(stated)).rpartition("distortion")[2]
    if model not in _MODELS and any(coefficients):
        raise InputError(
            f"{name}: the lens model {quote_excerpt(stated)} of {which} is not supported; "
            "give brown_conrady, kannala_brandt4 or coeffs of 0"
        )
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = (
        parse_count(found.get("height"), "height", name),
        parse_count(found.get("width"), "width", name),
    )
    return make_camera(matrix, coefficients, size, name, _MODELS.get(model, "none"))
