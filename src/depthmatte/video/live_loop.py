"""The live loop: take the newest frame, cut it, show the result, and report how late it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..effects import Background, Beautify, Blur, Effect
from ..errors import InputError, OptionError
from ..options import CutOptions
from ..photo import Photo
from ..portrait import Portrait
from ..session import Session
from ..system.cpu_count import count_cores
from ..system.stop_signals import hold_stop_signals
from ..types import RGB
from .canvas_control import CanvasControl
from .frame_cutter import FrameCutter
from .frame_view import FramePortrait, needs_depth, reads_depth
from .live_evidence import LiveEvidence
from .live_frame import LiveClock, LiveFrame, NewestFrame, live_video_frame
from .live_sink import LiveSink, check_sink, open_sink
from .live_source import open_live_source
from .motion.steady import Steadier
from .stages import run_ahead, single_threaded_opencv
from .video_options import LiveOptions

_STEADY_FRAMES_BEFORE = 3
"""Frames before each frame that steady it. None after it: that would delay the picture."""

_DEPTH_EVERY = 4
"""Depth is estimated for every n-th frame, unless asked for otherwise."""

_STRENGTH_STEP = 0.1

KEYS = {"b": "blur", "s": "beautify", "w": "white", "+": "stronger", "-": "weaker", "q": "stop"}
"""Keys of the window and what they do."""


@dataclass(frozen=True)
class LiveSummary:
    """What came of a live run.

    Parameters
    ----------
    frames, dropped : int
        Frames that were shown, and frames that came while the networks were busy.
    seconds : float
        From the first frame to the last.
    latency_ms : dict of str to float
        "median" and "p95" of the time from the arrival of a frame to its result.
    canvas : tuple of int
        (height, width) of the canvas at the end.
    stages_ms : dict of str to float
        Milliseconds per frame of networks, render and show, which work at the same time.
    cpu_ms : float
        Processor milliseconds per frame of all stages and of the source together.
    problem : str or None
        Why the source ended, where it broke.
    with_evidence, refused_evidence : int
        Frames that got depth or a second view, and those for which none was near enough in time.
    """

    frames: int
    dropped: int
    seconds: float
    latency_ms: dict[str, float]
    canvas: tuple[int, int]
    stages_ms: dict[str, float]
    cpu_ms: float
    problem: str | None
    with_evidence: int = 0
    refused_evidence: int = 0


class LiveLoop:
    """Cuts a live picture.

    Parameters
    ----------
    options : LiveOptions
        Source, sink and rate.
    effect : Effect, optional
        What is made of each frame; blur by default.
    cut : CutOptions
        How each frame is cut.

    Raises
    ------
    InputError
        When source or sink cannot be used.
    OptionError
        When the effect makes transparency, which no live picture has.
    """

    def __init__(self, options: LiveOptions, effect: Effect | None, cut: CutOptions) -> None:
        self._options, self._cut_options = options, cut
        self._effect: Effect = effect or Blur()
        check_sink(options.sink, options.source)
        clock = LiveClock()
        self.source = open_live_source(options.source, options.largest_shape, options.rate, clock)
        self._evidence = LiveEvidence(options, clock, cut.depth_scale)

    def run(self, session: Session) -> LiveSummary:
        """Cut frames until the source ends, the time is over, or Ctrl-C.

        Parameters
        ----------
        session : Session
            Its networks are used. They are loaded before the source starts.

        Returns
        -------
        LiveSummary
            Frames, latency and what was dropped.
        """
        # One half of the cores runs the networks, the other renders and encodes.
        threads = max(1, (session.options.threads or count_cores()) // 2)
        pipeline = session.pipeline(self._cut_options, threads)
        multiple = session.network("matte", threads).contract.multiple
        options, shape = self._options, self.source.shape
        control = CanvasControl(
            pipeline.preset, multiple, options.rate, shape, self._cut_options.orient
        )
        cutter = FrameCutter(
            replace(pipeline, preset=control.preset),
            options.rate,
            options.depth_every or _DEPTH_EVERY,
            options.steady,
            self._evidence.is_expected or _uses_depth(self._effect, options),
        )
        with single_threaded_opencv():
            _warm_up(cutter, control, shape, self._evidence.is_expected)
            steadier = Steadier(_STEADY_FRAMES_BEFORE if options.steady else 0, 0)
            run = _Run(self._effect, cutter, steadier, control, options, self._evidence)
            newest = NewestFrame(self.source.frames)
            self._evidence.start()
            try:
                with hold_stop_signals(lambda: None) as request:
                    first = newest.take()
                    if first is None:
                        raise InputError(f"{options.source}: gave no frame; give another source")
                    with open_sink(options.sink, shape, options.rate) as sink:
                        problem = run.loop(first, newest, sink, lambda: request.pending is not None)
            finally:
                newest.stop()
                self._evidence.stop()
        return run.summarize(newest.dropped, problem)


def _warm_up(
    cutter: FrameCutter, control: CanvasControl, shape: tuple[int, int], is_measured: bool
) -> None:
    """Run the networks before the source starts, on the largest canvas that may hold the rate.

    Where depth is measured its network is not loaded.
    """
    blank = np.zeros((*shape, 3), np.uint8)
    attach = _attach_nothing if is_measured else None
    cutter.cut(blank, attach=attach)  # loads the networks
    while True:
        start = time.perf_counter()
        cutter.cut(blank, attach=attach)
        if not control.shrink_if_slow(time.perf_counter() - start):
            break
        cutter.resize_canvas(control.preset)
        cutter.cut(blank, attach=attach)  # the first run of a size is slower
    cutter.forget()


def _attach_nothing(photo: Photo) -> Photo:
    return photo


def _uses_depth(effect: Effect, options: LiveOptions) -> bool:
    return reads_depth(effect) if options.depth_every else needs_depth(effect)


class _Run:
    """One run of the loop and its figures."""

    def __init__(
        self,
        effect: Effect,
        cutter: FrameCutter,
        steadier: Steadier,
        control: CanvasControl,
        options: LiveOptions,
        evidence: LiveEvidence,
    ) -> None:
        self._evidence = evidence
        self._effect, self._cutter, self._steadier = effect, cutter, steadier
        self._control, self._options = control, options
        self._latencies: list[float] = []
        self._stages = {"networks": 0.0, "render": 0.0, "show": 0.0}
        self._begun = self._ended = 0.0
        self._cpu_begun, self._cpu_ended = time.process_time(), 0.0

    def loop(
        self,
        first: LiveFrame,
        newest: NewestFrame,
        sink: LiveSink,
        is_stopped: Callable[[], bool],
    ) -> str | None:
        """Cut and show frames; return why the source broke, None where it ended.

        The networks work on a frame while the one before is rendered and shown.
        """
        self._begun, self._cpu_begun = first.arrived, time.process_time()
        cut = run_ahead(self._cut_frames(first, newest, is_stopped), 1)
        try:
            for frame, portrait in cut:
                if self._show(frame, portrait, sink) == "stop":
                    break
        except InputError as error:
            if not self._latencies:
                raise
            return str(error)
        finally:
            self._cpu_ended = time.process_time()
            newest.stop()  # first, because the networks may be waiting for a frame
            cut.close()
        return None

    def _cut_frames(
        self, first: LiveFrame, newest: NewestFrame, is_stopped: Callable[[], bool]
    ) -> Iterator[tuple[LiveFrame, Portrait]]:
        frame: LiveFrame | None = first
        while frame is not None and not is_stopped() and not self._is_over(frame):
            start = time.perf_counter()
            is_measured = self._evidence.is_expected
            self._cutter.uses_depth = is_measured or _uses_depth(self._effect, self._options)
            attach = partial(self._evidence.attach_to, frame=frame) if is_measured else None
            [portrait] = self._steadier.push(*self._cutter.cut(frame.rgb, attach=attach))
            seconds = time.perf_counter() - start
            self._stages["networks"] += seconds
            if self._control.note(seconds):
                self._cutter.resize_canvas(self._control.preset)
            yield frame, portrait
            frame = newest.take()

    def _is_over(self, frame: LiveFrame) -> bool:
        limit = self._options.seconds
        return limit is not None and frame.arrived - self._begun >= limit

    def _show(self, frame: LiveFrame, portrait: Portrait, sink: LiveSink) -> str | None:
        start = time.perf_counter()
        picture: RGB = self._effect(FramePortrait.for_effect(portrait, self._effect))
        if picture.shape != frame.rgb.shape:
            raise OptionError("--effect: a live picture has no transparency; choose another effect")
        rendered = time.perf_counter()
        key = sink.show(picture, live_video_frame(frame, len(self._latencies), self._begun))
        self._ended = time.perf_counter()
        self._latencies.append(self._ended - frame.arrived)
        self._stages["render"] += rendered - start
        self._stages["show"] += self._ended - rendered
        self._effect = change_effect(self._effect, KEYS.get(key or "", ""))
        return KEYS.get(key or "")

    def summarize(self, dropped: int, problem: str | None) -> LiveSummary:
        """Return the figures of the run."""
        frames = len(self._latencies)
        median, late = np.percentile(self._latencies or [0.0], (50, 95)) * 1000
        return LiveSummary(
            frames,
            dropped,
            self._ended - self._begun,
            {"median": float(median), "p95": float(late)},
            self._control.preset,
            {name: total * 1000 / max(1, frames) for name, total in self._stages.items()},
            (self._cpu_ended - self._cpu_begun) * 1000 / max(1, frames),
            problem,
            self._evidence.joined,
            self._evidence.refused,
        )


def change_effect(effect: Effect, what: str) -> Effect:
    """Return the effect after a key: another one, or the same one stronger or weaker."""
    others: dict[str, Effect] = {
        "blur": Blur(),
        "beautify": Beautify(),
        "white": Background(color="white"),
    }
    if what in others:
        return others[what]
    step = {"stronger": _STRENGTH_STEP, "weaker": -_STRENGTH_STEP}.get(what)
    if step is None or not isinstance(effect, Blur | Beautify):
        return effect
    return replace(effect, strength=min(1.0, max(0.0, effect.strength + step)))
