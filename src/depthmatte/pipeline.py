"""The one path from Photo to Portrait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .canvas import PRESET_SHAPE, Box, Canvas, Letterbox, prepare_canvas
from .depth.inversion import reject_inverted_depth
from .depth.resample import resample_depth
from .errors import InputError
from .fusion import Fusion
from .options import OrientMode
from .photo import Photo
from .portrait import Portrait
from .segment.embedded import merge_embedded_matte
from .segment.second_look import drop_cut_components, find_zoom_box
from .subjects.select import Subject, constrain_to_subject, select_subject
from .system.stopwatch import Stopwatch
from .values import Depth, Matte


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
    preset: tuple[int, int] = PRESET_SHAPE
    orient: OrientMode = "pad"
    detection_threshold: float = 0.5
    fused_threshold: float = 0.5
    subject: Subject = field(default_factory=Subject)
    second_look: bool = True

    def __call__(self, photo: Photo) -> Portrait:
        """Cut one photo. `timings` of the result holds ms for prepare, segment, measure, fuse."""
        clock = Stopwatch()
        first, believed = self._run_pass(photo, photo, clock)
        everybody = self.subject.choice == "all"
        part = self.second_look and find_zoom_box(first, self.preset, self.orient, everybody)
        if not part:
            return first
        second, _ = self._run_pass(photo, believed, clock, part, first)
        return second if second.found else replace(first, timings=clock.timings)

    def _run_pass(
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
        canvas = clock("prepare", prepare_canvas, photo, self.preset, self.orient, part)
        fit = canvas.fit
        matte = clock("segment", self._segmented, photo, canvas)
        depth = clock("measure", self._measured, believed, canvas, first)
        seen = Portrait(photo, matte, depth, fit, self.detection_threshold)
        if not (seen.found and matte.is_likely(self.detection_threshold)):
            # Before fusion: `normalized` would blow up the noise of an empty room.
            matte = Matte.empty(fit.canvas)
        notes = first.notes if first else ()
        if first is None:
            believed, depth, note = reject_inverted_depth(
                believed, canvas, matte, depth, self.measure
            )
            notes = (note,) if note else ()
        matte, depth = clock("fuse", self._fused, matte, depth, self._canvas_subject(photo, fit))
        if part is not None:
            matte = drop_cut_components(matte, fit)
        measured, whole = (first.measured, first.fit) if first else (depth, None)
        fused = Portrait(
            photo, matte, measured, fit, self.fused_threshold, clock.timings, whole, notes
        )
        if not fused.found:
            fused = replace(fused, matte=Matte.empty(fit.canvas))
        return fused, believed

    def _segmented(self, photo: Photo, canvas: Canvas) -> Matte:
        """The network's opinion, and that of a matte that a phone stored in the photo."""
        return merge_embedded_matte(photo, canvas, self.segment(canvas))

    def _measured(self, photo: Photo, canvas: Canvas, first: Portrait | None) -> Depth:
        """Depth on a canvas; after a first look only an estimate is made again, closer."""
        if first is None or first.measured.source == "mono":
            return self.measure(photo, canvas)
        return resample_depth(first.measured, first.fit, canvas)

    def _fused(self, matte: Matte, depth: Depth, wanted: Subject) -> tuple[Matte, Depth]:
        """Choose among people, fuse, and hold the fusion to the choice."""
        if wanted == Subject():
            return self.fuse(matte, depth)
        chosen, _ = select_subject(matte, depth, wanted)
        fused, depth = self.fuse(chosen, depth)
        return constrain_to_subject(fused, matte, chosen, wanted, self.fuse.opacity), depth

    def _canvas_subject(self, photo: Photo, fit: Letterbox) -> Subject:
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
        x, y = fit.points_to_canvas(np.array(point))
        return Subject(self.subject.choice, (float(x), float(y)))
