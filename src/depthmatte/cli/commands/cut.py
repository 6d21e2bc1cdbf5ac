"""`depthmatte cut`: run a batch and print what becomes of each photo."""

from __future__ import annotations

from collections.abc import Sequence

from ...batch.cutting.file_results import FILE_RESULTS
from ...batch.cutting.job import CutJob
from ...batch.cutting.pictures import MAP_PICTURES, VIEW_PICTURES
from ...batch.run import Batch
from ...batch.watch import watch_photos
from ...effects import EFFECTS
from ...errors import OptionError
from ...system.stop_signals import hold_stop_signals
from ..downloads import fetch_networks
from ..output import Reporter
from .extract import EXTRACTED_KINDS

_RESULT_KINDS = {*MAP_PICTURES, *VIEW_PICTURES, *EFFECTS, *EXTRACTED_KINDS, *FILE_RESULTS}
"""Kinds in the middle of result names. Files with such names are not taken for photos."""


def cut_photos(paths: Sequence[str], job: CutJob, report: Reporter) -> int:
    """Cut all photos and report each one.

    Parameters
    ----------
    paths : sequence of str
        Photos, folders, patterns, manifests, URLs and `-`, as `find_inputs` takes them.
    job : CutJob
        Options, inputs and results.
    report : Reporter
        Prints results, errors and notes.

    Returns
    -------
    int
        Number of photos that failed, and of problems in manifests.

    Raises
    ------
    DepthmatteError
        When no photo can be cut: options contradict each other or a network cannot be used.
    """
    batch = Batch(
        paths, job, report, lambda names: fetch_networks(names, report), kinds=_RESULT_KINDS
    )
    if job.output.watch:
        if "-" in (*paths, job.output.out):
            raise OptionError("--watch: reads and writes folders; leave out -")
        report.note("watching; Ctrl-C ends")
        with hold_stop_signals(lambda: report.note("stopping after this photo")) as request:
            counts = watch_photos(batch, lambda: request.pending is not None)
    else:
        counts = batch.run()
    report.summary(counts.done, counts.failed, counts.skipped)
    return counts.failed
