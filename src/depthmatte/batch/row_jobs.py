"""The job of each row of a manifest, with what is worked out from it once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..options import CutOptions
from .cutting.job import CutJob
from .photo_task import ManifestRow, PhotoTask

_MAX_KEPT = 1000
"""Hashes of options that are kept."""


class JobsOfRows:
    """The job of each row of a manifest.

    Parameters
    ----------
    job : CutJob
        The job of the command line.
    """

    def __init__(self, job: CutJob) -> None:
        self.job = job
        self._signatures: dict[CutOptions, str] = {}
        self._versions: dict[bool, dict[str, str]] = {}

    def __call__(self, row: ManifestRow | None) -> CutJob:
        """Return the job of a row."""
        return self.job.for_row(row)

    def signature(self, row: ManifestRow | None) -> str:
        """Return the hash of everything that the results of a row depend on."""
        cut = row.cut if row else self.job.cut
        if cut not in self._signatures:
            if len(self._signatures) > _MAX_KEPT:
                self._signatures.clear()
            self._signatures[cut] = self.job.row_signature(cut)
        return self._signatures[cut]

    def versions(self, row: ManifestRow | None) -> dict[str, str]:
        """Return the versions that the results of a row depend on."""
        job = self(row)
        if job.needs_depth not in self._versions:
            self._versions[job.needs_depth] = job.versions()
        return self._versions[job.needs_depth]

    def network_names(self, rows: Iterable[ManifestRow | None]) -> list[str]:
        """Return the networks that any row may load."""
        jobs = {row and row.cut: self(row) for row in rows}
        names = [name for job in jobs.values() for name in job.network_names()]
        return list(dict.fromkeys(names))

    def side_files(self, task: PhotoTask) -> list[Path]:
        """List the files besides the photo that its results depend on.

        Raises
        ------
        InputError
            When a folder holds no file, or several, for this photo.
        """
        sides = self(task.row).side_inputs
        return [path for path in sides.for_photo(task.path) if path is not None]
