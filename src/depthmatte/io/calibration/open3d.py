"""Open3D's JSON of a PinholeCameraIntrinsic, alone or inside PinholeCameraParameters."""

from __future__ import annotations

from typing import Any

from ...camera import Rig
from .rig_checks import ImageSize, make_camera, parse_count, parse_numbers


def is_open3d(content: dict[str, Any]) -> bool:
    """Whether it holds an intrinsic_matrix."""
    return "intrinsic_matrix" in _inside(content)


def parse_open3d(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """The one camera, which took photo and depth alike; its matrix is stored by columns."""
    inside = _inside(content)
    matrix = parse_numbers(inside["intrinsic_matrix"], (3, 3), "intrinsic_matrix", name)
    if matrix[2].tolist() != [0, 0, 1]:  # some write it by rows
        matrix = matrix.T
    size = (
        parse_count(inside.get("height"), "height", name),
        parse_count(inside.get("width"), "width", name),
    )
    alone = make_camera(matrix, (), size, name)
    return Rig(alone, alone)


def _inside(content: dict[str, Any]) -> dict[str, Any]:
    found = content.get("intrinsic", content)
    return found if isinstance(found, dict) else content
