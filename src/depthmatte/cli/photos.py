"""Cutting many photos: read ahead, cut, write, go on after a failure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..portrait import Portrait
from ..errors import InputError
from ..io.find import Found, find
from ..io.gdepth import embed
from ..io.image import read
from ..io.label import label
from ..io.replace import replacing
from ..io.write import write
from ..photo import Photo
from ..pipeline import Pipeline, Stopwatch
from . import notes
from .given import Given
from .order import GDEPTH, Order
from .report import Report


@dataclass(frozen=True)
class Task:
    """One photo to cut: where it is, and the path, without ending, of its results."""

    path: Path
    stem: Path


def cut_all(paths: Sequence[Path], order: Order, report: Report) -> int:
    """Cut every photo that `paths` name; the number of those that failed.

    Raises only what stops all of them: networks that cannot be used.
    """
    order.given.check(paths)
    pipeline = order.pipeline()
    for note in notes.before(order):
        report.note(note)
    found, failed = _search(paths, order.out, report)
    tasks, clashes = _tasks(found, order, report)
    failed += clashes
    done = 0
    said: set[str] = set()
    with report.progress(len(tasks)) as advance:
        for task, reading in _ahead(tasks, order.given):
            try:
                photo, timings = reading.result()
                portrait, result = _cut(task, photo, timings, order, pipeline)
                _tell(order, portrait, report, said)
                report.done(result)
                done += 1
            except InputError as error:
                report.failed(str(task.path), str(error))
                failed += 1
            advance()
    report.summary(done, failed)
    return failed


def _tell(order: Order, portrait: Portrait, report: Report, said: set[str]) -> None:
    """Notes about the depth of one photo; the unit of a folder's files is said once."""
    for note in notes.after(order, portrait):
        report.note(note)
    unit = notes.unit(order, portrait)
    if report.style == "lines" and unit and unit not in said:
        said.add(unit)
        report.note(unit)


def _search(paths: Sequence[Path], out: Path, report: Report) -> tuple[list[Found], int]:
    """All photos, each once, and how many of `paths` led nowhere."""
    found: dict[str, Found] = {}
    failed = 0
    for path in paths:
        refused: list[InputError] = []
        try:
            for photo in find([path], out, refused):
                found.setdefault(os.path.abspath(photo.path), photo)
        except InputError as error:
            refused.append(error)
        for problem in refused:
            report.failed(str(path), str(problem))
        failed += len(refused)
    return list(found.values()), failed


def _tasks(found: Sequence[Found], order: Order, report: Report) -> tuple[list[Task], int]:
    """Name every photo's results, and count the photos whose results cannot be named.

    Photos that differ only in their suffix keep it in the name. One whose results would
    still replace another's, or an input, is refused.
    """
    plain = [order.out / photo.folder / photo.path.stem for photo in found]
    shared = Counter(_key(stem) for stem in plain)
    taken = {_key(photo.path): photo.path for photo in found}
    tasks = []
    for photo, stem in zip(found, plain, strict=True):
        if shared[_key(stem)] > 1:
            stem = stem.with_name(photo.path.name)
        targets = {_key(target): target for target in order.targets(stem).values()}
        if clash := next((key for key in targets if key in taken), None):
            report.failed(
                str(photo.path),
                f"{label(photo.path)}: {label(targets[clash])} would replace "
                f"{label(taken[clash])} or its results; give another folder with -o",
            )
            continue
        taken |= dict.fromkeys(targets, photo.path)
        tasks.append(Task(photo.path, stem))
    return tasks, len(found) - len(tasks)


def _key(path: Path) -> str:
    """What two paths share when they name one file, also where upper case does not count."""
    return os.path.realpath(path).casefold()


def _ahead(
    tasks: Sequence[Task], given: Given
) -> Iterator[tuple[Task, Future[tuple[Photo, dict[str, float]]]]]:
    """Every task with its photo on the way: the next is decoded while this one is cut."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(_read, tasks[0], given) if tasks else None
        for task, following in zip(tasks, [*tasks[1:], None], strict=True):
            assert coming is not None
            current, coming = coming, reader.submit(_read, following, given) if following else None
            yield task, current


def _read(task: Task, given: Given) -> tuple[Photo, dict[str, float]]:
    """The photo with what was given beside it, and how long reading took."""
    clock = Stopwatch()
    return clock("read", lambda: given.beside(task.path, read(task.path))), clock.timings


def _cut(
    task: Task, photo: Photo, timings: dict[str, float], order: Order, pipeline: Pipeline
) -> tuple[Portrait, dict[str, Any]]:
    """Cut one photo and write what was ordered; the portrait and what there is to tell."""
    portrait = Portrait.adopt(pipeline(photo))
    clock = Stopwatch(timings | portrait.timings)
    clock("restore", lambda: portrait.alpha)
    targets = order.targets(task.stem)
    if "depth_mm" in targets:
        clock("depth_mm", lambda: portrait.metres)  # refused before anything is written
    if GDEPTH in targets:
        clock("write", write_gdepth, portrait, targets[GDEPTH], task.path)
    for name, target in targets.items():
        if name == GDEPTH:
            continue
        picture = clock(name, order.pictures[name], portrait)
        clock("write", write, picture, target, photo.meta, forbid=task.path)
    return portrait, {
        "file": str(task.path),
        "status": "ok",
        "found": portrait.found,
        "size": list(photo.shape),
        "timings": {stage: round(ms, 2) for stage, ms in clock.timings.items()},
        "provider": pipeline.provider,
        "depth_source": portrait.measured.source,
        "depth": notes.describe(portrait),
        "fusion": order.fusing,
        "subject": order.subject,
        "looks": 2 if portrait.whole else 1,
        "outputs": [str(target) for target in targets.values()],
    }


def write_gdepth(portrait: Portrait, target: Path, original: Path) -> None:
    """The photo as a JPEG that holds its depth; unmeasured parts count as farthest."""
    depth, fit = portrait.measured, portrait.depth_fit
    known = depth.known
    if not known.any():
        raise InputError(f"{label(original)}: there is no depth to store; use --depth-source mono")
    z = np.where(known, depth.z, depth.z[known].max())[fit.window]
    plane = np.ascontiguousarray(np.rot90(z, -1) if fit.turned else z)
    write(portrait.photo.rgb, target, portrait.photo.meta, forbid=original)
    with replacing(target) as draft:
        draft.write_bytes(embed(target.read_bytes(), plane, depth.metric))
