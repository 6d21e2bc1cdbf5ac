"""The one path from Photo to Portrait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from . import weights
from .canvas import PRESET, Box, Canvas, Fit, Orient, prepare
from .closer import closer, uncut
from .depth import CHOICES, Source, measure
from .depth.placing import moved
from .depth.sensor import SensorOptions, sensor
from .depth.stereo import matcher, stereo
from .depth.stored import stored
from .errors import InputError
from .fuse import DEFAULT, Fusion, fusion
from .fuse.subject import Subject, bound, choose, subject
from .maps import Depth, Matte, Portrait
from .photo import Photo

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Stopwatch:
    """Calls steps and adds up how many milliseconds each stage took."""

    timings: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: str, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `step`; its time is added to that of `stage`."""
        start = time.perf_counter()
        result = step(*args, **kwargs)
        spent = (time.perf_counter() - start) * 1000
        self.timings[stage] = self.timings.get(stage, 0.0) + spent
        return result


def remembered(step: Callable[P, T]) -> Callable[P, T]:
    """A step that answers each canvas of one photo once; the canvas is its last argument.

    For callers that fuse the same opinions in several ways.
    """
    answers: dict[Fit, T] = {}

    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        canvas = args[-1]
        assert isinstance(canvas, Canvas)
        if canvas.fit not in answers:
            answers[canvas.fit] = step(*args, **kwargs)
        return answers[canvas.fit]

    return ask


@dataclass(frozen=True)
class Pipeline:
    """Photo -> Portrait out of three interchangeable steps.

    `first_threshold` decides on S_in whether anybody is there at all, together with I1
    (`Matte.likely`), `second_threshold` where the fused S_out is portrait (the seed's two
    preset values). `provider` says, for reports, what the networks run on. `subject` chooses
    among several people: `auto`, `nearest`, `largest`, `all`, or `X,Y` in photo pixels (SPEC
    row B8). A small portrait is looked at a second time, closer, unless `second_look` is False.
    """

    segment: Callable[[Canvas], Matte]
    measure: Callable[[Photo, Canvas], Depth]
    fuse: Fusion
    preset: tuple[int, int] = PRESET
    orient: Orient = "pad"
    first_threshold: float = 0.5
    second_threshold: float = 0.5
    provider: str = "none"
    subject: str = "auto"
    second_look: bool = True

    def __call__(self, photo: Photo) -> Portrait:
        """Cut one photo. `timings` of the result holds ms for prepare, segment, measure, fuse."""
        clock = Stopwatch()
        first = self._look(photo, clock)
        everybody = self.subject == "all"
        part = self.second_look and closer(first, self.preset, self.orient, everybody)
        if not part:
            return first
        second = self._look(photo, clock, part, first)
        return second if second.found else replace(first, timings=clock.timings)

    def _look(
        self,
        photo: Photo,
        clock: Stopwatch,
        part: Box | None = None,
        first: Portrait | None = None,
    ) -> Portrait:
        """The portrait on one canvas: of the whole photo, or after that of a `part` of it."""
        canvas = clock("prepare", prepare, photo, self.preset, self.orient, part)
        fit = canvas.fit
        matte = clock("segment", self.segment, canvas)
        depth = clock("measure", self._measured, photo, canvas, first)
        seen = Portrait(photo, matte, depth, fit, self.first_threshold)
        if not (seen.found and matte.likely(self.first_threshold)):
            # Before fusion: `normalized` would blow up the noise of an empty room.
            matte = Matte.empty(fit.canvas)
        matte, depth = clock("fuse", self._fused, matte, depth, self._wanted(photo, fit))
        if part is not None:
            matte = uncut(matte, fit)
        measured, whole = (first.measured, first.fit) if first else (depth, None)
        fused = Portrait(photo, matte, measured, fit, self.second_threshold, clock.timings, whole)
        return fused if fused.found else replace(fused, matte=Matte.empty(fit.canvas))

    def _measured(self, photo: Photo, canvas: Canvas, first: Portrait | None) -> Depth:
        """Depth on a canvas; after a first look only an estimate is made again, closer."""
        if first is None or first.measured.source == "mono":
            return self.measure(photo, canvas)
        return moved(first.measured, first.fit, canvas)

    def _fused(self, matte: Matte, depth: Depth, wanted: Subject) -> tuple[Matte, Depth]:
        """Choose among people, fuse, and hold the fusion to the choice."""
        if wanted == Subject():
            return self.fuse(matte, depth)
        chosen, _ = choose(matte, depth, wanted)
        fused, depth = self.fuse(chosen, depth)
        return bound(fused, matte, chosen, wanted, self.fuse.opacity), depth

    def _wanted(self, photo: Photo, fit: Fit) -> Subject:
        """The subject as the canvas knows it; InputError for a point outside the photo."""
        choice, point = subject(self.subject)
        if point is None:
            return Subject(choice)
        height, width = fit.photo
        if not (0 <= point[0] < width and 0 <= point[1] < height):
            place = f"{point[0]:g},{point[1]:g}"
            raise InputError(
                f"{photo.meta.name}: subject {place} lies outside the photo, which is {width} x "
                f"{height} upright; give a point inside it"
            )
        x, y = fit.to_canvas(np.array(point))
        return Subject(choice, (float(x), float(y)))


@lru_cache(maxsize=4)
def default_pipeline(
    fusing: str = DEFAULT,
    orient: Orient = "pad",
    depth_source: str = "auto",
    matte_network: str | Path = "matte",
    depth_network: str | Path = "depth",
    threads: int | None = None,
    who: str = "auto",
    stereo_network: str | Path = "network",
    measuring: SensorOptions | None = None,
    second_look: bool = True,
) -> Pipeline:
    """The pipeline with networks, each loaded once per process and set of options.

    `fusing` is a name in FUSIONS; the networks are names in `weights.TABLE`, `.onnx`
    files or `URL#sha256=HEX`; `threads` is the number of CPU threads per network (None:
    all cores). `depth_source` is one of `depth.CHOICES`; a depth network loads when it is
    first needed. `who` is the Pipeline's `subject`; `stereo_network` is what
    `depth.stereo.matcher` takes, `measuring` how a sensor's depth is used, `second_look` the
    Pipeline's. Raises InputError for unknown names and for a fusion that needs the depth it is
    denied, WeightsError for a network that cannot be used.
    """
    # Here, not above: a pipeline of one's own steps does not need ONNX Runtime.
    from .network import Network
    from .segment.network import segmenter

    rule = fusion(fusing, threads)
    subject(who)
    if depth_source not in CHOICES:
        raise InputError(f"depth source {depth_source!r} is unknown; use {', '.join(CHOICES)}")
    if rule.needs_depth and depth_source == "none":
        raise InputError(f"fusion {fusing} needs depth; leave depth on or use another fusion")
    network = Network(weights.path(matte_network), threads)
    sources = depth_sources(depth_network, stereo_network, threads, measuring)
    return Pipeline(
        segment=segmenter(network),
        measure=partial(measure, sources=sources, choice=depth_source),
        fuse=rule,
        preset=network.contract.preset,
        orient=orient,
        second_threshold=rule.threshold,
        provider=network.provider,
        subject=who,
        second_look=second_look,
    )


def depth_sources(
    depth_network: str | Path = "depth",
    stereo_network: str | Path = "network",
    threads: int | None = None,
    measuring: SensorOptions | None = None,
) -> dict[str, Source]:
    """All sources of depth in the order `measure` asks them; networks load when first needed."""
    matching = cache(partial(matcher, stereo_network, threads))
    return {
        "stored": stored,
        "sensor": partial(sensor, options=measuring),
        "stereo": stereo(matching),
        "mono": late(lambda: _mono(depth_network, threads)),
    }


def late(make: Callable[[], Source]) -> Source:
    """A source that is made when it is first asked, and kept: its network may never be needed."""
    made: list[Source] = []

    def ask(photo: Photo, canvas: Canvas) -> Depth:
        if not made:
            made.append(make())
        return made[0](photo, canvas)

    return ask


def _mono(name: str | Path, threads: int | None) -> Source:
    from .depth.mono import estimator
    from .network import Network

    return estimator(Network(weights.path(name), threads))
