"""ROS's camera_info as `rostopic echo` and `ros2 topic echo` print it.

Message: https://docs.ros.org/en/api/sensor_msgs/html/msg/CameraInfo.html . The file that
ROS's calibrator saves has OpenCV's names and is read by `storage`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...camera import Camera, Rig
from ...errors import InputError
from .rig_checks import ImageSize, make_camera, parse_coefficients, parse_count, parse_numbers


def is_ros(content: dict[str, Any]) -> bool:
    """Whether it has a camera_info's K, D and distortion_model."""
    keys = {key.lower() for key in content}
    return {"distortion_model", "k", "d", "width", "height"} <= keys


def parse_ros(content: dict[str, Any], name: str, other: ImageSize | None = None) -> Rig:
    """The one camera, which took photo and depth alike; R and P, for rectifying, play no part."""
    entries = {key.lower(): value for key, value in content.items()}
    matrix = parse_numbers(entries["k"], (3, 3), "K", name)
    bent = parse_coefficients(entries["d"], "D", name)
    size = (
        parse_count(entries["height"], "height", name),
        parse_count(entries["width"], "width", name),
    )
    model = entries["distortion_model"] or ("plumb_bob" if any(bent) else "none")
    alone = _cropped(make_camera(matrix, bent, size, name, model), entries.get("roi"), name)
    return Rig(alone, alone)


def _cropped(whole: Camera, roi: Any, name: str) -> Camera:
    """The camera of the part of the sensor that was read out."""
    if not isinstance(roi, dict):
        return whole
    x, y, width, height = (
        parse_count(roi.get(key), f"roi {key}", name)
        for key in ("x_offset", "y_offset", "width", "height")
    )
    if not (x or y or width or height):
        return whole
    if x + width > whole.shape[1] or y + height > whole.shape[0] or not (width and height):
        raise InputError(f"{name}: roi lies outside the picture; mend it")
    return replace(whole, shape=(height, width), cx=whole.cx - x, cy=whole.cy - y)
