"""One photo of a batch: where it is, what was given with it, and which files it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..io.files.find import FoundPhoto
from ..options import CutOptions

STDOUT = Path("-")
"""The output path that stands for standard output."""


@dataclass(frozen=True)
class ManifestRow:
    """One row of a manifest.

    Parameters
    ----------
    line : int
        Its line in the manifest, from 1.
    photo : FoundPhoto
        The photo.
    cut : CutOptions
        The options of the command line with those of the row in their place.
    depth, right, calib : Path, optional
        Depth file, second view and calibration of this photo.
    """

    line: int
    photo: FoundPhoto
    cut: CutOptions
    depth: Path | None = None
    right: Path | None = None
    calib: Path | None = None


@dataclass(frozen=True)
class PhotoTask:
    """One photo to cut.

    Parameters
    ----------
    photo : FoundPhoto
        Where it was found.
    index : int
        Its number, from 1.
    targets : mapping of str to Path
        Result -> file to write.
    row : ManifestRow, optional
        The row of the manifest that names it.
    """

    photo: FoundPhoto
    index: int
    targets: Mapping[str, Path]
    row: ManifestRow | None = None

    @property
    def line(self) -> int:
        """The line of its row in the manifest; 0 without one."""
        return self.row.line if self.row else 0

    @property
    def path(self) -> Path:
        """The path of the photo; `STDIN.path` stands for standard input."""
        return self.photo.path
