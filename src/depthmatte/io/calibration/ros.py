"""Parse ROS's camera_info as `rostopic echo` and `ros2 topic echo` print it.

Message: https://docs.ros.org/en/api/sensor_msgs/html/msg/CameraInfo.html . The file that ROS's
calibrator saves has OpenCV's names; `opencv` parses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...camera import Camera, Rig
from ...errors import InputError
from .rig_checks import ImageSize, make_camera, parse_coefficients, parse_count, parse_numbers


def is_ros(content: dict[str, Any]) -> bool:
    """Return whether the content has K, D and distortion_model of a camera_info."""
    keys = {key.lower() for key in content}
    return {"distortion_model", "k", "d", "width", "height"} <= keys


def parse_ros(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """Parse a camera_info: one camera, which took both photo and depth.

    R and P, which are for rectification, are ignored.

    Parameters
    ----------
    content : dict
        The message.
    name : str
        Name of the file for messages.
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
    entries = {key.lower(): value for key, value in content.items()}
    matrix = parse_numbers(entries["k"], (3, 3), "K", name)
    coefficients = parse_coefficients(entries["d"], "D", name)
    size = (
        parse_count(entries["height"], "height", name),
        parse_count(entries["width"], "width", name),
    )
    model = entries["distortion_model"] or ("plumb_bob" if any(coefficients) else "none")
    full = make_camera(matrix, coefficients, size, name, model)
    alone = _crop(full, entries.get("roi"), name)
    return Rig(alone, alone)


def _crop(full: Camera, roi: Any, name: str) -> Camera:
    """The camera of the region of interest, the part of the sensor that was read out."""
    if not isinstance(roi, dict):
        return full
    x, y, width, height = (
        parse_count(roi.get(key), f"roi {key}", name)
        for key in ("x_offset", "y_offset", "width", "height")
    )
    if not (x or y or width or height):
        return full
    if x + width > full.shape[1] or y + height > full.shape[0] or not (width and height):
        raise InputError(f"{name}: roi lies outside the picture; correct it")
    return replace(full, shape=(height, width), cx=full.cx - x, cy=full.cy - y)
