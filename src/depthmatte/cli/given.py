"""What the user gives beside the photos: depth files, second views, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, OptionError
from ..io.label import label


@dataclass(frozen=True)
class Given:
    """Files or folders; in a folder the file with the photo's stem is taken."""

    depth: Path | None = None
    right: Path | None = None
    calib: Path | None = None

    def check(self, photos: int) -> None:
        """OptionError where one file would serve several `photos`, or none at all."""
        if self.calib is not None and self.depth is None and self.right is None:
            raise OptionError(
                f"--calib {label(self.calib)}: goes with --depth or --right; give one"
            )
        for option, path in (("--depth", self.depth), ("--right", self.right)):
            if path is not None and not path.is_dir() and photos > 1:
                raise OptionError(
                    f"{option} {label(path)}: one file for several photos; "
                    "give a folder with a file of each photo's name"
                )

    def of(self, photo: Path) -> tuple[Path | None, Path | None, Path | None]:
        """The depth file, second view and calibration of one photo; InputError for one missing."""
        return _of(self.depth, photo), _of(self.right, photo), _of(self.calib, photo)


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
