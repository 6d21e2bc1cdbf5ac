"""Where a live picture comes from: a camera, or a recorded file played at its own speed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..canvas import resize, scale_shape
from ..errors import InputError
from ..system.printable_text import label
from ..types import RGB
from .files.av_library import describe_av_error, load_av
from .files.color_tags import ColorTags
from .files.video_frame import VideoFrame
from .files.video_reader import VideoReader

CLOCK_BASE = Fraction(1, 90_000)
"""Unit of the times of live frames, in seconds."""

_DEVICE_FORMATS = {"v4l2": "v4l2", "avfoundation": "avfoundation", "dshow": "dshow"}
"""Prefix of a source -> FFmpeg's input device."""


@dataclass(frozen=True)
class LiveFrame:
    """A frame and when it came.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3).
    arrived : float
        Seconds on the clock `time.perf_counter`.
    """

    rgb: RGB
    arrived: float


@dataclass(frozen=True)
class LiveSource:
    """An open source.

    Parameters
    ----------
    frames : iterator of ndarray
        uint8 (H, W, 3) of `shape`. A file waits for the time of each frame.
    shape : tuple of int
        (H, W) of the frames, even numbers.
    kind : {"file", "camera"}
        What the source is.
    """

    frames: Iterator[RGB]
    shape: tuple[int, int]
    kind: str


class NewestFrame:
    """Holds the newest frame of a source. Frames that no one took in time are dropped.

    Parameters
    ----------
    frames : iterator of ndarray
        Yields pictures, uint8 (H, W, 3), as they come. It runs in a thread of its own.
    """

    def __init__(self, frames: Iterator[RGB]) -> None:
        self._frames = frames
        self._changed = threading.Condition()
        self._newest: LiveFrame | None = None
        self._error: BaseException | None = None
        self._ended = self._stopped = False
        self.received = self.dropped = 0
        self._thread = threading.Thread(target=self._fill, name="depthmatte-camera", daemon=True)
        self._thread.start()

    def _fill(self) -> None:
        error: BaseException | None = None
        try:
            for rgb in self._frames:
                with self._changed:
                    if self._stopped:
                        return
                    self.received += 1
                    self.dropped += self._newest is not None
                    self._newest = LiveFrame(rgb, time.perf_counter())
                    self._changed.notify()
        except BaseException as problem:  # raised again by `take`
            error = problem
        finally:
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify()
            close = getattr(self._frames, "close", None)
            if close is not None:
                close()

    def take(self) -> LiveFrame | None:
        """Wait for a frame newer than the last one taken; None at its end and after `stop`.

        Raises
        ------
        InputError
            When the source broke.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended or self._stopped)
            frame, self._newest = self._newest, None
            if self._stopped:
                return None
            if frame is None and self._error is not None:
                raise self._error
            return frame

    def stop(self) -> None:
        """Take no more frames, and wait until the source is closed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(timeout=5)


def open_live_source(name: str, largest: tuple[int, int], rate: float) -> LiveSource:
    """Open a live source.

    Parameters
    ----------
    name : str
        A file, /dev/videoN or FORMAT:DEVICE.
    largest : tuple of int
        (H, W) that frames are scaled down to fit.
    rate : float
        Frames per second to ask a camera for.

    Returns
    -------
    LiveSource
        Its frames are read as they are taken.

    Raises
    ------
    InputError
        When there is no such source or it cannot be read.
    MissingExtra
        When the extra `video` is not installed.
    """
    prefix, _, rest = name.partition(":")
    if prefix in _DEVICE_FORMATS and rest:
        return _read_device(_DEVICE_FORMATS[prefix], rest, largest, rate)
    if name.startswith("/dev/"):
        return _read_device("v4l2", name, largest, rate)
    video = VideoReader(name)
    shape = _live_shape(video.shape, largest)
    return LiveSource(_play_file(video, shape), shape, "file")


def _live_shape(shape: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """Return the size of frames scaled down to fit (H, W): even, as encoders need it."""
    height, width = scale_shape(shape, min(1.0, largest[0] / shape[0], largest[1] / shape[1]))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


def _scaled(rgb: RGB, shape: tuple[int, int]) -> RGB:
    return np.ascontiguousarray(resize(rgb, shape), np.uint8)


def _play_file(video: VideoReader, shape: tuple[int, int]) -> Iterator[RGB]:
    """Yield the frames of a file, each at its time."""
    begun: float | None = None
    with video:
        for frame in video:
            rgb = _scaled(frame.rgb, shape)
            begun = time.perf_counter() - frame.time if begun is None else begun
            wait = begun + frame.time - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            yield rgb


def _read_device(format: str, device: str, largest: tuple[int, int], rate: float) -> LiveSource:
    """Open a camera at once."""
    av = load_av()
    if format == "v4l2" and not Path(device).exists():
        raise InputError(f"{label(device)}: there is no such camera; list them with ls /dev/video*")
    options = {"framerate": f"{rate:g}", "video_size": f"{largest[1]}x{largest[0]}"}
    container: Any = None
    problem: Exception | None = None
    for chosen in (options, {}):  # not every camera has this size and rate
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
    stream = container.streams.video[0]
    shape = _live_shape((stream.height, stream.width), largest)
    return LiveSource(_device_frames(container, device, shape), shape, "camera")


def _device_frames(container: Any, device: str, shape: tuple[int, int]) -> Iterator[RGB]:
    av = load_av()
    try:
        for frame in container.decode(video=0):
            size = (frame.height, frame.width)
            yield _scaled(ColorTags.from_frame(frame).decode(frame, size), shape)
    except av.FFmpegError as error:
        raise InputError(
            f"{label(device)}: the camera stopped ({describe_av_error(error)}); plug it in again"
        ) from error
    finally:
        container.close()


def live_video_frame(frame: LiveFrame, index: int, begun: float) -> VideoFrame:
    """Return a live frame as a frame of a video that began at `begun`."""
    seconds = max(0.0, frame.arrived - begun)
    return VideoFrame(frame.rgb, index, round(seconds / CLOCK_BASE), CLOCK_BASE, seconds)
