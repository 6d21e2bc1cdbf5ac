"""Depth cameras of the RealSense family, by librealsense (the extra `realsense`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError, MissingExtra
from ..system.printable_text import label, printable_excerpt
from .live_frame import TimedDepth, TimedPicture

_PREFIX = "realsense"

_WAIT_MS = 5000
"""Time in which a camera must give a frame. librealsense's own limit is the same."""


def names_realsense(name: str) -> bool:
    """Whether a source names such a camera: realsense, realsense:SERIAL or realsense:FILE."""
    return name == _PREFIX or name.startswith(f"{_PREFIX}:")


def open_realsense(
    name: str, rate: float
) -> tuple[Iterator[TimedPicture], tuple[int, int], Literal["file", "camera"]]:
    """Open a camera, or a recording of one that is played at its own speed.

    Parameters
    ----------
    name : str
        realsense for the first camera, realsense:SERIAL, or realsense:FILE for a recording.
    rate : float
        Frames per second to ask a camera for.

    Returns
    -------
    frames : iterator of TimedPicture
        Color, uint8 (H, W, 3), with depth registered to it by librealsense.
    shape : tuple of int
        (H, W) of the color.
    kind : {"file", "camera"}
        What it is.

    Raises
    ------
    InputError
        When there is no such camera or file.
    MissingExtra
        When librealsense is not installed.
    """
    rs = _load_realsense()
    which = name.partition(":")[2]
    config = rs.config()
    is_file = Path(which).suffix.lower() in (".bag", ".db3")
    if is_file:
        if not Path(which).is_file():
            raise InputError(f"{label(which)}: there is no such file; check the path")
        config.enable_device_from_file(which, repeat_playback=False)
    else:
        if which:
            config.enable_device(which)
        config.enable_stream(rs.stream.depth, rs.format.z16, round(rate))
        config.enable_stream(rs.stream.color, rs.format.rgb8, round(rate))
    pipeline = rs.pipeline()
    try:
        profile = pipeline.start(config)
        scale = _depth_scale(profile)
        color = profile.get_stream(rs.stream.color).as_video_stream_profile()
        shape = int(color.height()), int(color.width())
    except RuntimeError as error:
        why = printable_excerpt(str(error).lower(), 80)
        raise InputError(
            f"{label(name)}: cannot be opened ({why}); check cable, serial number or file"
        ) from error
    frames = _read_frames(rs, pipeline, label(name), scale)
    return frames, shape, "file" if is_file else "camera"


def _load_realsense() -> Any:
    try:
        import pyrealsense2
    except ImportError:
        raise MissingExtra("a RealSense camera", "realsense") from None
    return pyrealsense2


def _depth_scale(profile: Any) -> float:
    """Meters per unit of depth."""
    for sensor in profile.get_device().query_sensors():
        if sensor.is_depth_sensor():
            return float(sensor.as_depth_sensor().get_depth_scale())
    raise RuntimeError("it has no depth sensor")


def _read_frames(rs: Any, pipeline: Any, name: str, scale: float) -> Iterator[TimedPicture]:
    align = rs.align(rs.stream.color)
    offset: float | None = None
    try:
        while True:
            arrived, frames = pipeline.try_wait_for_frames(_WAIT_MS)
            if not arrived:
                return
            # Both stamps are of one clock of the device; the first picture ties it to ours.
            color, raw = frames.get_color_frame(), frames.get_depth_frame()
            if not color or not raw:
                continue
            shot, measured = color.get_timestamp() / 1000, raw.get_timestamp() / 1000
            offset = time.perf_counter() - shot if offset is None else offset
            depth = align.process(frames).get_depth_frame()
            meters = np.asarray(depth.get_data()).astype(np.float32) * np.float32(scale)
            found = TimedDepth(meters, measured + offset)
            yield TimedPicture(np.array(color.get_data()), shot + offset, found)
    except RuntimeError as error:
        why = printable_excerpt(str(error).lower(), 80)
        raise InputError(f"{name}: the camera stopped ({why}); plug it in again") from error
    finally:
        pipeline.stop()
