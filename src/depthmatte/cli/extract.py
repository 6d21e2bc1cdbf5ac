"""`depthmatte extract`: the depth, matte and second view of a photo's file, written as pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..evidence import RawDepth, Reason
from ..io.find import STDIN, Found, search
from ..io.image import read
from ..io.write import to_16bit, write
from ..photo import Photo
from ..text import label
from .naming import Task, journal_of, plan
from .outcome import attempt
from .report import Report, say
from .streams import stdin

EXTRACTED = ("depth", "matte", "left", "right")
"""What results of `extract` are called in the middle of their names."""


def extract_all(paths: Sequence[str | os.PathLike[str]], out: Path) -> bool:
    """Write what photos hold into a folder, upright, and say what was written.

    Parameters
    ----------
    paths
        Photos, folders, patterns and `-`, as `io.find.search` takes them.
    out
        The folder of results; sub-folders are kept.

    Returns
    -------
    bool
        False where one of them failed: it holds nothing, or cannot be read or written. Each
        failure is one line on stderr, and the others are still done.
    """
    report = Report()
    found = search(paths, out, kinds=EXTRACTED)
    for note in found.notes:
        report.note(note)
    results = dict.fromkeys(EXTRACTED, ".png")
    made = plan(found.photos, out, results, keep=found.lookalikes, own=found.results)
    for refused in (*found.refused, *made.refused):
        report.error(str(refused.error))
    failed = len(found.refused) + len(made.refused)
    journal = journal_of(made.tasks, out)
    with report.progress(len(made.tasks)) as advance:
        for task in made.tasks:
            outcome = attempt(_extract, task, str(task.path))
            if outcome.result is None:
                failed += 1
                report.error(outcome.error or "")
            else:
                _tell(outcome.result)
                if journal is not None:
                    journal.note(task.path, "extract", outcome.result)
            advance()
    return not failed


def _extract(task: Task) -> dict[Path, str]:
    """Write the planes of one photo: file -> what it holds."""
    photo = _read(task.photo)
    evidence, written = photo.evidence, {}
    if evidence.stored is not None:
        picture, meaning = _picture(evidence.stored)
        written[write(picture, task.targets["depth"], forbid=task.path)] = meaning
    if evidence.matte is not None:
        place = write(evidence.matte, task.targets["matte"], forbid=task.path)
        written[place] = "portrait effects matte"
    if evidence.second is not None:
        view = evidence.second
        place = write(view.rgb, task.targets[view.side], photo.meta, forbid=task.path)
        written[place] = f"second view, from the {view.side}"
    if not written:
        raise InputError(
            f"{label(task.path)}: holds no depth, matte or second view; "
            "give the phone's original file, not one that was edited or sent"
        )
    return written


def _tell(written: Mapping[Path, str]) -> None:
    for place, meaning in written.items():
        say(f"{label(place)}: {meaning}")


def _read(found: Found) -> Photo:
    """The photo, from standard input where `-` stands for it."""
    return read(stdin(), "stdin") if found == STDIN else read(found.path)


def _picture(stored: RawDepth) -> tuple[NDArray[np.uint16], str]:
    """Depth as 16 bits, and what they mean."""
    if not stored.metric:
        return to_16bit(stored.z), f"{stored.kind}, relative: 0 near, 65535 far"
    millimeters = np.rint(np.minimum(stored.z * 1000, 65_535)).astype(np.uint16)
    millimeters[stored.validity != Reason.VALID] = 0
    return millimeters, f"{stored.kind}, millimeters, 0 where nothing was measured"
