"""The pipeline from Photo to Portrait: segment, measure depth, fuse, and look a second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .canvas import PRESET_SHAPE, Box, Canvas, Letterbox, prepare_canvas
from .depth.inversion_check import reject_inverted_depth
from .depth.resample import resample_depth
from .errors import InputError
from .fusion import Fusion
from .options import EdgeOptions, OrientMode
from .photo import Photo
from .portrait import Portrait
from .segment.embedded_matte import merge_embedded_matte
from .segment.second_look import drop_cut_components, find_second_look_box
from .subjects.select import Subject, constrain_to_subject, select_subject
from .system.stopwatch import Stopwatch
from .types import RGB, Float
from .values import Depth, Matte


@dataclass(frozen=True)
class Pipeline:
    """Three interchangeable steps that turn a Photo into a Portrait.

    Call it with a Photo. `Session.pipeline` makes one with networks.

    Parameters
    ----------
    segment : callable
        Canvas -> Matte.
    measure : callable
        (Photo, Canvas) -> Depth.
    fuse : Fusion
        (Matte, Depth) -> Matte.
    preset : tuple of int
        (height, width) of an upright canvas, in pixels.
    orient : {"pad", "rotate"}
        How a landscape photo is laid on the canvas.
    detection_threshold : float
        Alpha of the segmentation from which a pixel counts when the pipeline decides whether
        there is a person: the first preset value of the patent description.
    fused_threshold : float
        Alpha after fusion from which a pixel belongs to the portrait: the second preset value.
    subject : Subject
        Which of several people to cut out. Its point is in pixels of the photo.
    second_look : bool
        Whether a small portrait is cut a second time on a zoomed canvas.
    edge : EdgeOptions, optional
        How the edge of alpha is changed at the size of the photo.
    refine : callable, optional
        How alpha is refined at the size of the photo, as in `Portrait`.

    Raises
    ------
    InputError
        When called, for a subject point outside the photo and for evidence that cannot be used.

    Examples
    --------
    >>> import depthmatte as dm
    >>> with dm.Session() as session:  # doctest: +SKIP
    ...     portrait = session.pipeline()(dm.read("photo.jpg"))
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
    edge: EdgeOptions | None = None
    refine: Callable[[RGB, Float, float], Float] | None = None

    def __call__(self, photo: Photo) -> Portrait:
        """Cut one photo; `timings` holds milliseconds of prepare, segment, measure and fuse."""
        clock = Stopwatch()
        first, checked = self._run_pass(photo, photo, clock)
        crop = self._second_look_box(first)
        if crop is None:
            return first
        second, _ = self._run_pass(photo, checked, clock, crop, first)
        return second if second.found else replace(first, timings=clock.timings)

    def _second_look_box(self, first: Portrait) -> Box | None:
        """Return the crop for the second look; None when there is none."""
        if not self.second_look:
            return None
        return find_second_look_box(first, self.preset, self.orient, self.subject.choice == "all")

    def _run_pass(
        self,
        photo: Photo,
        checked: Photo,
        clock: Stopwatch,
        crop: Box | None = None,
        first: Portrait | None = None,
    ) -> tuple[Portrait, Photo]:
        """Cut on one canvas: of the whole photo first, then of a `crop` of it.

        `checked` is the photo with the evidence that is trusted so far. The second result is the
        photo with the evidence that is trusted after this pass.
        """
        canvas = clock("prepare", prepare_canvas, photo, self.preset, self.orient, crop)
        fit = canvas.fit
        matte = clock("segment", self._segment, photo, canvas)
        depth = clock("measure", self._measure, checked, canvas, first)
        detected = Portrait(photo, matte, depth, fit, self.detection_threshold)
        if not (detected.found and matte.is_likely(self.detection_threshold)):
            # Before fusion, because `normalized` would amplify the noise of an empty photo.
            matte = Matte.empty(fit.canvas)
        notes = first.notes if first else ()
        if first is None:
            checked, depth, note = reject_inverted_depth(
                checked, canvas, matte, depth, self.measure
            )
            notes = (note,) if note else ()
        matte = clock("fuse", self._fuse, matte, depth, self._canvas_subject(photo, fit))
        if crop is not None:
            matte = drop_cut_components(matte, fit)
        measured, full_fit = (first.measured, first.fit) if first else (depth, None)
        fused = Portrait(
            photo,
            matte,
            measured,
            fit,
            self.fused_threshold,
            clock.timings,
            full_fit,
            notes,
            self.edge,
            self.refine,
        )
        if not fused.found:
            fused = replace(fused, matte=Matte.empty(fit.canvas))
        return fused, checked

    def _segment(self, photo: Photo, canvas: Canvas) -> Matte:
        """Segment by network and merge the matte that a phone stored in the photo."""
        return merge_embedded_matte(photo, canvas, self.segment(canvas))

    def _measure(self, photo: Photo, canvas: Canvas, first: Portrait | None) -> Depth:
        """Measure depth; the second look estimates again but resamples measured depth."""
        if first is None or first.measured.source == "mono":
            return self.measure(photo, canvas)
        return resample_depth(first.measured, first.fit, canvas)

    def _fuse(self, matte: Matte, depth: Depth, subject: Subject) -> Matte:
        """Select the subject, fuse, and constrain the result to the subject."""
        if subject == Subject():
            return self.fuse(matte, depth)
        chosen, _ = select_subject(matte, depth, subject)
        fused = self.fuse(chosen, depth)
        return constrain_to_subject(fused, matte, chosen, subject, self.fuse.opacity)

    def _canvas_subject(self, photo: Photo, fit: Letterbox) -> Subject:
        """Convert the point of the subject from photo to canvas pixels."""
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
