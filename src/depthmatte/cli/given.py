"""What the user gives beside the photos: depth files, second views, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..io.label import label
from ..io.pairs import attach
from ..photo import Photo


@dataclass(frozen=True)
class Given:
    """Files or folders; in a folder the file with the photo's stem is taken."""

    depth: Path | None = None
    right: Path | None = None
    calib: Path | None = None
    depth_scale: float | None = None

    def check(self, photos: Sequence[Path]) -> None:
        """InputError where one file would serve several photos, or none at all."""
        for option, value in (("--calib", self.calib), ("--depth-scale", self.depth_scale)):
            if value is not None and self.depth is None and self.right is None:
                raise InputError(f"{option} {value}: goes with --depth or --right; give one")
        for option, path in (("--depth", self.depth), ("--right", self.right)):
            if path is not None and not path.is_dir() and (len(photos) > 1 or photos[0].is_dir()):
                raise InputError(
                    f"{option} {label(path)}: one file for several photos; "
                    "give a folder with a file of each photo's name"
                )

    def beside(self, path: Path, photo: Photo) -> Photo:
        """The photo with what was given for it."""
        if self.depth is None and self.right is None:
            return photo
        return attach(
            photo,
            depth=_of(self.depth, path),
            right=_of(self.right, path),
            calib=_of(self.calib, path),
            depth_scale=self.depth_scale,
        )


def _of(given: Path | None, photo: Path) -> Path | None:
    """The file itself, or the one in a folder that bears the photo's name."""
    if given is None or not given.is_dir():
        return given
    stem = photo.stem.casefold()
    found = [
        path
        for path in sorted(given.iterdir())
        if path.is_file() and path.name.split(".")[0].casefold() == stem and path != photo
    ]
    if not found:
        raise InputError(
            f"{label(photo)}: no file of this name in {label(given)}; add one or cut it alone"
        )
    if len(found) > 1:
        raise InputError(
            f"{label(photo)}: {len(found)} files of this name in {label(given)}; keep one"
        )
    return found[0]
