"""Frames of a live picture, the clock of files that are played, and the newest frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from numpy.typing import NDArray

from ..types import RGB, Float
from .files.video_frame import VideoFrame

CLOCK_BASE = Fraction(1, 90_000)
"""Unit of the times of live frames, in seconds."""


@dataclass(frozen=True)
class TimedDepth:
    """Depth of a camera that gives picture and depth together.

    Parameters
    ----------
    meters : ndarray
        float32 (H, W); 0 where nothing was measured.
    time : float
        When it was measured, on the clock of the picture.
    """

    meters: Float
    time: float


@dataclass(frozen=True)
class TimedPicture:
    """A picture of a camera and when it was taken.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3), or depth as uint16 (H, W).
    time : float
        When it was taken: seconds on the clock `time.perf_counter`.
    depth : TimedDepth, optional
        What a depth camera measured with this picture, on the same pixels.
    """

    picture: NDArray[Any]
    time: float
    depth: TimedDepth | None = None


@dataclass
class LiveClock:
    """The common clock of files that are played together, such as picture and depth."""

    _begun: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play_time(self, seconds: float) -> float:
        """When a frame of a file is due, from its time in the file; the first one is due now."""
        with self._lock:
            if self._begun is None:
                self._begun = time.perf_counter() - seconds
            return self._begun + seconds


@dataclass(frozen=True)
class LiveFrame:
    """A frame and when it came.

    Parameters
    ----------
    rgb : ndarray
        uint8 (H, W, 3).
    arrived : float
        Seconds on the clock `time.perf_counter`.
    taken : float
        When it was taken, on the same clock.
    depth : TimedDepth, optional
        What a depth camera measured with it.
    """

    rgb: RGB
    arrived: float
    taken: float
    depth: TimedDepth | None = None


class NewestFrame:
    """Holds the newest frame of a source. Frames that no one took in time are dropped.

    Parameters
    ----------
    frames : iterator of TimedPicture
        Yields pictures, uint8 (H, W, 3), as they come. It runs in a thread of its own.
    """

    def __init__(self, frames: Iterator[TimedPicture]) -> None:
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
            for one in self._frames:
                with self._changed:
                    if self._stopped:
                        return
                    self.received += 1
                    self.dropped += self._newest is not None
                    now = time.perf_counter()
                    self._newest = LiveFrame(one.picture, now, one.time, one.depth)
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


def live_video_frame(frame: LiveFrame, index: int, begun: float) -> VideoFrame:
    """Return a live frame as a frame of a video that began at `begun`."""
    seconds = max(0.0, frame.arrived - begun)
    return VideoFrame(frame.rgb, index, round(seconds / CLOCK_BASE), CLOCK_BASE, seconds)
