"""Choose where the photos of a batch are cut: here, in worker processes, or on Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from functools import partial

from ..io.files.find import STDIN
from ..io.files.object_storage import remote_url, restore_urls
from ..system.cpu_count import count_workers
from .cutting.cut_photo import CutResult, make_cutter
from .cutting.job import CutJob
from .cutting.read_ahead import ReadAhead
from .photo_task import PhotoTask
from .workers.run_tasks import run_tasks
from .workers.task_outcome import TaskOutcome

_FEW_TASKS = 8
"""While watching, fewer photos than this are cut in this process."""

_Outcome = TaskOutcome[PhotoTask, CutResult]


class TaskRunner:
    """Cuts the photos of a batch on all cores or machines.

    Parameters
    ----------
    job : CutJob
        Options, and where to cut.
    """

    def __init__(self, job: CutJob) -> None:
        self._job = job
        self._cutter: Callable[[PhotoTask], CutResult] | None = None

    def outcomes(
        self, tasks: list[PhotoTask], each: Callable[[_Outcome], None]
    ) -> Generator[_Outcome, None, None]:
        """Yield the outcome of each task in order; `each` has it as soon as it is there."""
        # Data from stdin, and storage in memory, cannot be sent to another process.
        bound = any(map(_is_bound_to_process, tasks))
        run = self._on_ray if self._job.output.ray and not bound else self._on_this_machine
        with closing(run(tasks, each, bound)) as found:
            yield from found

    def _on_ray(
        self, tasks: list[PhotoTask], each: Callable[[_Outcome], None], _: bool
    ) -> Generator[_Outcome, None, None]:
        from .workers.ray_tasks import run_tasks_on_ray

        job = self._job
        return run_tasks_on_ray(
            tasks,
            partial(make_cutter, job, None),
            job.output.ray or "local",
            job.output.jobs,
            job.session.threads,
            job.session.device,
            each,
            _task_name,
        )

    def _on_this_machine(
        self, tasks: list[PhotoTask], each: Callable[[_Outcome], None], bound: bool
    ) -> Generator[_Outcome, None, None]:
        job = self._job
        few = job.output.watch and len(tasks) < _FEW_TASKS
        jobs = 1 if bound or few else count_workers(len(tasks), job.output.jobs)
        alone = jobs == 1 and bool(tasks) and not job.output.watch
        ahead = ReadAhead(job, tasks) if alone and job.session.threads != 1 else None
        make = self._keep_cutter if few else partial(make_cutter, job, ahead)
        outcomes = run_tasks(tasks, make, jobs, job.session.threads, each, _task_name)
        with closing(ahead) if ahead else nullcontext(), closing(outcomes):
            yield from outcomes

    def _keep_cutter(self, threads: int | None) -> Callable[[PhotoTask], CutResult]:
        """Return the cutter of this process, whose networks stay loaded while it watches."""
        if self._cutter is None:
            self._cutter = make_cutter(self._job, None, threads)
        return self._cutter


def _task_name(task: PhotoTask) -> str:
    return restore_urls(str(task.path))


def _is_bound_to_process(task: PhotoTask) -> bool:
    places = (task.path, *task.targets.values())
    return task.photo == STDIN or any((remote_url(one) or "")[:7] == "memory:" for one in places)
