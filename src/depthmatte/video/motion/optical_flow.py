"""Motion between frames: dense optical flow, and how far it can be believed.

Flow is measured by DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV
2016) on pictures of half the canvas's size. A flow (h, w, 2) holds, for each pixel of one frame,
the offset (x, y) of the same point in the other frame. Its belief (h, w) is 1 where the flow there
and back ends at the start, and where both frames show the same color; it falls to 0 where not.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import resize
from ...types import RGB, Float

_REDUCTION = 2
"""Factor by which pictures are reduced before motion is measured."""

_RETURN_WEIGHT = 0.25
"""Weight of the squared return error, in units of 1 pixel plus 5 percent of the motion."""

_COLOR_TOLERANCE = 24.0
"""Mean difference of color, in levels of 255, at which belief falls to 1/e."""

_COLOR_WINDOW_PX = 5


class Motion(NamedTuple):
    """Flow from one frame to another and its belief, as one float32 (h, w, 3)."""

    maps: Float

    @classmethod
    def join(cls, flow: Float, belief: Float) -> Motion:
        """Return the motion of a flow (h, w, 2) and its belief (h, w)."""
        return cls(np.asarray(cv2.merge([*cv2.split(flow), belief]), np.float32))

    @property
    def flow(self) -> Float:
        """Offsets (x, y) in pixels, float32 (h, w, 2)."""
        return self.maps[..., :2]

    @property
    def belief(self) -> Float:
        """How far the flow can be believed, float32 (h, w) in [0, 1]."""
        return self.maps[..., 2]


class MotionPair(NamedTuple):
    """Motion between two neighboring frames, in both directions."""

    to_previous: Motion
    to_next: Motion


class FrameMotion(NamedTuple):
    """What is known of the motion of a frame.

    `picture` is the frame, reduced by `shrink_for_motion`. `since_previous` is the motion between
    the frame before and this one; None where a scene begins.
    """

    picture: RGB
    since_previous: MotionPair | None


def shrink_planes(planes: Float) -> RGB:
    """Reduce the pixels of a canvas, float32 (3, h, w) in [0, 1], as `shrink_for_motion` does."""
    small = cv2.merge([shrink_for_motion(plane) for plane in planes])
    return np.asarray(cv2.convertScaleAbs(small, alpha=255), np.uint8)


def shrink_for_motion(values: NDArray[Any]) -> NDArray[Any]:
    """Reduce a picture or map, (H, W) or (H, W, C), to the size at which motion is measured."""
    height, width = values.shape[:2]
    return resize(values, (max(1, height // _REDUCTION), max(1, width // _REDUCTION)))


def measure_flow(start: RGB, end: RGB) -> Float:
    """Measure where the pixels of one picture are in another.

    Parameters
    ----------
    start, end : ndarray
        uint8 (h, w, 3) of the same size.

    Returns
    -------
    ndarray
        float32 (h, w, 2) in pixels, as (x, y); 0 for pictures too small to be matched.
    """
    height, width = start.shape[:2]
    if min(height, width) < _MIN_SIDE_PX:
        return np.zeros((height, width, 2), np.float32)
    # An own object for each call: frames are matched in several threads.
    matcher = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (start, end)]
    return np.asarray(matcher.calc(gray[0], gray[1], _NO_INITIAL_FLOW), np.float32)


_NO_INITIAL_FLOW: Any = None

_MIN_SIDE_PX = 32
"""Side below which DIS has no patches to match."""


def measure_motion(previous: RGB, current: RGB) -> MotionPair:
    """Measure motion between two reduced frames in both directions.

    The belief rests on the way there and back alone; `chain_motion` and `compare_colors` add
    the colors.

    Parameters
    ----------
    previous, current : ndarray
        uint8 (h, w, 3) of the same size, as `shrink_for_motion` makes them.

    Returns
    -------
    MotionPair
        `to_previous` belongs to the pixels of `current`, `to_next` to those of `previous`.
    """
    backward, forward = measure_flow(current, previous), measure_flow(previous, current)
    return MotionPair(
        Motion.join(backward, _return_belief(backward, forward)),
        Motion.join(forward, _return_belief(forward, backward)),
    )


def _return_belief(there: Float, back: Float) -> Float:
    """Return how well a flow and the flow back cancel: 1 exactly, 0 not at all."""
    x, y = cv2.split(there)
    back_x, back_y = cv2.split(warp(back, there))
    error = cv2.magnitude(x + back_x, y + back_y)
    scale = 1 + np.float32(0.05) * cv2.magnitude(x, y)
    belief = np.exp(-np.float32(_RETURN_WEIGHT) * (error / scale) ** 2)
    return np.asarray(belief * _ends_inside(there), np.float32)


def _ends_inside(flow: Float) -> NDArray[np.bool_]:
    height, width = flow.shape[:2]
    grid_x, grid_y = _pixel_grid(height, width)
    x, y = grid_x + flow[..., 0], grid_y + flow[..., 1]
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def chain_motion(first: Motion, second: Motion) -> Motion:
    """Join the motion from a to b and from b to c into the motion from a to c."""
    x, y, belief = cv2.split(first.maps)  # planes are faster than numbers side by side
    more_x, more_y, more = cv2.split(warp(second.maps, first.flow))
    chained = cv2.merge([x + more_x, y + more_y, belief * more])
    return Motion(np.asarray(chained, np.float32))


def compare_colors(motion: Motion, start: RGB, end: RGB) -> Motion:
    """Lower the belief of a motion where the two frames differ in color."""
    difference = cv2.absdiff(start, warp(end, motion.flow))
    mean = cv2.transform(difference, np.full((1, 3), 1 / 3, np.float32))
    mean = cv2.blur(mean, (_COLOR_WINDOW_PX, _COLOR_WINDOW_PX))
    x, y, belief = cv2.split(motion.maps)
    compared = cv2.merge([x, y, belief * cv2.LUT(mean, _likeness())])
    return Motion(np.asarray(compared, np.float32))


@cache
def _likeness() -> Float:
    """The belief for each difference of color, in levels of 255."""
    levels = np.arange(256, dtype=np.float32)
    return np.asarray(np.exp(-((levels / np.float32(_COLOR_TOLERANCE)) ** 2)), np.float32)


def enlarge_motion(motion: Motion, shape: tuple[int, int]) -> Motion:
    """Bring a motion to maps of another size (h, w)."""
    height, width = motion.belief.shape
    flow = np.asarray(resize(np.ascontiguousarray(motion.flow), shape), np.float32)
    scale = np.array([shape[1] / width, shape[0] / height], np.float32)
    belief = np.asarray(resize(np.ascontiguousarray(motion.belief), shape), np.float32)
    return Motion.join(flow * scale, belief)


def sample(values: Float, x: Float, y: Float) -> list[Float]:
    """Fetch values at single places.

    Parameters
    ----------
    values : ndarray
        float32 (h, w) or (h, w, C).
    x, y : ndarray
        Columns and rows, float32 (n,). Beyond the border the nearest value counts.

    Returns
    -------
    list of ndarray
        float32 (n,) for each channel.
    """
    count = len(x)
    rows = -(-count // _SAMPLES_IN_ROW)
    place = np.zeros((2, rows * _SAMPLES_IN_ROW), np.float32)
    place[0, :count], place[1, :count] = x, y
    columns, lines = place.reshape(2, rows, _SAMPLES_IN_ROW)
    found = cv2.remap(values, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return [np.asarray(plane.ravel()[:count], np.float32) for plane in cv2.split(found)]


_SAMPLES_IN_ROW = 256
"""Places in each row of the picture that OpenCV makes of them."""


def sample_motion(
    motion: Motion, shape: tuple[int, int], x: Float, y: Float
) -> tuple[Float, Float, Float]:
    """Fetch a motion at single places (n,) of maps of another size (h, w).

    Returns
    -------
    tuple of ndarray
        Where they are in the other frame, as columns and rows of those maps, and the belief:
        float32 (n,) each.
    """
    height, width = motion.maps.shape[:2]
    down, across = np.float32(height / shape[0]), np.float32(width / shape[1])
    half = np.float32(0.5)
    flow_x, flow_y, belief = sample(
        motion.maps, (x + half) * across - half, (y + half) * down - half
    )
    return x + flow_x / across, y + flow_y / down, belief


def warp(values: NDArray[Any], flow: Float) -> NDArray[Any]:
    """Fetch values from where a flow points.

    Parameters
    ----------
    values : ndarray
        (H, W) or (H, W, C) of the other frame, uint8 or float32.
    flow : ndarray
        float32 (h, w, 2) in pixels.

    Returns
    -------
    ndarray
        (h, w) or (h, w, C) on the pixels of the flow; beyond the border the nearest value.
    """
    grid_x, grid_y = _pixel_grid(*flow.shape[:2])
    return cv2.remap(
        values,
        grid_x + flow[..., 0],
        grid_y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


@lru_cache(maxsize=8)
def _pixel_grid(height: int, width: int) -> tuple[Float, Float]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
