"""The one path from Photo to Portrait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

import numpy as np

from .canvas import PRESET, Box, Canvas, Fit, prepare
from .closer import closer, uncut
from .depth.order import reconsider
from .depth.placing import moved
from .errors import InputError
from .fuse import Fusion
from .fuse.subject import Subject, bound, choose
from .maps import Depth, Matte
from .options import Orient
from .photo import Photo
from .portrait import Portrait
from .segment.stored import with_stored

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
    preset values). `subject` chooses among several people; its point is in photo pixels. A
    small portrait is looked at a second time, closer, unless `second_look` is False.
    """

    segment: Callable[[Canvas], Matte]
    measure: Callable[[Photo, Canvas], Depth]
    fuse: Fusion
    preset: tuple[int, int] = PRESET
    orient: Orient = "pad"
    first_threshold: float = 0.5
    second_threshold: float = 0.5
    subject: Subject = field(default_factory=Subject)
    second_look: bool = True

    def __call__(self, photo: Photo) -> Portrait:
        """Cut one photo. `timings` of the result holds ms for prepare, segment, measure, fuse."""
        clock = Stopwatch()
        first, believed = self._look(photo, photo, clock)
        everybody = self.subject.choice == "all"
        part = self.second_look and closer(first, self.preset, self.orient, everybody)
        if not part:
            return first
        second, _ = self._look(photo, believed, clock, part, first)
        return second if second.found else replace(first, timings=clock.timings)

    def _look(
        self,
        photo: Photo,
        believed: Photo,
        clock: Stopwatch,
        part: Box | None = None,
        first: Portrait | None = None,
    ) -> tuple[Portrait, Photo]:
        """The portrait on one canvas: of the whole photo, or after that of a `part` of it.

        `believed` is the photo with the evidence that counts; what counts after this look is
        returned too.
        """
        canvas = clock("prepare", prepare, photo, self.preset, self.orient, part)
        fit = canvas.fit
        matte = clock("segment", self._segmented, photo, canvas)
        depth = clock("measure", self._measured, believed, canvas, first)
        seen = Portrait(photo, matte, depth, fit, self.first_threshold)
        if not (seen.found and matte.likely(self.first_threshold)):
            # Before fusion: `normalized` would blow up the noise of an empty room.
            matte = Matte.empty(fit.canvas)
        notes = first.notes if first else ()
        if first is None:
            believed, depth, note = reconsider(believed, canvas, matte, depth, self.measure)
            notes = (note,) if note else ()
        matte, depth = clock("fuse", self._fused, matte, depth, self._wanted(photo, fit))
        if part is not None:
            matte = uncut(matte, fit)
        measured, whole = (first.measured, first.fit) if first else (depth, None)
        fused = Portrait(
            photo, matte, measured, fit, self.second_threshold, clock.timings, whole, notes
        )
        if not fused.found:
            fused = replace(fused, matte=Matte.empty(fit.canvas))
        return fused, believed

    def _segmented(self, photo: Photo, canvas: Canvas) -> Matte:
        """The network's opinion, and that of a matte that a phone stored in the photo."""
        return with_stored(photo, canvas, self.segment(canvas))

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
        point = self.subject.point
        if point is None:
            return self.subject
        height, width = fit.photo
        if not (0 <= point[0] < width and 0 <= point[1] < height):
            place = f"{point[0]:g},{point[1]:g}"
            raise InputError(
                f"{photo.meta.name}: subject {place} lies outside the photo, which is {width} x "
                f"{height} upright; give a point inside it"
            )
        x, y = fit.to_canvas(np.array(point))
        return Subject(self.subject.choice, (float(x), float(y)))
