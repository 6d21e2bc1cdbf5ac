"""Intrinsics of RealSense cameras as JSON: rs2_intrinsics by its own names.

One camera (`ppx`, `ppy`, `fx`, `fy`, `model`, `coeffs`), or `color` and `depth` with the
`extrinsics` between them as `depth.get_extrinsics_to(color)` gives them.
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
_THERE, _BACK = ("extrinsics", "depthtocolor", "depthtocolorextrinsics"), ("colortodepth",)

_MODELS = {"none": "none", "brownconrady": "brown_conrady", "kannalabrandt4": "equidistant"}
"""Models that project as ours do; the others count only without coefficients."""


def is_realsense(content: dict[str, Any]) -> bool:
    """Whether a camera with ppx is in it, or it is one."""
    return "ppx" in content or any(
        isinstance(value, dict) and "ppx" in value for value in content.values()
    )


def parse_realsense(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """The color camera took the photo, the depth camera the depth.

    Where the depth map has the color camera's shape and not its own (`other`, h and w), it
    was aligned to the photo before it was saved.
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
        raise InputError(f"{name}: names neither a color nor a depth camera; name them so")
    if photo is None or depth is None:
        found, which = (photo, "color") if photo is not None else (depth or {}, "depth")
        alone = _camera(found, which, name)
        return Rig(alone, alone)
    color = _camera(photo, "color", name)
    measured = _camera(depth, "depth", name)
    if other and is_same_aspect(color.shape, other) and not is_same_aspect(measured.shape, other):
        return Rig(color, color)
    return make_rig(color, measured, *_between(entries, name), False, name)


def _between(entries: dict[str, Any], name: str) -> tuple[Any, Any]:
    """(R, t) from the color camera's frame to the depth camera's."""
    there = next((entries[key] for key in _THERE if key in entries), None)
    back = next((entries[key] for key in _BACK if key in entries), None)
    found = there if there is not None else back
    if not isinstance(found, dict):
        raise InputError(
            f"{name}: has two cameras but no extrinsics between them; add those of "
            "depth.get_extrinsics_to(color)"
        )
    # librealsense keeps rotations by columns.
    turn = parse_numbers(found.get("rotation"), (3, 3), "extrinsics rotation", name).T
    shift = parse_numbers(found.get("translation"), (3,), "extrinsics translation", name)
    if there is None:
        return turn, shift
    with np.errstate(all="ignore"):  # numbers that are no rotation are refused by `rig`
        return turn.T, -turn.T @ shift


def _camera(found: dict[str, Any], which: str, name: str) -> Camera:
    fx, fy, cx, cy = parse_numbers(
        [found.get(key) for key in ("fx", "fy", "ppx", "ppy")], (4,), f"{which} fx, fy, ppx, ppy",
        name,
    )  # fmt: skip
    bent = parse_coefficients(found.get("coeffs"), f"{which} coeffs", name)
    said = found.get("model", "none")
    model = normalize_key(str(said)).rpartition("distortion")[2]
    if model not in _MODELS and any(bent):
        raise InputError(
            f"{name}: the lens model {quote_excerpt(said)} of {which} is not supported; "
            "give brown_conrady, kannala_brandt4 or coeffs of 0"
        )
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    size = (
        parse_count(found.get("height"), "height", name),
        parse_count(found.get("width"), "width", name),
    )
    return make_camera(matrix, bent, size, name, _MODELS.get(model, "none"))
