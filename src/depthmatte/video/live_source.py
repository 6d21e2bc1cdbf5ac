"""Where a live picture comes from: a camera, or a recorded file played at its own speed.

Depth of a camera comes the same way, as frames of 16-bit gray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..canvas import resize, scale_shape
from ..errors import InputError
from ..system.printable_text import label
from ..types import RGB
from .files.av_library import describe_av_error, load_av
from .files.color_tags import ColorTags
from .files.video_reader import VideoReader
from .live_frame import LiveClock, TimedPicture
from .realsense_camera import names_realsense, open_realsense

_GRAY16 = ("gray16le", "gray16be")
"""FFmpeg's formats of 16-bit gray, in which depth is stored."""

_DEVICE_FORMATS = {"v4l2": "v4l2", "avfoundation": "avfoundation", "dshow": "dshow"}
"""Prefix of a source -> FFmpeg's input device."""


@dataclass(frozen=True)
class LiveSource:
    """An open source.

    Parameters
    ----------
    frames : iterator of TimedPicture
        Color with an even size, or depth as it was stored. A file waits for the time of each.
    shape : tuple of int
        (H, W) of the frames.
    kind : {"file", "camera"}
        What the source is.
    """

    frames: Iterator[TimedPicture]
    shape: tuple[int, int]
    kind: Literal["file", "camera"]


def open_live_source(
    name: str, largest: tuple[int, int], rate: float, clock: LiveClock | None = None
) -> LiveSource:
    """Open a source of color.

    Parameters
    ----------
    name : str
        A file, /dev/videoN, FORMAT:DEVICE, or realsense and realsense:SERIAL or realsense:FILE.
    largest : tuple of int
        (H, W) that frames are scaled down to fit.
    rate : float
        Frames per second to ask a camera for.
    clock : LiveClock, optional
        A clock that is shared with other files.

    Returns
    -------
    LiveSource
        Its pictures are uint8 (H, W, 3).

    Raises
    ------
    InputError
        When there is no such source or it cannot be read.
    MissingExtra
        When the extra `video`, or `realsense` for such a camera, is not installed.
    """
    if names_realsense(name):
        frames, shape, kind = open_realsense(name, rate)
        scaled = _live_shape(shape, largest)
        return LiveSource(_scale_all(frames, scaled), scaled, kind)
    clock = clock or LiveClock()
    device = _split_device(name)
    if device is None:
        video = VideoReader(name)
        scaled = _live_shape(video.shape, largest)
        return LiveSource(_play_file(video, scaled, clock), scaled, "file")
    container = _open_device(*device, largest, rate)
    scaled = _live_shape(_device_shape(container), largest)
    return LiveSource(_device_frames(container, device[1], scaled), scaled, "camera")


def open_live_depth(name: str, clock: LiveClock) -> LiveSource:
    """Open a source of depth.

    Parameters
    ----------
    name : str
        A video of 16-bit gray frames, such as FFV1 in .mkv, or a camera that gives them.
    clock : LiveClock
        The clock of the picture.

    Returns
    -------
    LiveSource
        Its pictures are uint16 (H, W).

    Raises
    ------
    InputError
        When there is no such source or it holds no depth.
    """
    device = _split_device(name)
    if device is None:
        reader = VideoReader(name)
        if reader.pixel_format not in _GRAY16:
            reader.close()
            raise InputError(
                f"{label(name)}: has no 16-bit gray frames; store depth as gray16 in FFV1 (.mkv)"
            )
        return LiveSource(_play_depth(reader, clock), reader.shape, "file")
    container = _open_device(*device, None, None)
    return LiveSource(_device_depth(container, device[1]), _device_shape(container), "camera")


def _split_device(name: str) -> tuple[str, str] | None:
    """(FFmpeg's input device, name of the camera); None for a file."""
    prefix, _, rest = name.partition(":")
    if prefix in _DEVICE_FORMATS and rest:
        return _DEVICE_FORMATS[prefix], rest
    return ("v4l2", name) if name.startswith("/dev/") else None


def _live_shape(shape: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """Return the size of frames scaled down to fit (H, W): even, as encoders need it."""
    height, width = scale_shape(shape, min(1.0, largest[0] / shape[0], largest[1] / shape[1]))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


def _device_shape(container: Any) -> tuple[int, int]:
    stream = container.streams.video[0]
    return int(stream.height), int(stream.width)


def _scaled(rgb: RGB, shape: tuple[int, int]) -> RGB:
    return np.ascontiguousarray(resize(rgb, shape), np.uint8)


def _scale_all(frames: Iterator[TimedPicture], shape: tuple[int, int]) -> Iterator[TimedPicture]:
    for one in frames:
        yield replace(one, picture=_scaled(one.picture, shape))


def _wait_until(due: float) -> None:
    left = due - time.perf_counter()
    if left > 0:
        time.sleep(left)


def _play_file(
    video: VideoReader, shape: tuple[int, int], clock: LiveClock
) -> Iterator[TimedPicture]:
    """Yield the frames of a file, each at its time."""
    with video:
        for frame in video:
            rgb = _scaled(frame.rgb, shape)
            due = clock.play_time(frame.time)
            _wait_until(due)
            yield TimedPicture(rgb, due)


def _play_depth(video: VideoReader, clock: LiveClock) -> Iterator[TimedPicture]:
    """Yield the depth frames of a file, each at its time."""
    with video:
        for frame, seconds in video.decoded_frames():
            due = clock.play_time(seconds)
            _wait_until(due)
            yield TimedPicture(frame.to_ndarray(format="gray16le"), due)


def _open_device(
    format: str, device: str, largest: tuple[int, int] | None, rate: float | None
) -> Any:
    """Open a camera."""
    av = load_av()
    if format == "v4l2" and not Path(device).exists():
        raise InputError(f"{label(device)}: there is no such camera; list them with ls /dev/video*")
    asked = {}
    if largest and rate:
        asked = {"framerate": f"{rate:g}", "video_size": f"{largest[1]}x{largest[0]}"}
    container: Any = None
    problem: Exception | None = None
    for chosen in (asked, {}):  # not every camera has this size and rate
        try:
            container = av.open(device, format=format, options=chosen)
            break
        except (av.FFmpegError, ValueError, OSError) as error:
            problem = error
    if container is None:
        why = describe_av_error(problem or OSError())
        raise InputError(
            f"{label(device)}: cannot be read as a camera ({why}); "
            "check its name and that no other program uses it"
        ) from problem
    return container


def _decode_device(container: Any, device: str) -> Iterator[tuple[Any, float]]:
    """Yield the frames of a camera and when they came."""
    av = load_av()
    try:
        for frame in container.decode(video=0):
            yield frame, time.perf_counter()
    except av.FFmpegError as error:
        raise InputError(
            f"{label(device)}: the camera stopped ({describe_av_error(error)}); plug it in again"
        ) from error
    finally:
        container.close()


def _device_frames(container: Any, device: str, shape: tuple[int, int]) -> Iterator[TimedPicture]:
    for frame, now in _decode_device(container, device):
        size = (frame.height, frame.width)
        yield TimedPicture(_scaled(ColorTags.from_frame(frame).decode(frame, size), shape), now)


def _device_depth(container: Any, device: str) -> Iterator[TimedPicture]:
    for frame, now in _decode_device(container, device):
        if frame.format.name not in _GRAY16:
            raise InputError(
                f"{label(device)}: gives {frame.format.name} and no 16-bit gray; "
                "choose the depth stream of the camera"
            )
        yield TimedPicture(frame.to_ndarray(), now)
