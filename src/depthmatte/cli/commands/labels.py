"""`depthmatte labels`: run exports and imports of labels, and report them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...io.files.find import STDIN, search_photos
from ...options import CutOptions, SessionOptions
from ...photo import Photo
from ...session import Session
from ...system.printable_text import label
from ...training.data.formats.export_labels import export_labels
from ...training.data.formats.import_labels import import_labels
from ...training.data.formats.new_folder import check_new_folder
from ...training.data.formats.options import LabelExport, LabelImport
from ...types import Float
from ..downloads import fetch_networks
from ..output import Reporter, print_line


def export_predictions(
    paths: Sequence[str],
    export: LabelExport,
    options: CutOptions,
    session: SessionOptions,
    quiet: bool,
) -> bool:
    """Predict the people in photos and write labels for a labeling tool.

    Parameters
    ----------
    paths : sequence of str
        Photos, folders and patterns, as `search_photos` takes them.
    export : LabelExport
        Format and folder.
    options : CutOptions
        How photos are turned, and whether small people get a second look.
    session : SessionOptions
        Network and device.
    quiet : bool
        Whether errors only are printed.

    Returns
    -------
    bool
        False when a photo was left out. Each is one line on stderr.

    Raises
    ------
    DepthmatteError
        When no photo can be used, the folder exists, or the network cannot be used.
    """
    report = Reporter("quiet" if quiet else "lines")
    check_new_folder(export.out)
    found = search_photos(paths, export.out)
    for note in found.notes:
        report.note(note)
    problems = [str(one.error) for one in found.refused]
    if STDIN in found.photos:
        raise InputError("-: labels need photos with names; give files")
    photos = [one.path for one in found.photos]
    if not photos:
        raise InputError(problems[0] if problems else f"{label(paths[0])}: holds no photos")
    fetch_networks([session.matte_network, *session.network], report)
    chosen = replace(options, fusion="none", depth_source="none", subject="all")
    pipeline = Session(session).pipeline(chosen)

    def predict(photo: Photo) -> Float:
        return np.asarray(pipeline(photo).alpha, np.float32)

    with report.progress(len(photos)) as advance:
        done = export_labels(photos, export, predict, advance)
    problems += done.problems
    for problem in problems:
        report.error(problem)
    if not quiet:
        print_line(f"{label(done.file)}: labels of {done.done} photos")
    return not problems


def import_corrections(file: Path, options: LabelImport, quiet: bool) -> bool:
    """Write photos and masks of a corrected label file, and print problems and notes.

    Returns
    -------
    bool
        False when a photo or label was left out. Each is one line on stderr.

    Raises
    ------
    InputError
        When the file or the folder cannot be used.
    """
    report = Reporter("quiet" if quiet else "lines")
    done = import_labels(file, options)
    for problem in done.problems:
        report.error(problem)
    for note in done.notes:
        report.note(note)
    if not quiet:
        people = done.done - done.empty
        print_line(
            f"{label(options.out)}: {people} photos with people, {done.empty} without; "
            f"train with: depthmatte train matte --data {label(options.out)}"
        )
    return not done.problems
