"""The pipeline from Photo to Portrait: segment, measure depth, fuse, and look a second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .canvas import PRESET_SHAPE, Box, Canvas, Letterbox, prepare_canvas
from .depth.inversion_check import reject_inverted_depth
from .depth.resample import resample_depth
from .fusion import Fusion
from .options import EdgeOptions, OrientMode, SubjectRequest
from .photo import Photo
from .portrait import FindParts, Portrait
from .segment.corrections import Corrections, check_point, find_edits
from .segment.embedded_matte import merge_embedded_matte
from .segment.finer_look import combine_looks, finer_preset, first_preset
from .segment.requested_person import choose_requested_person, move_members
from .segment.second_look import drop_cut_components, find_second_look_box
from .segment.turned_look import is_doubtful
from .subjects.people_finder import FoundPeople, PeopleFinder
from .subjects.select import Subject, constrain_to_subject, select_subject
from .system.stopwatch import Stopwatch
from .types import RGB, Float
from .values import Depth, Matte

if TYPE_CHECKING:
    from .networks.network import Network


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
    subject : SubjectRequest
        Which of several people to cut out.
    second_look : bool
        Whether a small portrait is cut a second time on a zoomed canvas.
    edge : EdgeOptions, optional
        How the edge of alpha is changed at the size of the photo.
    refine : callable, optional
        How alpha is refined at the size of the photo, as in `Portrait`.
    corrections : Corrections
        What the user corrected by hand.
    find_parts : callable, optional
        (photo, alpha) -> PartShares, which portraits run when they are asked for parts.
    load_people : callable, optional
        Returns the network of people, which tells people apart where a person is asked for.

    Raises
    ------
    InputError
        When called, for a point outside the photo, a person who is not there, and for evidence
        that cannot be used.

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
    subject: SubjectRequest = field(default_factory=lambda: SubjectRequest("auto"))
    second_look: bool = True
    edge: EdgeOptions | None = None
    refine: Callable[[RGB, Float, float], Float] | None = None
    corrections: Corrections = field(default_factory=Corrections)
    find_parts: FindParts | None = None
    load_people: Callable[[], Network] | None = None

    def __call__(self, photo: Photo, canvas: Canvas | None = None) -> Portrait:
        """Cut one photo; `timings` holds milliseconds of prepare, segment, measure and fuse.

        `canvas` is the whole photo on a canvas of this pipeline, where it is prepared already.
        """
        clock = Stopwatch()
        fixes = self.corrections
        fixes.check(photo)
        cut = self._cut(photo, clock, canvas)
        cut = replace(
            cut, clean=fixes.clean, find_parts=self.find_parts, find_people=self.find_people
        )
        if fixes.has_points or photo.evidence.strokes is not None:
            look = partial(self._look, photo)
            cut = replace(cut, edits=clock("correct", find_edits, cut, fixes, look))
        return replace(cut, timings=clock.timings)

    @property
    def find_people(self) -> PeopleFinder | None:
        """How people are found and told apart; None without a network of people."""
        if self.load_people is None:
            return None
        look = self.segment if self.second_look else None
        return PeopleFinder(self.load_people, look, self.preset, self.orient)

    def _cut(self, photo: Photo, clock: Stopwatch, canvas: Canvas | None) -> Portrait:
        """Cut in one to three passes, without corrections at points."""
        first, checked = self._run_pass(photo, photo, clock, canvas=canvas)
        if self.corrections.box is not None:
            crop = self.corrections.crop(photo.shape)
            second, _ = self._run_pass(photo, checked, clock, crop, first)
            return second
        if self._needs_finer_look(first):
            finer, _ = self._run_pass(photo, checked, clock, None, first)
            first = finer if finer.found else first
        box = self._second_look_box(first)
        if box is None:
            return first
        second, _ = self._run_pass(photo, checked, clock, box, first)
        return second if second.found else first

    def _needs_finer_look(self, first: Portrait) -> bool:
        """Whether everybody is asked for, somebody is there, and the network is in doubt."""
        opinion = first.first_matte
        asked = self.second_look and self.subject.choice == "all"
        return asked and first.found and opinion is not None and is_doubtful(opinion.prob)

    def _look(self, photo: Photo, crop: Box) -> tuple[Matte, Letterbox]:
        """Segment a crop of the photo."""
        canvas = prepare_canvas(photo, self.preset, self.orient, crop)
        return self._segment(photo, canvas), canvas.fit

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
        canvas: Canvas | None = None,
    ) -> tuple[Portrait, Photo]:
        """Cut on one canvas: of the whole photo first, then of a `crop` of it.

        Without a crop, the pass after the `first` is the finer look at the whole photo. `checked`
        is the photo with the evidence that is trusted so far. The second result is the photo with
        the evidence that is trusted after this pass.
        """
        preset, is_finer = self.preset, crop is None and first is not None
        if crop is None:
            preset = (finer_preset if is_finer else first_preset)(photo.shape, preset)
        if canvas is None:
            canvas = clock("prepare", prepare_canvas, photo, preset, self.orient, crop)
        fit = canvas.fit
        matte = clock("segment", self._segment, photo, canvas)
        if is_finer and first is not None and first.first_matte is not None:
            matte = combine_looks(matte, fit, first.first_matte, first.depth_fit)
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
        opinion = first.first_matte if first else matte
        everybody = self._everybody(photo, depth, fit, first, opinion)
        subject = self._canvas_subject(photo, fit, first, everybody)
        usable = clock("measure", self._depth_to_use, matte, depth, subject)
        unfused = matte
        matte = clock("fuse", self._fuse, matte, usable, subject)
        if photo.evidence.matte is not None and self.fuse.opacity:
            # The phone saw the scene itself: depth alone brings nothing back that it left out.
            matte = replace(matte, alpha=np.minimum(matte.alpha, unfused.alpha))
        if self.corrections.box is not None and crop is not None:
            matte = self.corrections.limit_to_box(matte, fit)
        elif crop is not None:
            matte = drop_cut_components(matte, fit)
        measured, full_fit = (first.measured, first.depth_fit) if first else (depth, None)
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
            opinion,
            everybody=everybody,
        )
        if not fused.found:
            fused = replace(fused, matte=Matte.empty(fit.canvas))
        return fused, checked

    def _segment(self, photo: Photo, canvas: Canvas) -> Matte:
        """Segment by network and merge the matte that a phone stored in the photo."""
        return merge_embedded_matte(photo, canvas, self.segment(canvas))

    def _measure(self, photo: Photo, canvas: Canvas, first: Portrait | None) -> Depth:
        """Measure depth; a look at a crop estimates again but resamples measured depth."""
        if first is None or (canvas.fit.is_crop and first.measured.source == "mono"):
            return self.measure(photo, canvas)
        return resample_depth(first.measured, first.depth_fit, canvas.fit)

    def _depth_to_use(self, matte: Matte, depth: Depth, subject: Subject) -> Depth:
        """Compute deferred depth where it could change the result; no depth where it could not."""
        if not depth.is_deferred:
            return depth
        if self.fuse.can_use_estimate(matte) or not (subject.is_default or not matte.alpha.any()):
            return depth.computed()
        return Depth.none(depth.shape)

    def _fuse(self, matte: Matte, depth: Depth, subject: Subject) -> Matte:
        """Select the subject, fuse, and constrain the result to the subject."""
        if subject.is_default:
            return self.fuse(matte, depth)
        chosen, _ = select_subject(matte, depth, subject)
        fused = self.fuse(chosen, depth)
        return constrain_to_subject(fused, matte, chosen, subject, self.fuse.opacity)

    def _everybody(
        self,
        photo: Photo,
        depth: Depth,
        fit: Letterbox,
        first: Portrait | None,
        opinion: Matte | None,
    ) -> FoundPeople | None:
        """Find everybody once, where one of them is asked for."""
        if (self.subject.person is None and self.subject.box is None) or opinion is None:
            return None
        if first is not None:
            return first.everybody
        find = self.find_people
        if find is None:
            return FoundPeople.from_matte(opinion, depth)
        return find(photo, opinion, depth, fit)

    def _canvas_subject(
        self,
        photo: Photo,
        fit: Letterbox,
        first: Portrait | None,
        everybody: FoundPeople | None,
    ) -> Subject:
        """Find on the canvas what the option `subject` names in the photo."""
        asked, name = self.subject, photo.meta.name
        if asked.point is not None:
            check_point(asked.point, photo, "subject")
            x, y = fit.points_to_canvas(np.array(asked.point))
            return Subject(asked.choice, (float(x), float(y)))
        if everybody is None:
            return Subject(asked.choice)
        whole = first.depth_fit if first else fit
        number = choose_requested_person(everybody.label, whole, asked, name)
        if not number:
            return Subject(asked.choice)
        members = everybody.members(number)
        if first is not None:
            return Subject(asked.choice, members=move_members(members, whole, fit))
        return Subject(asked.choice, members=members, shown=everybody.matte.alpha)
