"""`depthmatte extract`: write embedded depth, matte and second view as pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...batch.output_names import plan_outputs
from ...batch.photo_task import PhotoTask
from ...batch.record import keeps_journal
from ...batch.workers.task_outcome import run_task
from ...errors import InputError
from ...evidence import DepthStatus, RawDepth
from ...io.files.find import STDIN, FoundPhoto, search_photos
from ...io.files.resume_journal import Journal
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import to_16bit, write
from ...photo import Photo
from ...system.printable_text import label
from ...system.standard_streams import binary_stdin
from ..output import Reporter, print_line

EXTRACTED_KINDS = ("depth", "matte", "left", "right")
"""Kinds in the middle of the result names of `extract`."""


def extract_photos(paths: Sequence[str | os.PathLike[str]], out: Path) -> bool:
    """Write embedded data of photos as upright pictures, and print what was written.

    Parameters
    ----------
    paths : sequence of path
        Photos, folders, patterns and `-`, as `search_photos` takes them.
    out : Path
        The folder of results. Subfolders are kept.

    Returns
    -------
    bool
        False when a photo holds no such data, or cannot be read or written. Each failure is
        one line on stderr, and the other photos are still processed.
    """
    report = Reporter()
    found = search_photos(paths, out, kinds=EXTRACTED_KINDS)
    for note in found.notes:
        report.note(note)
    results = dict.fromkeys(EXTRACTED_KINDS, ".png")
    made = plan_outputs(
        found.photos, out, results, protected=found.lookalikes, earlier_results=found.results
    )
    for refused in (*found.refused, *made.refused):
        report.error(str(refused.error))
    failed = len(found.refused) + len(made.refused)
    journal = Journal(out)
    keeps = keeps_journal(journal, made.tasks)
    with report.progress(len(made.tasks)) as advance:
        for task in made.tasks:
            outcome = run_task(_extract_photo, task, str(task.path))
            if outcome.result is None:
                failed += 1
                report.error(outcome.error or "")
            else:
                _print_written(outcome.result)
                if keeps:
                    journal.note(task.path, "extract", outcome.result)
            advance()
    return not failed


def _extract_photo(task: PhotoTask) -> dict[Path, str]:
    """Write the pictures of one photo and return file -> what it holds."""
    photo = _read_photo(task.photo)
    evidence, written = photo.evidence, {}
    if evidence.embedded_depth is not None:
        picture, meaning = _depth_picture(evidence.embedded_depth)
        written[write(picture, task.targets["depth"], forbid=task.path)] = meaning
    if evidence.matte is not None:
        place = write(evidence.matte, task.targets["matte"], forbid=task.path)
        written[place] = "portrait effects matte"
    if evidence.second_view is not None:
        view = evidence.second_view
        place = write(view.rgb, task.targets[view.side], photo.meta, forbid=task.path)
        written[place] = f"second view, from the {view.side}"
    if not written:
        raise InputError(
            f"{label(task.path)}: holds no depth, matte or second view; "
            "give the original file of the phone, not an edited or shared copy"
        )
    return written


def _print_written(written: Mapping[Path, str]) -> None:
    for place, meaning in written.items():
        print_line(f"{label(place)}: {meaning}")


def _read_photo(found: FoundPhoto) -> Photo:
    """Read a photo from its file or from standard input."""
    return read(binary_stdin(), "stdin") if found == STDIN else read(found.path)


def _depth_picture(stored: RawDepth) -> tuple[NDArray[np.uint16], str]:
    """Return depth as a 16-bit picture and the meaning of its values."""
    if not stored.metric:
        return to_16bit(stored.z), f"{stored.kind}, relative: 0 near, 65535 far"
    millimeters = np.rint(np.minimum(stored.z * 1000, 65_535)).astype(np.uint16)
    millimeters[stored.validity != DepthStatus.VALID] = 0
    return millimeters, f"{stored.kind}, millimeters, 0 where nothing was measured"
