"""Cut one photo of a batch: read or fetch it, run the pipeline, write or store its results."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...canvas import Box
from ...depth.deferred import used_source
from ...errors import InputError
from ...io.files.find import STDIN
from ...io.files.object_storage import fetch_file, remote_url, restore_urls, store_file
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import encode_picture, write, write_file_bytes
from ...io.stroke_picture import attach_strokes
from ...photo import Photo
from ...portrait import Person, Portrait
from ...session import Session, apply_photo_options, attach_inputs
from ...system.standard_streams import binary_stdin, binary_stdout
from ...system.stopwatch import Stopwatch
from ..photo_task import STDOUT, PhotoTask
from .each_person import FIRST_PERSON, choose_people, person_target
from .exr_result import encode_exr_result
from .file_results import FILE_RESULTS, GDEPTH_RESULT
from .job import CutJob
from .notes import assumed_unit_note, describe_used_depth, notes_on_photo
from .pictures import MAP_PICTURES

OpenedPhoto = tuple[Photo, dict[str, float]]
"""A photo, and what reading it took: stage -> milliseconds."""

_THUMBNAIL_SIDE_PX = 220
_THUMBNAIL_QUALITY = 80
_BACKDROP = 128
"""Size and JPEG quality of pictures on the contact sheet, and the gray behind a cutout."""


@dataclass(frozen=True)
class CutResult:
    """The report on one photo.

    Attributes
    ----------
    json_row : dict
        The fields of its row in JSON.
    notes : list of str
        Lines on unexpected things that are no errors.
    unit_note : str, optional
        A note on the unit of its depth file.
    stored : dict of str to int
        Results in object storage -> bytes.
    thumbnail : bytes, optional
        A small JPEG for the contact sheet: the photo and its cutout.
    written : list of Path
        All files that were written.
    """

    json_row: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    unit_note: str | None = None
    stored: dict[str, int] = field(default_factory=dict)
    thumbnail: bytes | None = None
    written: list[Path] = field(default_factory=list)


def open_photo_timed(job: CutJob, task: PhotoTask) -> OpenedPhoto:
    """Read a photo, attach its side inputs and apply the color and metadata options.

    What lies in object storage is fetched into a temporary folder first.

    Raises
    ------
    InputError
        When the photo or a side input cannot be used.
    """
    job = job.for_row(task.row)
    places = (task.path, *job.side_inputs.for_photo(task.path))
    timings: dict[str, float] = {}
    start = time.perf_counter()
    with _local_copies(places) as (photo_path, depth, right, calib, strokes):
        if (photo_path, depth, right, calib, strokes) != places:
            timings["fetch"] = (time.perf_counter() - start) * 1000
            start = time.perf_counter()
        piped = task.photo == STDIN
        photo = read(binary_stdin().read(), "stdin") if piped else read(photo_path or task.path)
        attached = attach_inputs(photo, depth, right, calib, job.cut)
        photo = apply_photo_options(attach_strokes(attached, strokes), job.cut)
    return photo, timings | {"read": (time.perf_counter() - start) * 1000}


@contextmanager
def _local_copies(places: tuple[Path | None, ...]) -> Iterator[list[Path | None]]:
    """Yield the paths with those in object storage replaced by fetched copies.

    Errors inside the block name the URLs, not the copies.
    """
    urls = [None if place is None else remote_url(place) for place in places]
    if not any(urls):
        yield list(places)
        return
    with tempfile.TemporaryDirectory(prefix="depthmatte-") as top:
        local, names = list(places), {}
        for number, url in enumerate(urls):
            if url is not None:
                folder = Path(top, str(number))
                folder.mkdir()
                copy = folder / url.rpartition("/")[2]
                fetch_file(url, copy)
                local[number], names[str(copy)] = copy, url
        try:
            yield local
        except InputError as error:
            text = str(error)
            for name, url in names.items():
                text = text.replace(name, url)
            raise type(error)(text) from error


def make_cutter(
    job: CutJob, ahead: Callable[[PhotoTask], OpenedPhoto] | None, threads: int | None
) -> Callable[[PhotoTask], CutResult]:
    """Load the networks in this process and return the function that cuts one photo.

    Parameters
    ----------
    job : CutJob
        Options and results.
    ahead : callable, optional
        Gives the photos that another thread reads. By default each is read here.
    threads : int, optional
        CPU threads. By default all cores are used.
    """
    if threads is not None:
        cv2.setNumThreads(threads)
    session = Session(replace(job.session, threads=threads))
    session.pipeline(job.pipeline_options)
    return partial(cut_photo, job, session, ahead or partial(open_photo_timed, job))


def cut_photo(
    job: CutJob,
    session: Session,
    open_photo: Callable[[PhotoTask], OpenedPhoto],
    task: PhotoTask,
) -> CutResult:
    """Cut one photo and write its results.

    Parameters
    ----------
    job : CutJob
        Options and results.
    session : Session
        Loaded networks.
    open_photo : callable
        Task -> photo and timings of reading.
    task : PhotoTask
        The photo and the files to write.

    Raises
    ------
    InputError
        When the photo, or an input given with it, cannot be used.
    """
    job = job.for_row(task.row)
    photo, read_timings = open_photo(task)
    portrait = session.pipeline(job.pipeline_options)(photo)
    clock = Stopwatch(read_timings | portrait.timings)
    if set(task.targets) - {GDEPTH_RESULT}:
        clock("restore", lambda: portrait.alpha)
    if "depth_mm" in task.targets:
        clock("depth_mm", lambda: portrait.meters)  # fails before anything is written
    stored, outputs = _write_results(job, portrait, task, clock)
    row = {
        "file": restore_urls(str(task.path)),
        "status": "ok",
        "found": portrait.found,
        "width": int(photo.shape[1]),
        "height": int(photo.shape[0]),
        "timings": {stage: round(ms, 2) for stage, ms in clock.timings.items()},
        "provider": session.running.get("matte", "none"),
        "depth_source": used_source(portrait.measured),
        "depth": describe_used_depth(portrait),
        "fusion": job.cut.fusion,
        "subject": job.cut.subject,
        "passes": 2 if portrait.full_fit else 1,
        "outputs": [restore_urls(str(target)) for target in outputs],
    }
    if job.output.each:
        row["people"] = [person.to_json() for person in portrait.people]
    return CutResult(
        row,
        list(notes_on_photo(job, portrait)),
        assumed_unit_note(job, portrait),
        stored,
        _draw_thumbnail(portrait) if job.output.report else None,
        outputs,
    )


def _write_results(
    job: CutJob, portrait: Portrait, task: PhotoTask, clock: Stopwatch
) -> tuple[dict[str, int], list[Path]]:
    """Write all results; those in object storage once all are made.

    Return the bytes of these by URL, and all files.
    """
    stored: dict[str, int] = {}
    planned = _plan_writing(job, portrait, task, clock)
    with contextlib.ExitStack() as stack:
        drafts: dict[int, tuple[Path, str]] = {}
        for index, (_, _, target) in enumerate(planned):
            url = None if target == STDOUT else remote_url(target)
            if url is not None:
                top = stack.enter_context(tempfile.TemporaryDirectory(prefix="depthmatte-"))
                drafts[index] = Path(top, target.name), url
        number, shown, frame = 0, portrait, _frame(job, portrait, clock)
        for index, (person, name, target) in enumerate(planned):
            if person is not None and person.id != number:  # one at a time, to bound the memory
                number, shown = person.id, person.portrait
                frame = _frame(job, shown, clock)
            place = drafts[index][0] if index in drafts else target
            _write_result(job, shown, name, place, frame, clock)
        for draft, url in drafts.values():
            clock("store", store_file, draft, url)
            stored[url] = draft.stat().st_size
    return stored, [target for _, _, target in planned]


def _frame(job: CutJob, portrait: Portrait, clock: Stopwatch) -> Box:
    """The part of the photo that results show."""
    if job.output.crop is None:
        return Box(0, 0, *portrait.photo.shape)
    return clock("frame", portrait.frame, job.output.crop)


def _plan_writing(
    job: CutJob, portrait: Portrait, task: PhotoTask, clock: Stopwatch
) -> list[tuple[Person | None, str, Path]]:
    """What to write: a person or the whole portrait, kind of result, file; by person."""
    each = {name for name in task.targets if job.output.each and name.startswith(FIRST_PERSON)}
    planned: list[tuple[Person | None, str, Path]] = [
        (None, name, target) for name, target in task.targets.items() if name not in each
    ]
    people: list[Person] = []
    if each:
        people = clock("people", choose_people, portrait, job.cut.subject)
    for person in people:
        for name in task.targets:
            if name in each:
                target = task.targets[name]
                place = person_target(target, name, person.id, job.output.exists)
                if place is not None:
                    planned.append((person, name.removeprefix(FIRST_PERSON), place))
    return planned


def _write_result(
    job: CutJob, portrait: Portrait, name: str, target: Path, frame: Box, clock: Stopwatch
) -> None:
    """Write one result atomically; the photo's own file is refused."""
    meta, photo_file = portrait.photo.meta, portrait.photo.meta.path or ()
    if name in FILE_RESULTS:
        content = clock(name, FILE_RESULTS[name].encode, portrait, frame)
        _write_content(content, target, photo_file, clock)
        return
    suffix = job.result_suffixes[name] if target == STDOUT else target.suffix.lower()
    if suffix == ".exr" and name not in MAP_PICTURES:
        maker, half = job.picture_makers[name], job.output.bits != "32"
        content = clock(name, encode_exr_result, maker, portrait, frame, half)
        _write_content(content, target, photo_file, clock)
        return
    picture = clock(name, job.picture_makers[name], portrait)
    if picture.shape[:2] == portrait.photo.shape:
        picture = picture[frame.slices]
    if target == STDOUT:
        _write_content(
            clock("write", encode_picture, picture, job.result_suffixes[name], meta),
            target,
            photo_file,
            clock,
        )
    else:
        clock("write", write, picture, target, meta, forbid=photo_file)


def _write_content(content: bytes, target: Path, forbid: Any, clock: Stopwatch) -> None:
    if target != STDOUT:
        clock("write", write_file_bytes, content, target, forbid=forbid)
        return
    stdout = binary_stdout()
    stdout.write(content)
    stdout.flush()


def _draw_thumbnail(portrait: Portrait) -> bytes:
    """Return a JPEG of the photo beside its cutout on gray."""
    height, width = portrait.photo.shape[:2]
    scale = min(1.0, _THUMBNAIL_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    rgb = cv2.resize(portrait.photo.rgb, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(portrait.opacity, size, interpolation=cv2.INTER_AREA)[..., None]
    cutout = np.rint(rgb * alpha + _BACKDROP * (1 - alpha)).astype(np.uint8)
    both = cv2.cvtColor(np.hstack([rgb, cutout]), cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY]
    return bytes(cv2.imencode(".jpg", both, quality)[1])
