"""Cut a video: decode, run the networks, render and encode at the same time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
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
from .frame_cutter import FrameCutter, SeenFrame, fit_preset
from .frame_view import FramePortrait, reads_depth
from .motion.steady import Steadier
from .stages import StageClock, run_ahead, single_threaded_opencv
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

    _Item = VideoFrame | Packet[Any] | InputError

_Seen = tuple[VideoFrame, SeenFrame]
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
        Working milliseconds per frame of decode, networks, render and encode, each on the clock
        on the wall. Stages work at the same time, and networks on several frames at once.
    cpu_ms : float
        Processor milliseconds per frame of all stages together.
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
    cpu_ms: float
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
        self._effect = effect
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
        clock, begun, cpu_begun = StageClock(), time.perf_counter(), time.process_time()
        threads = session.options.threads or count_cores()
        cutter = self._make_cutter(session)
        frames = found = 0
        sound = self.video.audio if self.options.audio == "copy" else None
        with (
            single_threaded_opencv(),
            self.video,
            open_output(self._targets, self.options, self.video) as output,
        ):
            decoded = run_ahead(clock.time_items("decode", self._decode()))
            seen = map_in_threads(self._make_look(cutter, clock), decoded, threads)
            cut = run_ahead(self._cut_items(run_ahead(seen, 1), cutter, clock))
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
            (time.process_time() - cpu_begun) * 1000 / frames,
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

    def _make_cutter(self, session: Session) -> FrameCutter:
        """Frames are looked at side by side, so each network gets one thread."""
        options = self._cut_options
        pipeline = session.pipeline(options, threads=1)
        multiple = session.network("matte", threads=1).contract.multiple
        preset = fit_preset(pipeline.preset, self.video.shape, multiple, pipeline.orient)
        return FrameCutter(
            replace(pipeline, preset=preset),
            float(self.video.rate) / self.options.every,
            self.options.depth_every,
            track=self.options.steady,
            uses_depth=options.fusion != "none" or reads_depth(self._effect),
        )

    def _decode(self) -> Iterator[_Item]:
        """Yield frames and packets of the sound; a damaged input ends with its error."""
        try:
            yield from self.video.items()
        except InputError as error:
            yield error

    def _make_look(
        self, cutter: FrameCutter, clock: StageClock
    ) -> Callable[[_Item], _Seen | Packet[Any] | InputError]:
        every = self.options.depth_every * self.options.every

        def look(item: _Item) -> _Seen | Packet[Any] | InputError:
            if not isinstance(item, VideoFrame):
                return item
            name, due = f"frame {item.index}", item.index % every == 0
            return item, clock.time_call("networks", partial(cutter.look, item.rgb, name, due))

        return look

    def _cut_items(
        self,
        items: Iterable[_Seen | Packet[Any] | InputError],
        cutter: FrameCutter,
        clock: StageClock,
    ) -> Iterator[_Cut | Packet[Any]]:
        """Yield frames with their steadied portraits, and packets of the sound.

        A damaged input ends the items; `_problem` then says why.
        """
        steadier = Steadier() if self.options.steady else Steadier(0, 0)
        waiting: deque[VideoFrame] = deque()

        def work(seen: SeenFrame) -> list[Portrait]:
            return steadier.push(*cutter.follow(seen))

        for item in items:
            if isinstance(item, InputError):
                self._problem = str(item)
            elif isinstance(item, tuple):
                waiting.append(item[0])
                for portrait in clock.time_call("networks", partial(work, item[1])):
                    yield waiting.popleft(), portrait
            else:
                yield item
        for portrait in clock.time_call("networks", steadier.finish):
            yield waiting.popleft(), portrait

    def _make_work(
        self, clock: StageClock
    ) -> Callable[[_Cut | Packet[Any]], tuple[VideoFrame, Pictures, bool] | Packet[Any]]:
        def work(item: _Cut | Packet[Any]) -> tuple[VideoFrame, Pictures, bool] | Packet[Any]:
            if not isinstance(item, tuple):
                return item
            frame, portrait = item
            view = FramePortrait.for_effect(portrait, self._effect)
            pictures = clock.time_call("render", partial(self._render, view))
            return frame, pictures, view.found

        return work


def _render_threads() -> int:
    """Return how many frames are rendered at once: the networks and the encoder work besides."""
    return max(1, min(4, count_cores() - 1))
