"""Cut the frames of a video one after the other, with what the frames before have shown.

The work is split in two. `FrameCutter.look` runs the networks on a frame alone, so frames may be
looked at in several threads at once. `FrameCutter.follow` takes them in order: it measures the
motion, moves depth between estimates, fuses, and keeps the choice of the subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..canvas import Canvas, Letterbox, prepare_canvas, resize
from ..fusion import FUSIONS
from ..options import OrientMode
from ..photo import Meta, Photo
from ..pipeline import Pipeline
from ..portrait import Portrait
from ..types import RGB, Float
from ..values import Depth, Matte
from .motion.optical_flow import (
    FrameMotion,
    MotionPair,
    enlarge_motion,
    measure_motion,
    shrink_planes,
    warp,
)
from .motion.scene_cuts import is_scene_cut
from .motion.subject_track import SubjectTrack


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """What the networks see in one frame.

    Parameters
    ----------
    photo : Photo
        The frame.
    canvas : Canvas
        The frame on the canvas.
    matte : Matte
        The segmentation.
    depth : Depth or None
        None where depth was not measured.
    may_measure : bool
        Whether depth may still be measured, if the frames before have none.
    picture : ndarray
        The reduced canvas, uint8 (h, w, 3), on which motion is measured.
    """

    photo: Photo
    canvas: Canvas
    matte: Matte
    depth: Depth | None
    may_measure: bool
    picture: RGB


def fit_preset(
    preset: tuple[int, int], shape: tuple[int, int], multiple: int, orient: OrientMode = "pad"
) -> tuple[int, int]:
    """Return the preset without the padding that frames of one size do not need.

    Parameters
    ----------
    preset : tuple of int
        (height, width) of an upright canvas.
    shape : tuple of int
        (H, W) of the frames.
    multiple : int
        Number that height and width must be multiples of.
    orient : {"pad", "rotate"}
        How landscape frames are laid on the canvas.

    Returns
    -------
    tuple of int
        (height, width) of the smallest upright canvas on which frames have the same size. The
        preset itself where rounding would change that size.
    """
    fit = Letterbox.for_photo(shape, preset, orient)
    height, width = (-(-side // multiple) * multiple for side in fit.content_shape)
    needed = (height, width) if fit.canvas == preset else (width, height)
    fitted = min(needed[0], preset[0]), min(needed[1], preset[1])
    same = Letterbox.for_photo(shape, fitted, orient).content_shape == fit.content_shape
    return fitted if same else preset


def shrink_frame(rgb: RGB, shape: tuple[int, int]) -> RGB:
    """Reduce a picture, uint8 (H, W, 3), to (h, w); halving it first is faster."""
    height, width = rgb.shape[:2]
    while height % 2 == width % 2 == 0 and height >= 4 * shape[0]:
        height, width = height // 2, width // 2
        rgb = np.asarray(resize(rgb, (height, width)), np.uint8)
    return np.asarray(resize(rgb, shape), np.uint8)


def _lay_on_canvas(photo: Photo, preset: tuple[int, int], orient: OrientMode) -> Canvas:
    """Return `prepare_canvas` of a frame; it is halved first where the layout allows that."""
    fit = Letterbox.for_photo(photo.shape, preset, orient)
    height, width = photo.shape
    while height % 2 == width % 2 == 0 and height * width >= 16 * np.prod(fit.content_shape):
        height, width = height // 2, width // 2
    small = Letterbox.for_photo((height, width), preset, orient)
    if small.resized(photo.shape) != fit or (height, width) == photo.shape:
        return prepare_canvas(photo, preset, orient)
    halved = Photo(shrink_frame(photo.rgb, (height, width)))
    return Canvas(prepare_canvas(halved, preset, orient).rgb, fit)


@dataclass
class _Memory:
    """What is known of the frame before."""

    picture: RGB | None = None
    depth: Depth | None = None
    since_depth: int = 0


class FrameCutter:
    """Cuts frames in order.

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
    uses_depth : bool
        Whether anything reads depth. Without it no depth is measured, unless the fusion cannot
        do without.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        rate: float,
        depth_every: int = 1,
        track: bool = True,
        uses_depth: bool = True,
    ) -> None:
        self._pipeline = replace(pipeline, second_look=False, refine=None)
        self.depth_every, self.uses_depth = depth_every, uses_depth
        self._track = SubjectTrack(rate) if track else None
        self._memory = _Memory()
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
        self._memory = _Memory()
        if self._track:
            self._track.begin_scene()

    def cut(
        self, rgb: RGB, name: str = "frame", attach: Callable[[Photo], Photo] | None = None
    ) -> tuple[Portrait, FrameMotion]:
        """Cut the next frame: `look` and `follow`."""
        due = self._memory.depth is None or self._memory.since_depth + 1 >= self.depth_every
        return self.follow(self.look(rgb, name, due, attach))

    def look(
        self,
        rgb: RGB,
        name: str = "frame",
        with_depth: bool = True,
        attach: Callable[[Photo], Photo] | None = None,
    ) -> SeenFrame:
        """Run the networks on a frame alone. Threads may call it at once.

        Parameters
        ----------
        rgb : ndarray
            uint8 (H, W, 3), sRGB.
        name : str
            Name of the frame for messages.
        with_depth : bool
            Whether depth is measured, where anything reads it. That of a sensor always is.
        attach : callable, optional
            Gives the frame depth or a second view of its moment. A frame that gets none has the
            depth of the frame before, moved; no network estimates it.

        Returns
        -------
        SeenFrame
        """
        pipeline, plain = self._pipeline, Photo(rgb, Meta(name))
        photo = attach(plain) if attach else plain
        may_measure = attach is None or photo is not plain
        with_depth |= photo.evidence.depth_map is not None
        canvas = _lay_on_canvas(photo, pipeline.preset, pipeline.orient)
        matte = pipeline.segment(canvas)
        is_read = with_depth and may_measure and self._reads_depth
        depth = self._measure(photo, canvas) if is_read else None
        return SeenFrame(photo, canvas, matte, depth, may_measure, shrink_planes(canvas.rgb[0]))

    def follow(self, seen: SeenFrame) -> tuple[Portrait, FrameMotion]:
        """Cut the next frame from what the networks saw. It is not to be shared between threads.

        Parameters
        ----------
        seen : SeenFrame
            The next frame, as `look` returned it.

        Returns
        -------
        portrait : Portrait
            The portrait.
        motion : FrameMotion
            What happened since the frame before.
        """
        motion = self._find_motion(seen.picture)
        depth = self._depth(seen, motion)
        pipeline = replace(
            self._pipeline,
            segment=lambda _: seen.matte,
            measure=lambda *_: depth,
            fuse=self._pipeline.fuse if self._reads_depth else FUSIONS["none"],
        )
        portrait = pipeline(seen.photo, seen.canvas)
        if self._track:
            to_previous = motion.to_previous if motion else None
            portrait = self._track.follow(portrait, seen.matte.alpha, to_previous)
        return portrait, FrameMotion(seen.picture, motion)

    def _measure(self, photo: Photo, canvas: Canvas) -> Depth:
        """Measure depth at once: frames between move it."""
        return self._pipeline.measure(photo, canvas).computed()

    @property
    def _reads_depth(self) -> bool:
        return self.uses_depth or self._pipeline.fuse.needs_depth

    def _find_motion(self, picture: RGB) -> MotionPair | None:
        """Measure the motion since the frame before, and find out whether a scene begins."""
        before, self._memory.picture = self._memory.picture, picture
        if before is None or before.shape != picture.shape:
            return None
        motion = measure_motion(before, picture)
        if is_scene_cut(before, picture, motion.to_previous):
            self.scene_cuts += 1
            return None
        return motion

    def _depth(self, seen: SeenFrame, motion: MotionPair | None) -> Depth:
        """Return the measured depth, or that of the frame before, moved; measure it if need be."""
        memory = self._memory
        if not self._reads_depth:
            memory.depth = None
            return Depth.none(seen.canvas.fit.canvas)
        memory.since_depth += 1
        is_lost = memory.depth is None or motion is None
        if is_lost and seen.depth is None and not seen.may_measure:
            memory.depth = None
            return Depth.none(seen.canvas.fit.canvas)
        if seen.depth is not None or memory.depth is None or motion is None:
            measured = seen.depth or self._measure(seen.photo, seen.canvas)
            memory.depth, memory.since_depth = measured, 0
        else:
            memory.depth = move_depth(memory.depth, motion)
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
