"""Parse Open3D's JSON of a PinholeCameraIntrinsic, alone or in PinholeCameraParameters."""

from __future__ import annotations

from typing import Any

from ...camera import Rig
from .rig_checks import ImageSize, make_camera, parse_count, parse_numbers


def is_open3d(content: dict[str, Any]) -> bool:
    """Return whether the content holds an intrinsic_matrix."""
    return "intrinsic_matrix" in _inside(content)


def parse_open3d(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """Parse one camera, which took both photo and depth; its matrix is stored column by column.

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
    inside = _inside(content)
    matrix = parse_numbers(inside["intrinsic_matrix"], (3, 3), "intrinsic_matrix", name)
    if matrix[2].tolist() != [0, 0, 1]:  # some programs write it row by row
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
