"""Cut the frames of a video one after the other, with what the frames before have shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..canvas import Canvas
from ..photo import Meta, Photo
from ..pipeline import Pipeline
from ..portrait import Portrait
from ..types import RGB, Float
from ..values import Depth, Matte
from .motion.optical_flow import MotionPair, enlarge_motion, measure_motion, shrink_for_motion, warp
from .motion.scene_cuts import is_scene_cut
from .motion.subject_track import SubjectTrack


@dataclass
class _Memory:
    """What is known of the frame before."""

    picture: RGB | None = None
    depth: Depth | None = None
    since_depth: int = 0


class FrameCutter:
    """Cuts frames in order. It is not to be shared between threads.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline for one photo. A second look is not taken, because it would change its
        crop from frame to frame.
    rate : float
        Frames per second.
    depth_every : int
        Depth is measured for every n-th frame of a scene. Between them it follows the motion.
    track : bool
        Whether the choice of the subject is kept over time.
    """

    def __init__(
        self, pipeline: Pipeline, rate: float, depth_every: int = 1, track: bool = True
    ) -> None:
        self._measure, self._segment = pipeline.measure, pipeline.segment
        self._pipeline = replace(
            pipeline, segment=self._keep_segmentation, measure=self._measure_sometimes,
            second_look=False,
        )  # fmt: skip
        self._depth_every, self._needs_motion = depth_every, track
        self._track = SubjectTrack(rate) if track else None
        self._memory = _Memory()
        self._segmented: Float = np.zeros((0, 0), np.float32)
        self._motion: MotionPair | None = None
        self.scene_cuts = 0

    @property
    def preset(self) -> tuple[int, int]:
        """(height, width) of an upright canvas."""
        return self._pipeline.preset

    def resize_canvas(self, preset: tuple[int, int]) -> None:
        """Change the canvas; what is known of frames before is forgotten."""
        if preset != self._pipeline.preset:
            self._pipeline = replace(self._pipeline, preset=preset)
            self.forget()

    def forget(self) -> None:
        """Forget all frames before; the next one begins a scene."""
        self._memory, self._motion = _Memory(), None
        if self._track:
            self._track.begin_scene()

    def cut(self, rgb: RGB, name: str = "frame") -> tuple[Portrait, MotionPair | None]:
        """Cut the next frame.

        Parameters
        ----------
        rgb : ndarray
            uint8 (H, W, 3), sRGB.
        name : str
            Name of the frame for messages.

        Returns
        -------
        portrait : Portrait
            The portrait.
        motion : MotionPair or None
            Between the previous frame and this one; None where a scene begins.
        """
        portrait = self._pipeline(Photo(rgb, Meta(name)))
        if self._track:
            to_previous = self._motion.to_previous if self._motion else None
            portrait = self._track.follow(portrait, self._segmented, to_previous)
        return portrait, self._motion

    def _keep_segmentation(self, canvas: Canvas) -> Matte:
        matte = self._segment(canvas)
        self._segmented = matte.alpha
        self._find_motion(canvas)
        return matte

    def _find_motion(self, canvas: Canvas) -> None:
        """Measure the motion since the frame before, and find out whether a scene begins."""
        picture = shrink_for_motion(np.rint(canvas.pixels * 255).astype(np.uint8))
        before, self._memory.picture = self._memory.picture, picture
        self._motion = None
        if before is None or before.shape != picture.shape:
            self._memory.depth = None
            return
        motion = measure_motion(before, picture)
        if is_scene_cut(before, picture, motion.to_previous):
            self.scene_cuts += 1
            self._memory.depth = None
            return
        self._motion = motion

    def _measure_sometimes(self, photo: Photo, canvas: Canvas) -> Depth:
        """Measure depth, or move that of the frame before."""
        memory = self._memory
        memory.since_depth += 1
        held = memory.depth
        if held is None or self._motion is None or memory.since_depth >= self._depth_every:
            memory.depth, memory.since_depth = self._measure(photo, canvas).computed(), 0
            return memory.depth
        memory.depth = move_depth(held, self._motion)
        return memory.depth


def move_depth(depth: Depth, motion: MotionPair) -> Depth:
    """Move depth by the motion to the previous frame; known and unknown pixels move alike."""
    height, width = depth.z.shape
    large = enlarge_motion(motion.to_previous, (height, width))

    def move(values: Float) -> Float:
        return np.asarray(warp(values, large.flow), np.float32)

    validity = depth.validity
    if (validity != validity.flat[0]).any():  # the edge of the padding stays where it is
        return replace(depth, z=move(depth.z), prob=np.where(depth.prob > 0, move(depth.prob), 0))
    return replace(depth, z=move(depth.z), prob=move(depth.prob))
