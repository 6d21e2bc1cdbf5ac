"""Where a live picture goes: a video file, a video device (virtual camera), or a window."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ..errors import InputError
from ..system.atomic_write import atomic_draft, check_writable
from ..system.printable_text import describe_os_error, label
from ..types import RGB
from .files.av_library import describe_av_error, load_av
from .files.color_tags import ColorTags
from .files.video_codecs import choose_codec
from .files.video_frame import VideoFrame
from .files.video_writer import VideoWriter
from .live_frame import CLOCK_BASE

_DEVICE_FORMAT = "yuv420p"
"""Pixel format of virtual cameras that all programs for video calls read."""

_SDR = ColorTags(matrix=1, full_range=False, primaries=1, transfer=1)


class LiveSink(Protocol):
    """Shows pictures."""

    def show(self, picture: RGB, frame: VideoFrame) -> str | None:
        """Show a picture, uint8 (H, W, 3); return the key that was pressed, if any."""


class _FileSink:
    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer

    def show(self, picture: RGB, frame: VideoFrame) -> str | None:
        self._writer.write(picture, frame)
        return None


class _DeviceSink:
    """A device of video4linux2, such as one of v4l2loopback."""

    def __init__(self, device: str, shape: tuple[int, int], rate: float) -> None:
        av = load_av()
        self._device = device
        _check_device(device)
        try:
            self._container = av.open(device, "w", format="v4l2")
            self._stream = self._container.add_stream("rawvideo", rate=round(rate))
            self._stream.height, self._stream.width = shape
            self._stream.pix_fmt = _DEVICE_FORMAT
            self._container.start_encoding()
        except (av.FFmpegError, ValueError, OSError) as error:
            raise InputError(
                f"{label(device)}: cannot be written as a video device "
                f"({describe_av_error(error)}); {_LOOPBACK_HINT}"
            ) from error

    def show(self, picture: RGB, frame: VideoFrame) -> str | None:
        av = load_av()
        raw = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        coded = _SDR.encode(raw, _DEVICE_FORMAT)
        coded.pts = frame.index
        try:
            self._container.mux(self._stream.encode(coded))
        except av.FFmpegError as error:
            raise InputError(
                f"{label(self._device)}: cannot be written ({describe_av_error(error)}); "
                f"{_LOOPBACK_HINT}"
            ) from error
        return None

    def close(self) -> None:
        self._container.close()


_LOOPBACK_HINT = "load the kernel module v4l2loopback and give its /dev/videoN"


def _check_device(device: str) -> None:
    """Raise InputError unless the path is a device."""
    try:
        is_device = stat.S_ISCHR(Path(device).stat().st_mode)
    except OSError as error:
        raise InputError(
            f"{label(device)}: cannot be opened ({describe_os_error(error)}); {_LOOPBACK_HINT}"
        ) from error
    if not is_device:
        raise InputError(f"{label(device)}: is no video device; {_LOOPBACK_HINT}")


class _WindowSink:
    """A window of OpenCV, where its build has windows."""

    def __init__(self) -> None:
        try:
            cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise InputError(
                "window: OpenCV is installed without windows (opencv-python-headless); "
                "give a file or a video device as the sink"
            ) from error

    def show(self, picture: RGB, frame: VideoFrame) -> str | None:
        cv2.imshow(_WINDOW, np.ascontiguousarray(picture[..., ::-1]))
        code = cv2.waitKey(1)
        return chr(code & 0xFF) if code >= 0 else None

    def close(self) -> None:
        cv2.destroyWindow(_WINDOW)


_WINDOW = "depthmatte"


def is_device_name(name: str) -> bool:
    """Return whether a sink is a video device and not a file."""
    return name.startswith(("/dev/", "v4l2:"))


def check_sink(name: str, source: str) -> None:
    """Check a sink before the work.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    if is_device_name(name):
        _check_device(name.removeprefix("v4l2:"))
    elif name != "window":
        choose_codec("auto", Path(name)).find_encoder()
        check_writable(Path(name), [source])


@contextmanager
def open_sink(name: str, shape: tuple[int, int], rate: float) -> Iterator[LiveSink]:
    """Open a sink for pictures of (H, W).

    Raises
    ------
    InputError
        When it cannot be written.
    """
    if name == "window" or is_device_name(name):
        shown: Any
        if name == "window":
            shown = _WindowSink()
        else:
            shown = _DeviceSink(name.removeprefix("v4l2:"), shape, rate)
        try:
            yield shown
        finally:
            shown.close()
        return
    target = Path(name)
    with atomic_draft(target) as draft:
        codec = choose_codec("auto", target)
        writer = VideoWriter(
            draft,
            target,
            codec,
            shape,
            CLOCK_BASE,
            Fraction(rate).limit_denominator(1001),
            _SDR,
            low_delay=True,
        )
        try:
            yield _FileSink(writer)
        except BaseException:
            writer.discard()
            raise
        writer.close()
