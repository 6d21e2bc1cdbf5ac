"""Run a batch: find the photos, plan the results, cut on all cores or machines, keep the record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InputError, OptionError
from ..io.files.find import FoundPhoto
from ..io.files.object_storage import remote_url, restore_urls, store_file
from ..system.printable_text import label
from .contact_page import ContactPage
from .cutting.cut_photo import CutResult
from .cutting.job import CutJob
from .cutting.notes import notes_before_run
from .find_inputs import BatchInputs, find_inputs
from .listener import BatchListener
from .output_names import is_single_file, plan_outputs, result_folder
from .photo_task import STDOUT, ManifestRow, PhotoTask
from .record import BatchRecord, ResultsFile, keeps_journal
from .row_jobs import JobsOfRows
from .storage_states import StorageStates
from .task_runner import TaskRunner
from .workers.task_outcome import TaskOutcome

REPORT_NAME = "report.html"
"""Name of the contact sheet in the output folder."""


@dataclass
class BatchCounts:
    """How many photos were cut, failed and were skipped."""

    done: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass
class Batch:
    """One run of `depthmatte cut`.

    Parameters
    ----------
    paths : sequence of str
        Photos, folders, patterns, manifests and URLs, as `find_inputs` takes them, and `-`.
    job : CutJob
        Options, inputs and results.
    listener : BatchListener
        What is told.
    prepare : callable
        Called with the names of all networks before the first photo is cut.
    kinds : collection of str
        Kinds of results of other commands. Files named like them are no photos.
    should_stop : callable
        Asked after each photo. When it says yes, the others are left.
    """

    paths: Sequence[str]
    job: CutJob
    listener: BatchListener
    prepare: Callable[[Iterable[str]], None] = lambda names: None
    kinds: Collection[str] = ()
    should_stop: Callable[[], bool] = lambda: False
    counts: BatchCounts = field(default_factory=BatchCounts)

    def __post_init__(self) -> None:
        self.out = Path(self.job.output.out)
        if (remote_url(self.out) or "").startswith("file:///"):
            self.out = Path(str(remote_url(self.out)).removeprefix("file://"))
        self.states = StorageStates()
        self._printed_notes: set[str] = set()
        self._record: BatchRecord | None = None
        self._results: ResultsFile | None = None
        self._page: ContactPage | None = None
        self._order: list[tuple[str, int]] = []
        self._versions: dict[str, str] | None = None
        self._runner = TaskRunner(self.job)
        if self.job.output.report and (self.out == STDOUT or is_single_file(self.out)):
            raise OptionError("--report: goes into the folder of results; give a folder with -o")

    @property
    def record(self) -> BatchRecord:
        """The record in the output folder."""
        if self._record is None:
            folder = result_folder(self.out)
            assert folder is not None
            self._record = BatchRecord(folder, self.job.output.resume, self.states)
        return self._record

    def run(self) -> BatchCounts:
        """Cut all photos once.

        Returns
        -------
        BatchCounts
            How many were cut, failed and were skipped.

        Raises
        ------
        DepthmatteError
            When no photo can be cut: options contradict each other or a network cannot be used.
        """
        for note in notes_before_run(self.job):
            self.listener.note(note)
        self.cut(self.find())
        self.finish()
        return self.counts

    def find(self) -> BatchInputs:
        """Find the photos."""
        own: Collection[str] = ()
        if self.out != STDOUT and remote_url(self.out):
            own = {str(remote_url(path)) for path in self.record.journal.result_paths()}
        kinds = {*self.kinds, *self.job.result_suffixes}
        found = find_inputs(self.paths, self.out, kinds, self.job, self.states, own)
        if not found.has_manifest:
            self.job.side_inputs.check_photo_count(len(found.photos))
        return found

    def cut(self, found: BatchInputs) -> None:
        """Plan and cut these photos, and add them to the record."""
        listener, job = self.listener, self.job
        if found.problems:
            for problem in found.problems:
                listener.error(problem)
            self.counts.failed += len(found.problems)
            return
        for note in found.notes:
            listener.note(note)
        rows, jobs = found.rows, JobsOfRows(job)
        resume = job.output.resume and self.out != STDOUT

        def is_done(task: PhotoTask) -> bool:
            task = replace(task, row=rows[task.index - 1])
            return resume and self.record.journal.done(
                task.path, jobs.signature(task.row), task.targets.values(), jobs.side_files(task)
            )

        planned = plan_outputs(
            found.photos,
            self.out,
            job.result_suffixes,
            job.output.name,
            job.output.exists,
            [*job.input_paths(), *_row_inputs(rows)],
            found.lookalikes,
            found.results,
            is_done,
            self.states.exists,
        )
        tasks = [replace(task, row=rows[task.index - 1]) for task in planned.tasks]
        self._open_record(found, tasks)
        lines = {id(photo): row.line for photo, row in _with_rows(found)}
        self._order += [
            (restore_urls(str(photo.path)), lines.get(id(photo), 0)) for photo in found.photos
        ]
        for one in found.refused:
            self._fail(one.path, str(one.error), one.line)
        for one, photo in zip(planned.refused, planned.refused_photos, strict=True):
            self._fail(one.path, str(one.error), lines.get(id(photo), 0))
        for photo in planned.skipped:
            self._skip(photo, lines.get(id(photo), 0))
        if tasks:
            self.prepare(jobs.network_names(rows))
        self._cut_tasks(tasks, jobs)

    def finish(self) -> None:
        """Sort the table of results and write the contact sheet."""
        if self._results is not None:
            self._results.sort(self._order)
        if self._page is not None and self._results is not None:
            path = self.record.place / REPORT_NAME
            self._page.write(path, self._results.rows(), self.record.folder)
            url = remote_url(self.record.folder)
            if url is not None:
                store_file(path, f"{url}/{REPORT_NAME}")
        if self._record is not None:
            self._record.store(now=True)

    def _open_record(self, found: BatchInputs, tasks: Sequence[PhotoTask]) -> None:
        """Open table and journal where this run keeps them: for several photos or when asked."""
        output = self.job.output
        if self.out == STDOUT or self._results is not None:
            return
        several = len(found.photos) + len(found.refused) > 1 or found.has_manifest
        if several or output.resume or output.watch or output.report:
            self._results = self.record.open_results(output.resume or output.exists == "skip")
        if output.report and self._page is None:
            self._page = ContactPage()

    def _fail(self, path: str, problem: str, line: int = 0) -> None:
        self.counts.failed += 1
        file, problem = restore_urls(path), restore_urls(problem)
        self.listener.photo_failed(file, problem)
        self._order.append((file, line))
        self._add_row({"file": file, "status": "error", "error": label(problem)}, line)

    def _skip(self, photo: FoundPhoto, line: int) -> None:
        self.counts.skipped += 1
        file, why = restore_urls(str(photo.path)), "its results exist"
        self.listener.photo_skipped(file, why)
        if self._results is not None and not self._results.has(file, line):
            self._add_row({"file": file, "status": "skipped", "why": why}, line)

    def _add_row(self, row: Mapping[str, Any], line: int, versions: Any = None) -> None:
        if self._results is None:
            return
        more: dict[str, Any] = {"line": line} if line else {}
        if self._versions is None:
            self._versions = self.job.versions()
        more["versions"] = versions or self._versions
        more["finished"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._results.add({**row, **more})

    def _cut_tasks(self, tasks: list[PhotoTask], jobs: JobsOfRows) -> None:
        """Cut on all cores or machines, report in order, and record each photo at once."""
        keep = self.out != STDOUT and keeps_journal(
            self.record.journal, tasks, self._results is not None
        )

        def finish(outcome: TaskOutcome[PhotoTask, CutResult]) -> None:
            nonlocal keep
            task, cut = outcome.task, outcome.result
            if cut is None:
                return
            for url, size in cut.stored.items():
                self.states.add(url, size)
            self._add_row(
                cut.json_row | {"outputs": self._output_names(cut)},
                task.line,
                jobs.versions(task.row),
            )
            if self._page is not None:
                self._page.keep_thumbnail(cut.json_row["file"], task.line, cut.thumbnail)
            if not keep:
                return
            try:
                self.record.journal.note(
                    task.path,
                    jobs.signature(task.row),
                    cut.written,
                    jobs.side_files(task),
                    [path for path in task.targets.values() if path not in cut.written],
                )
                self.record.store()
            except InputError as error:  # the results are complete, so the run goes on
                self.listener.note(f"{error}; --resume will not recognize this run")
                keep = False

        with self.listener.progress(len(tasks)) as advance:

            def each(outcome: TaskOutcome[PhotoTask, CutResult]) -> None:
                advance()
                finish(outcome)

            outcomes = self._runner.outcomes(tasks, each)
            for outcome in outcomes:
                if outcome.result is None:
                    task = outcome.task
                    self._fail(str(task.path), outcome.error or "failed", task.line)
                else:
                    self._print_result(outcome.result)
                    self.counts.done += 1
                if self.should_stop():
                    outcomes.close()
                    break

    def _output_names(self, cut: CutResult) -> list[str]:
        """Return the results of a photo relative to the output folder."""
        top = remote_url(self.record.folder)
        if top is not None:
            return [str(name).removeprefix(f"{top}/") for name in cut.json_row["outputs"]]
        names = []
        for name in cut.json_row["outputs"]:
            path = Path(name)
            inside = path.is_relative_to(self.record.folder)
            names.append((path.relative_to(self.record.folder) if inside else path).as_posix())
        return names

    def _print_result(self, cut: CutResult) -> None:
        """Tell the row and notes of a photo; each note on a unit is told once."""
        for note in cut.notes:
            self.listener.note(restore_urls(note))
        if cut.unit_note and cut.unit_note not in self._printed_notes:
            self._printed_notes.add(cut.unit_note)
            if not self.job.output.json and not self.job.output.quiet:
                self.listener.note(cut.unit_note)
        self.listener.photo_done(cut.json_row)


def _with_rows(found: BatchInputs) -> Iterable[tuple[FoundPhoto, ManifestRow]]:
    return (
        (photo, row) for photo, row in zip(found.photos, found.rows, strict=True) if row is not None
    )


def _row_inputs(rows: Iterable[ManifestRow | None]) -> Iterable[Path]:
    for row in rows:
        if row is not None:
            yield from (one for one in (row.depth, row.right, row.calib) if one is not None)
