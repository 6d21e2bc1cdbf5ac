"""The second camera of a live picture: a depth camera, or a view from beside.

Its frames come in a thread of their own. Each frame of the picture gets the one that is nearest in
time, if it is near enough.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from ..errors import InputError, OptionError
from ..io.attach import attach
from ..io.calibration.calibration_reader import read_calibration
from ..photo import Photo
from .live_frame import LiveClock, LiveFrame, TimedPicture
from .live_source import open_live_depth, open_live_source
from .realsense_camera import names_realsense
from .video_options import LiveOptions

_KEPT_FRAMES = 8
"""Frames that are kept to choose from: a quarter of a second of most cameras."""


class NearestFrames:
    """Keeps the newest frames of a second camera.

    Parameters
    ----------
    frames : iterator of TimedPicture
        Yields pictures as they come. It runs in a thread of its own.
    """

    def __init__(self, frames: Iterator[TimedPicture]) -> None:
        self._frames = frames
        self._kept: deque[TimedPicture] = deque(maxlen=_KEPT_FRAMES)
        self._changed = threading.Condition()
        self._ended = False
        self.problem: InputError | None = None
        self._thread = threading.Thread(target=self._fill, name="depthmatte-second", daemon=True)

    def start(self) -> None:
        """Begin to take frames."""
        self._thread.start()

    def _fill(self) -> None:
        try:
            for frame in self._frames:
                with self._changed:
                    if self._ended:
                        return
                    self._kept.append(frame)
                    self._changed.notify_all()
        except InputError as problem:
            self.problem = problem
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            close = getattr(self._frames, "close", None)
            if close is not None:
                close()

    def find(self, moment: float, within: float) -> TimedPicture | None:
        """Return the frame nearest to a moment.

        Parameters
        ----------
        moment : float
            Seconds on the clock of the frames.
        within : float
            Largest difference in seconds. So long it waits for a frame that is still to come.

        Returns
        -------
        TimedPicture or None
            None where no frame is near enough.
        """
        until = time.perf_counter() + within
        with self._changed:
            while not self._ended and not any(one.time >= moment for one in self._kept):
                left = until - time.perf_counter()
                if left <= 0 or not self._changed.wait(left):
                    break
            near = min(self._kept, key=lambda one: abs(one.time - moment), default=None)
        return near if near is not None and abs(near.time - moment) <= within else None

    def stop(self) -> None:
        """Take no more frames, and wait until the camera is closed."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)


class LiveEvidence:
    """Attaches depth or a second view to the frames of a live picture.

    Parameters
    ----------
    options : LiveOptions
        `depth` or `right`, `calib` and `max_time_difference`. Without `depth` and `right` only
        depth that came with a frame is attached.
    clock : LiveClock
        The clock of the picture, where it is a file.
    depth_scale : float, optional
        Units per meter of `depth`; 1000 by default (millimeters).

    Attributes
    ----------
    is_expected : bool
        Whether frames come with depth or a second view.
    joined, refused : int
        Frames of the picture that got one, and those for which none was near enough in time.

    Raises
    ------
    InputError
        When the camera or the calibration cannot be read.
    OptionError
        For a scale without `depth`.
    """

    def __init__(
        self, options: LiveOptions, clock: LiveClock, depth_scale: float | None = None
    ) -> None:
        if depth_scale is not None and options.depth is None:
            raise OptionError("--depth-scale goes with --depth; give the depth camera")
        self._rig = None if options.calib is None else read_calibration(options.calib)
        self._scale, self._within = depth_scale, options.max_time_difference
        self._is_depth = options.depth is not None
        self._frames: NearestFrames | None = None
        self.is_expected = self._is_depth or options.right is not None
        self.is_expected |= names_realsense(options.source)
        self.joined = self.refused = 0
        if options.depth is not None:
            self._frames = NearestFrames(open_live_depth(options.depth, clock).frames)
        elif options.right is not None:
            source = open_live_source(options.right, options.largest_shape, options.rate, clock)
            self._frames = NearestFrames(source.frames)

    def start(self) -> None:
        """Begin to take frames of the second camera."""
        if self._frames is not None:
            self._frames.start()

    def attach_to(self, photo: Photo, frame: LiveFrame) -> Photo:
        """Return the photo with the evidence of its moment, or as it is where there is none.

        Raises
        ------
        InputError
            When the second camera broke, and for a picture that cannot belong to the photo.
        """
        if frame.depth is not None:
            near = abs(frame.depth.time - frame.taken) <= self._within
            return self._count(attach(photo, depth=frame.depth.meters) if near else None, photo)
        if self._frames is None:
            return photo
        found = self._frames.find(frame.taken, self._within)
        if found is None:
            if self._frames.problem is not None:
                raise self._frames.problem
            return self._count(None, photo)
        return self._count(self._join(photo, found.picture), photo)

    def _join(self, photo: Photo, picture: NDArray[Any]) -> Photo:
        if self._is_depth:
            return attach(photo, depth=picture, calib=self._rig, depth_scale=self._scale)
        return attach(photo, right=picture, calib=self._rig)

    def _count(self, joined: Photo | None, photo: Photo) -> Photo:
        self.joined += joined is not None
        self.refused += joined is None
        return photo if joined is None else joined

    def stop(self) -> None:
        """Close the second camera."""
        if self._frames is not None:
            self._frames.stop()
