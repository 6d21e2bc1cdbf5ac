"""Motion between frames: dense optical flow, and how far it can be believed.

Flow is measured by DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV
2016) on pictures of half the canvas's size. A flow (h, w, 2) holds, for each pixel of one frame,
the offset (x, y) of the same point in the other frame. Its belief (h, w) is 1 where the flow there
and back ends at the start, and where both frames show the same color; it falls to 0 where not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...canvas import Box, resize
from ...types import RGB, Float

_REDUCTION = 2
"""Factor by which pictures are reduced before motion is measured."""

_RETURN_WEIGHT = 0.25
"""Weight of the squared return error, in units of 1 pixel plus 5 percent of the motion."""

_COLOR_TOLERANCE = 24.0
"""Mean difference of color, in levels of 255, at which belief falls to 1/e."""

_COLOR_WINDOW_PX = 5


class Motion(NamedTuple):
    """Flow from one frame to another and its belief: float32 (h, w, 2) and (h, w)."""

    flow: Float
    belief: Float


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
        Motion(backward, _return_belief(backward, forward)),
        Motion(forward, _return_belief(forward, backward)),
    )


def _return_belief(there: Float, back: Float) -> Float:
    """Return how well a flow and the flow back cancel: 1 exactly, 0 not at all."""
    error = cv2.magnitude(*cv2.split(there + warp(back, there)))
    scale = 1 + np.float32(0.05) * cv2.magnitude(*cv2.split(there))
    belief = np.exp(-np.float32(_RETURN_WEIGHT) * (error / scale) ** 2)
    return np.asarray(belief * _ends_inside(there), np.float32)


def _ends_inside(flow: Float) -> NDArray[np.bool_]:
    height, width = flow.shape[:2]
    grid_x, grid_y = _pixel_grid(height, width)
    x, y = grid_x + flow[..., 0], grid_y + flow[..., 1]
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def chain_motion(first: Motion, second: Motion) -> Motion:
    """Join the motion from a to b and from b to c into the motion from a to c."""
    moved = warp(np.dstack([second.flow, second.belief]), first.flow)
    flow = first.flow + moved[..., :2]
    return Motion(flow, np.asarray(first.belief * moved[..., 2], np.float32))


def compare_colors(motion: Motion, start: RGB, end: RGB) -> Motion:
    """Lower the belief of a motion where the two frames differ in color."""
    difference = cv2.absdiff(start, warp(end, motion.flow)).astype(np.float32)
    mean = cv2.blur(
        cv2.transform(difference, np.full((1, 3), 1 / 3, np.float32)),
        (_COLOR_WINDOW_PX, _COLOR_WINDOW_PX),
    )
    alike = np.exp(-((mean / np.float32(_COLOR_TOLERANCE)) ** 2))
    return Motion(motion.flow, np.asarray(motion.belief * alike, np.float32))


def enlarge_motion(motion: Motion, shape: tuple[int, int]) -> Motion:
    """Bring a motion to maps of another size (h, w)."""
    height, width = motion.belief.shape
    flow = np.asarray(resize(motion.flow, shape), np.float32)
    scale = np.array([shape[1] / width, shape[0] / height], np.float32)
    return Motion(flow * scale, np.asarray(resize(motion.belief, shape), np.float32))


def crop_motion(motion: Motion, shape: tuple[int, int], box: Box) -> Motion:
    """Bring a part of a motion to maps of another size (h, w): that in a box of those maps."""
    height, width = motion.belief.shape
    if shape != (height * _REDUCTION, width * _REDUCTION):
        large = enlarge_motion(motion, shape)
        return Motion(large.flow[box.slices], large.belief[box.slices])
    # The part that is enlarged begins and ends on whole pixels of the reduced picture.
    top, left = box.top // _REDUCTION, box.left // _REDUCTION
    bottom = -(-(box.top + box.height) // _REDUCTION)
    right = -(-(box.left + box.width) // _REDUCTION)
    part = slice(top, bottom), slice(left, right)
    size = (bottom - top) * _REDUCTION, (right - left) * _REDUCTION
    rows = slice(box.top - top * _REDUCTION, box.top - top * _REDUCTION + box.height)
    columns = slice(box.left - left * _REDUCTION, box.left - left * _REDUCTION + box.width)
    flow = resize(np.ascontiguousarray(motion.flow[part]), size)[rows, columns]
    belief = resize(np.ascontiguousarray(motion.belief[part]), size)[rows, columns]
    return Motion(
        np.asarray(flow * np.float32(_REDUCTION), np.float32), np.asarray(belief, np.float32)
    )


def warp(values: NDArray[Any], flow: Float, corner: tuple[int, int] = (0, 0)) -> NDArray[Any]:
    """Fetch values from where a flow points.

    Parameters
    ----------
    values : ndarray
        (H, W) or (H, W, C) of the other frame, uint8 or float32.
    flow : ndarray
        float32 (h, w, 2) in pixels.
    corner : tuple of int
        (top, left) of the flow's first pixel in the frame.

    Returns
    -------
    ndarray
        (h, w) or (h, w, C) on the pixels of the flow; beyond the border the nearest value.
    """
    grid_x, grid_y = _pixel_grid(*flow.shape[:2])
    return cv2.remap(
        values,
        grid_x + (flow[..., 0] + np.float32(corner[1])),
        grid_y + (flow[..., 1] + np.float32(corner[0])),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


@lru_cache(maxsize=8)
def _pixel_grid(height: int, width: int) -> tuple[Float, Float]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
