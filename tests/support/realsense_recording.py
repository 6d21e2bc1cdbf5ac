"""A recording of librealsense's software device, which stands in for a camera."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT, RATE = 160, 120, 30


def _stream(rs: Any, kind: Any, form: Any, bytes_per_pixel: int, number: int) -> Any:
    lens = rs.intrinsics()
    lens.width, lens.height, lens.ppx, lens.ppy = WIDTH, HEIGHT, WIDTH / 2, HEIGHT / 2
    lens.fx = lens.fy = 0.9 * WIDTH
    lens.model = rs.distortion.none
    stream = rs.video_stream()
    stream.type, stream.fmt, stream.bpp = kind, form, bytes_per_pixel
    stream.index, stream.uid, stream.fps = 0, number, RATE
    stream.width, stream.height, stream.intrinsics = WIDTH, HEIGHT, lens
    return stream


def _send(rs: Any, sensor: Any, profile: Any, pixels: Any, number: int, ms: float) -> None:
    frame = rs.software_video_frame()
    frame.bpp = pixels.itemsize * (pixels.shape[2] if pixels.ndim == 3 else 1)
    frame.stride = WIDTH * frame.bpp
    frame.timestamp, frame.domain = ms, rs.timestamp_domain.hardware_clock
    frame.frame_number, frame.profile = number, profile.as_video_stream_profile()
    frame.pixels = pixels
    sensor.on_video_frame(frame)


def write_recording(rs: Any, path: Path, frames: int) -> Path:
    """Frame k: color k everywhere, 1 m and k mm everywhere, measured 5 ms before the color."""
    device = rs.software_device()
    depth, color = device.add_sensor("Stereo Module"), device.add_sensor("RGB Camera")
    of_depth = depth.add_video_stream(_stream(rs, rs.stream.depth, rs.format.z16, 2, 0), True)
    depth.add_read_only_option(rs.option.depth_units, 0.001)
    of_color = color.add_video_stream(_stream(rs, rs.stream.color, rs.format.rgb8, 3, 1), True)
    place = rs.extrinsics()
    place.rotation, place.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0]
    of_depth.register_extrinsics_to(of_color, place)
    recorder = rs.recorder(str(path), device)
    queue, sensors = rs.frame_queue(100), recorder.query_sensors()
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    for number in range(frames):
        ms = number * 1000 / RATE
        values = np.full((HEIGHT, WIDTH), 1000 + number, np.uint16)
        _send(rs, depth, of_depth, values, number, ms)
        picture = np.full((HEIGHT, WIDTH, 3), number, np.uint8)
        _send(rs, color, of_color, picture, number, ms + 5)
        time.sleep(1 / RATE)
    for sensor in sensors:
        sensor.stop()
        sensor.close()
    del recorder
    return path
