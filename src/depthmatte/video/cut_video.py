"""Cut a video: decode, run the networks, render and encode at the same time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..effects import Effect
from ..errors import InputError
from ..options import CutOptions
from ..portrait import Portrait
from ..session import Session
from ..system.cpu_count import count_cores
from ..system.printable_text import Place
from ..system.thread_map import map_in_threads
from .files.video_frame import VideoFrame
from .files.video_reader import VideoReader
from .frame_cutter import FrameCutter
from .motion.steady import Steadier
from .stages import StageClock, run_ahead
from .video_options import VideoOptions
from .video_output import (
    Renderer,
    check_targets,
    choose_alpha,
    list_targets,
    make_renderer,
    open_output,
)

if TYPE_CHECKING:
    from av.packet import Packet

    from .video_output import Pictures

_Cut = tuple[VideoFrame, Portrait]


@dataclass(frozen=True)
class VideoSummary:
    """What came of a video.

    Parameters
    ----------
    outputs : tuple of Path
        Files that were written.
    frames : int
        Frames in them.
    seconds : float
        How long the work took.
    stages_ms : dict of str to float
        Working milliseconds per frame of decode, networks, render and encode.
    scene_cuts : int
        Scene cuts that were found.
    found_share : float
        Share of the frames in which a person was found.
    shape : tuple of int
        (H, W) of the frames.
    sound : str or None
        Codec of the sound that was copied.
    problem : str or None
        Why the input ended early; the outputs hold what was before.
    notes : tuple of str
        What is unusual.
    """

    outputs: tuple[Path, ...]
    frames: int
    seconds: float
    stages_ms: dict[str, float]
    scene_cuts: int
    found_share: float
    shape: tuple[int, int]
    sound: str | None
    problem: str | None
    notes: tuple[str, ...]


class VideoJob:
    """One video to cut. Making it checks everything that can be checked before the work.

    Parameters
    ----------
    source : path
        The video.
    options : VideoOptions
        What to make of it.
    effect : Effect, optional
        The effect of `options`, read.
    cut : CutOptions
        How each frame is cut.

    Raises
    ------
    InputError
        When the video cannot be read or the result not be written.
    OptionError
        When options contradict each other.
    """

    def __init__(
        self, source: Place, options: VideoOptions, effect: Effect | None, cut: CutOptions
    ) -> None:
        self.options, self._cut_options = options, cut
        alpha = choose_alpha(options, effect)
        if alpha == "none" and effect is None:
            from ..effects import Blur

            effect = Blur()
        self._render: Renderer = make_renderer(effect, alpha)
        self._targets = list_targets(options, alpha)
        check_targets(self._targets, Path(source))
        self.video = VideoReader(source, options.start, options.end, options.every)
        self._problem: str | None = None

    def run(self, session: Session, advance: Callable[[], None] = lambda: None) -> VideoSummary:
        """Cut the video.

        Parameters
        ----------
        session : Session
            Its networks are used.
        advance : callable
            Called after each frame.

        Returns
        -------
        VideoSummary
            With a `problem` where the input is damaged; what was before it is written.

        Raises
        ------
        InputError
            When nothing can be written.
        WeightsError
            When a network cannot be used.
        """
        clock, begun = StageClock(), time.perf_counter()
        cutter = FrameCutter(
            session.pipeline(self._cut_options),
            float(self.video.rate) / self.options.every,
            self.options.depth_every,
            track=self.options.steady,
        )
        frames = found = 0
        sound = self.video.audio if self.options.audio == "copy" else None
        with self.video, open_output(self._targets, self.options, self.video) as output:
            decoded = run_ahead(clock.time_items("decode", self.video.items()))
            cut = run_ahead(self._cut_items(decoded, cutter, clock))
            for item in map_in_threads(self._make_work(clock), cut, _render_threads()):
                if not isinstance(item, tuple):
                    clock.time_call("encode", partial(output.write_sound, item))
                    continue
                frame, pictures, was_found = item
                clock.time_call("encode", partial(output.write, pictures, frame))
                frames, found = frames + 1, found + was_found
                advance()
            if not frames:
                raise InputError(self._problem or f"{self.video.name}: no frame lies in this part")
        return VideoSummary(
            tuple(self._targets),
            frames,
            time.perf_counter() - begun,
            {stage: total / frames for stage, total in clock.total_ms.items()},
            cutter.scene_cuts,
            found / frames,
            self.video.shape,
            sound.codec.canonical_name if sound else None,
            self._problem,
            self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        notes = list(self.video.notes)
        if self.video.damaged_frames:
            notes.append(f"has {self.video.damaged_frames} damaged frames, repaired by the decoder")
        height, width = self.video.shape
        even = any(codec is not None and codec.even for codec in self._targets.values())
        if even and (height % 2 or width % 2):
            wide, high = width + width % 2, height + height % 2
            notes.append(f"has {width} x {height} pixels; the codec needs {wide} x {high}")
        return tuple(f"{self.video.name}: {note}" for note in notes)

    def _cut_items(
        self, items: Iterable[VideoFrame | Packet[Any]], cutter: FrameCutter, clock: StageClock
    ) -> Iterator[_Cut | Packet[Any]]:
        """Yield frames with their steadied portraits, and packets of the sound.

        A damaged input ends the items; `_problem` then says why.
        """
        steadier = Steadier() if self.options.steady else Steadier(0, 0)
        waiting: deque[VideoFrame] = deque()
        try:
            for item in items:
                if not isinstance(item, VideoFrame):
                    yield item
                    continue
                waiting.append(item)
                done = clock.time_call("networks", partial(_cut_frame, item, cutter, steadier))
                for portrait in done:
                    yield waiting.popleft(), portrait
        except InputError as error:
            self._problem = str(error)
        for portrait in clock.time_call("networks", steadier.finish):
            yield waiting.popleft(), portrait

    def _make_work(
        self, clock: StageClock
    ) -> Callable[[_Cut | Packet[Any]], tuple[VideoFrame, Pictures, bool] | Packet[Any]]:
        def work(item: _Cut | Packet[Any]) -> tuple[VideoFrame, Pictures, bool] | Packet[Any]:
            if not isinstance(item, tuple):
                return item
            frame, portrait = item
            pictures = clock.time_call("render", partial(self._render, portrait))
            return frame, pictures, portrait.found

        return work


def _cut_frame(frame: VideoFrame, cutter: FrameCutter, steadier: Steadier) -> list[Portrait]:
    portrait, motion = cutter.cut(frame.rgb, f"frame {frame.index}")
    return steadier.push(portrait, motion)


def _render_threads() -> int:
    """Return how many frames are rendered at once: the networks and the encoder work besides."""
    return max(1, min(4, count_cores() - 1))
