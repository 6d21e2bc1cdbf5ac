"""`depthmatte cut`: find photos, plan results, cut on all cores, and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from ...effects import EFFECTS
from ...errors import InputError
from ...io.files.find import STDIN, search_photos
from ...io.files.resume_journal import Journal
from ...io.photo.photo_writer import encode_picture, write, write_file_bytes
from ...photo import Photo
from ...portrait import Portrait
from ...session import Session
from ...system.cpu_count import count_workers
from ...system.stopwatch import Stopwatch
from .. import messages
from ..cutting.batch import run_tasks
from ..cutting.gdepth_output import encode_gdepth_jpeg
from ..cutting.job import GDEPTH_RESULT, CutJob
from ..cutting.pictures import MAP_PICTURES, VIEW_PICTURES
from ..cutting.read_ahead import ReadAhead, open_photo_timed
from ..downloads import fetch_networks
from ..output import Reporter, size_fields
from ..output_names import STDOUT, PhotoTask, open_journal, plan_outputs
from ..standard_streams import binary_stdout
from ..task_outcome import TaskOutcome
from .extract import EXTRACTED_KINDS

_RESULT_KINDS = {*MAP_PICTURES, *VIEW_PICTURES, *EFFECTS, *EXTRACTED_KINDS, GDEPTH_RESULT}
"""Kinds in the middle of result names. Files with such names are not taken for photos."""


@dataclass(frozen=True)
class CutResult:
    """The report on one photo: its JSON row, notes, and a note on the unit of its depth file."""

    json_row: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    unit_note: str | None = None


def cut_photos(paths: Sequence[str], job: CutJob, report: Reporter) -> int:
    """Cut all photos and report each one.

    Parameters
    ----------
    paths : sequence of str
        Photos, folders, patterns and `-`, as `search_photos` takes them.
    job : CutJob
        Options, inputs and results.
    report : Reporter
        Prints results, errors and notes.

    Returns
    -------
    int
        Number of photos that failed.

    Raises
    ------
    DepthmatteError
        When no photo can be cut: options contradict each other or a network cannot be used.
    """
    out = Path(job.output.out)
    found = search_photos(paths, out, _RESULT_KINDS | job.result_suffixes.keys())
    job.side_inputs.check_photo_count(len(found.photos))
    for note in (*messages.notes_before_run(job), *found.notes):
        report.note(note)
    signature = job.work_signature
    planned = plan_outputs(
        found.photos,
        out,
        job.result_suffixes,
        job.output.name,
        job.output.exists,
        job.input_paths(),
        found.lookalikes,
        found.results,
        _is_done_before(job, out, signature),
    )
    refused = [*found.refused, *planned.refused]
    for one in refused:
        report.photo_failed(one.path, str(one.error))
    for photo in planned.skipped:
        report.photo_skipped(str(photo.path), "its results exist")
    journal = open_journal(planned.tasks, out, job.output.resume)

    def finish(outcome: TaskOutcome[PhotoTask, CutResult]) -> None:
        nonlocal journal
        if journal is None or outcome.result is None:
            return
        task = outcome.task
        try:
            journal.note(task.path, signature, task.targets.values(), _side_files(job, task))
        except InputError as error:  # the results are complete, so the run goes on
            report.note(f"{error}; --resume will not recognize this run")
            journal = None

    if planned.tasks:
        fetch_networks(job.network_names(), report)
    done, failed = _run_cuts(planned.tasks, job, finish, report)
    failed += len(refused)
    report.summary(done, failed, len(planned.skipped))
    return failed


def _is_done_before(job: CutJob, out: Path, signature: str) -> Callable[[PhotoTask], bool]:
    """Return a function that tells whether an earlier run finished a task, for `--resume`."""
    if not job.output.resume or out == STDOUT:
        return lambda _: False
    journal = Journal(out)
    return lambda task: journal.done(
        task.path, signature, task.targets.values(), _side_files(job, task)
    )


def _run_cuts(
    tasks: list[PhotoTask],
    job: CutJob,
    finish: Callable[[TaskOutcome[PhotoTask, CutResult]], None],
    report: Reporter,
) -> tuple[int, int]:
    """Cut on all cores and return how many photos are done and how many failed."""
    # Data from stdin cannot be sent to another process.
    piped = any(task.photo == STDIN for task in tasks)
    jobs = 1 if piped else count_workers(len(tasks), job.output.jobs)
    ahead = ReadAhead(job, tasks) if jobs == 1 and tasks and job.session.threads != 1 else None
    printed_notes: set[str] = set()
    done = 0
    with report.progress(len(tasks)) as advance:

        def each(outcome: TaskOutcome[PhotoTask, CutResult]) -> None:
            advance()
            finish(outcome)

        outcomes = run_tasks(
            tasks,
            partial(_make_cutter, job, ahead),
            jobs,
            job.session.threads,
            each,
            lambda task: str(task.path),
        )
        with closing(ahead) if ahead else nullcontext(), closing(outcomes):
            for outcome in outcomes:
                if outcome.result is None:
                    report.photo_failed(str(outcome.task.path), outcome.error or "failed")
                    continue
                _print_result(outcome.result, report, printed_notes)
                done += 1
    return done, len(tasks) - done


def _side_files(job: CutJob, task: PhotoTask) -> list[Path]:
    """List the files besides the photo that its results depend on."""
    return [path for path in job.side_inputs.for_photo(task.path) if path is not None]


def _print_result(cut: CutResult, report: Reporter, printed_notes: set[str]) -> None:
    """Print the line and notes of a photo; each note on a unit is printed once."""
    for note in cut.notes:
        report.note(note)
    if report.style == "lines" and cut.unit_note and cut.unit_note not in printed_notes:
        printed_notes.add(cut.unit_note)
        report.note(cut.unit_note)
    report.photo_done(cut.json_row)


def _make_cutter(job: CutJob, ahead: ReadAhead | None, threads: int | None) -> Any:
    """Load the networks in this process and return the function that cuts one photo."""
    if threads is not None:
        cv2.setNumThreads(threads)
    session = Session(replace(job.session, threads=threads))
    session.pipeline(job.pipeline_options)
    return partial(cut_photo, job, session, ahead or partial(open_photo_timed, job))


def cut_photo(
    job: CutJob,
    session: Session,
    open_photo: Callable[[PhotoTask], tuple[Photo, float]],
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
        Task -> (Photo, milliseconds of reading).
    task : PhotoTask
        The photo and the files to write.

    Raises
    ------
    InputError
        When the photo, or an input given with it, cannot be used.
    """
    photo, read_ms = open_photo(task)
    portrait = session.pipeline(job.pipeline_options)(photo)
    clock = Stopwatch({"read": read_ms} | portrait.timings)
    if job.picture_makers:
        clock("restore", lambda: portrait.alpha)
    if "depth_mm" in task.targets:
        clock("depth_mm", lambda: portrait.meters)  # fails before anything is written
    for name, target in task.targets.items():
        _write_result(job, portrait, name, target, clock)
    row = {
        "file": str(task.path),
        "status": "ok",
        "found": portrait.found,
        **size_fields(photo.shape),
        "timings": {stage: round(ms, 2) for stage, ms in clock.timings.items()},
        "provider": session.running.get("matte", "none"),
        "depth_source": portrait.measured.source,
        "depth": messages.describe_used_depth(portrait),
        "fusion": job.cut.fusion,
        "subject": job.cut.subject,
        "passes": 2 if portrait.full_fit else 1,
        "outputs": [str(target) for target in task.targets.values()],
    }
    return CutResult(
        row, list(messages.notes_on_photo(job, portrait)), messages.assumed_unit_note(job, portrait)
    )


def _write_result(
    job: CutJob, portrait: Portrait, name: str, target: Path, clock: Stopwatch
) -> None:
    """Write one result atomically; the photo's own file is refused."""
    meta, photo_file = portrait.photo.meta, portrait.photo.meta.path or ()
    if name == GDEPTH_RESULT:
        content = clock("write", encode_gdepth_jpeg, portrait)
        _write_content(content, target, photo_file, clock)
        return
    picture = clock(name, job.picture_makers[name], portrait)
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
