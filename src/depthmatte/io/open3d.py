"""Open3D's JSON of a PinholeCameraIntrinsic, alone or inside PinholeCameraParameters."""

from __future__ import annotations

from typing import Any

from ..camera import Rig
from .rigs import Size, camera, count, numbers


def fits(content: dict[str, Any]) -> bool:
    """Whether it holds an intrinsic_matrix."""
    return "intrinsic_matrix" in _inside(content)


def parse(content: dict[str, Any], name: str, other: Size | None = None) -> Rig:
    """The one camera, which took photo and depth alike; its matrix is stored by columns."""
    inside = _inside(content)
    matrix = numbers(inside["intrinsic_matrix"], (3, 3), "intrinsic_matrix", name)
    if matrix[2].tolist() != [0, 0, 1]:  # some write it by rows
        matrix = matrix.T
    size = count(inside.get("height"), "height", name), count(inside.get("width"), "width", name)
    alone = camera(matrix, (), size, name)
    return Rig(alone, alone)


def _inside(content: dict[str, Any]) -> dict[str, Any]:
    found = content.get("intrinsic", content)
    return found if isinstance(found, dict) else content
