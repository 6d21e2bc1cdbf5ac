"""`depthmatte cut`: find photos, plan where results go, cut them on all cores, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from ..cores import jobs_for
from ..effects import EFFECTS
from ..errors import InputError
from ..io.find import STDIN, search
from ..io.journal import Journal
from ..io.write import encode, write, write_bytes
from ..photo import Photo
from ..pipeline import Stopwatch
from ..portrait import Portrait
from ..session import Session
from . import notes
from .batch import run_all
from .extract import EXTRACTED
from .gdepth import gdepth
from .job import GDEPTH, Job
from .naming import STDOUT, Task, journal_of, plan
from .outcome import Outcome
from .pictures import MAPS, PICTURES
from .reading import ReadAhead, timed
from .report import Report, size
from .streams import stdout

KINDS = {*MAPS, *PICTURES, *EFFECTS, *EXTRACTED, GDEPTH}
"""What results are called in the middle of their names: files so named are no photos."""


@dataclass(frozen=True)
class Cut:
    """What there is to tell of one photo: the JSON row, and lines the user may not expect."""

    row: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    unit: str | None = None


def cut_all(paths: Sequence[str], job: Job, report: Report) -> int:
    """Cut every photo that `paths` name; the number of those that failed.

    Raises
    ------
    DepthmatteError
        For what stops all photos: options that do not go together, networks that cannot be used.
    """
    out = Path(job.output.out)
    found = search(paths, out, KINDS | job.results.keys())
    job.given.check(len(found.photos))
    for note in (*notes.before(job), *found.notes):
        report.note(note)
    signature = job.signature
    planned = plan(
        found.photos,
        out,
        job.results,
        job.output.name,
        job.output.exists,
        job.reads(),
        found.lookalikes,
        found.results,
        _earlier(job, out, signature),
    )
    refused = [*found.refused, *planned.refused]
    for one in refused:
        report.failed(one.path, str(one.error))
    for photo in planned.skipped:
        report.skipped(str(photo.path), "its results are there")
    journal = journal_of(planned.tasks, out, job.output.resume)

    def finish(outcome: Outcome[Task, Cut]) -> None:
        nonlocal journal
        if journal is None or outcome.result is None:
            return
        task = outcome.task
        try:
            journal.note(task.path, signature, task.targets.values(), _reads(job, task))
        except InputError as error:  # the results are whole, and the rest is still done
            report.note(f"{error}; --resume will not know of this run")
            journal = None

    done, failed = _run(planned.tasks, job, finish, report)
    failed += len(refused)
    report.summary(done, failed, len(planned.skipped))
    return failed


def _earlier(job: Job, out: Path, signature: str) -> Callable[[Task], bool]:
    """Whether an earlier run has done a task, where `--resume` asks for it."""
    if not job.output.resume or out == STDOUT:
        return lambda _: False
    journal = Journal(out)
    return lambda task: journal.done(task.path, signature, task.targets.values(), _reads(job, task))


def _run(
    tasks: list[Task], job: Job, finish: Callable[[Outcome[Task, Cut]], None], report: Report
) -> tuple[int, int]:
    """Cut on all cores; how many photos are done, and how many failed."""
    # What comes through stdin cannot travel to another process.
    piped = any(task.photo == STDIN for task in tasks)
    jobs = 1 if piped else jobs_for(len(tasks), job.output.jobs)
    ahead = ReadAhead(job, tasks) if jobs == 1 and tasks and job.session.threads != 1 else None
    said: set[str] = set()
    done = 0
    with report.progress(len(tasks)) as advance:

        def each(outcome: Outcome[Task, Cut]) -> None:
            advance()
            finish(outcome)

        outcomes = run_all(
            tasks,
            partial(_worker, job, ahead),
            jobs,
            job.session.threads,
            each,
            lambda task: str(task.path),
        )
        with closing(ahead) if ahead else nullcontext(), closing(outcomes):
            for outcome in outcomes:
                if outcome.result is None:
                    report.failed(str(outcome.task.path), outcome.error or "failed")
                    continue
                _tell(outcome.result, report, said)
                done += 1
    return done, len(tasks) - done


def _reads(job: Job, task: Task) -> list[Path]:
    """Files beside the photo that decide its results."""
    return [path for path in job.given.of(task.path) if path is not None]


def _tell(cut: Cut, report: Report, said: set[str]) -> None:
    """The photo's line; the unit of a folder's depth files is said once."""
    for note in cut.notes:
        report.note(note)
    if report.style == "lines" and cut.unit and cut.unit not in said:
        said.add(cut.unit)
        report.note(cut.unit)
    report.done(cut.row)


def _worker(job: Job, ahead: ReadAhead | None, threads: int | None) -> Any:
    """What cuts one photo in this process: its networks load here, or the whole run stops."""
    if threads is not None:
        cv2.setNumThreads(threads)
    session = Session(replace(job.session, threads=threads))
    session.pipeline(job.asked)
    return partial(cut_one, job, session, ahead or partial(timed, job))


def cut_one(
    job: Job, session: Session, reading: Callable[[Task], tuple[Photo, float]], task: Task
) -> Cut:
    """Cut one photo and write what was asked for; `reading` gives it, and the milliseconds.

    Raises
    ------
    InputError
        When the photo, or what was given beside it, cannot be used.
    """
    photo, spent = reading(task)
    portrait = session.pipeline(job.asked)(photo)
    clock = Stopwatch({"read": spent} | portrait.timings)
    if job.pictures:
        clock("restore", lambda: portrait.alpha)
    if "depth_mm" in task.targets:
        clock("depth_mm", lambda: portrait.metres)  # refused before anything is written
    for name, target in task.targets.items():
        _write(job, portrait, name, target, clock)
    row = {
        "file": str(task.path),
        "status": "ok",
        "found": portrait.found,
        **size(photo.shape),
        "timings": {stage: round(ms, 2) for stage, ms in clock.timings.items()},
        "provider": session.running.get("matte", "none"),
        "depth_source": portrait.measured.source,
        "depth": notes.describe(portrait),
        "fusion": job.cut.fusion,
        "subject": job.cut.subject,
        "passes": 2 if portrait.whole else 1,
        "outputs": [str(target) for target in task.targets.values()],
    }
    return Cut(row, list(notes.after(job, portrait)), notes.unit(job, portrait))


def _write(job: Job, portrait: Portrait, name: str, target: Path, clock: Stopwatch) -> None:
    """One result, whole or not at all; the photo's own file is never the place."""
    meta, own = portrait.photo.meta, portrait.photo.meta.path or ()
    if name == GDEPTH:
        content = clock("write", gdepth, portrait)
        _put(content, target, own, clock)
        return
    picture = clock(name, job.pictures[name], portrait)
    if target == STDOUT:
        _put(clock("write", encode, picture, job.results[name], meta), target, own, clock)
    else:
        clock("write", write, picture, target, meta, forbid=own)


def _put(content: bytes, target: Path, own: Any, clock: Stopwatch) -> None:
    if target != STDOUT:
        clock("write", write_bytes, content, target, forbid=own)
        return
    place = stdout()
    place.write(content)
    place.flush()
