"""Where a network comes from: hashes of its data sets, their licenses, the trainer's commit."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import InputError
from ...networks.registry import NETWORKS
from ...system.printable_text import describe_os_error, label

_UNSTATED = "not stated"

_LICENSES: Mapping[str, str] = {
    "picsart": _UNSTATED,
    "ccp": "Apache-2.0 file; the photos are from the web",
    "flickr": "Apache-2.0 file; the photos are from Flickr, for research",
    "vikram": _UNSTATED,
    "pennfudan": _UNSTATED,
    "idphoto": _UNSTATED,
    "npm_photos": "MIT packages",
    "cutouts": _UNSTATED,
    "cutouts_soft": "MIT file",
    "backgrounds": "mixed: MIT packages, Debian packages, not stated",
    "objects": "mixed: MIT packages, Debian packages, not stated",
}
"""Data set -> its license as stated at the source. networks/LICENSES.md has the sources."""

_GIT_SECONDS = 10.0

_PLACES = ("data", "out", "labels", "backgrounds", "not_in")
"""Options of a recipe that are folders of one machine. Their hashes stand in their place."""


def hash_data_sets(
    data: Path, labels: Path | None = None, only: Collection[str] = ()
) -> dict[str, str]:
    """Hash the training files of every data set.

    The hash is the SHA-256 over the files in the order of their relative names: name, size and
    content of each. It does not depend on dates or on the place of the folder.

    Parameters
    ----------
    data : Path
        The data folder. Sets are `people/SET`, `backgrounds`, `cutouts`, `cutouts_soft` and
        `objects`. A folder of another layout is one set. Folders named `eval` and hidden files are
        left out.
    labels : Path, optional
        The labels of a teacher, or maps. They are the set "labels".
    only : collection of str
        Hash these sets alone. By default all.

    Returns
    -------
    dict of str to str
        Name of the set -> SHA-256 in hex. Sets without files are left out.

    Raises
    ------
    InputError
        When a file cannot be read.
    """
    sets = {name: folder for name, folder in _list_sets(data) if not only or name in only}
    if labels is not None:
        sets["labels"] = labels
    hashes = {name: _hash_folder(folder) for name, folder in sorted(sets.items())}
    return {name: found for name, found in hashes.items() if found}


def data_licenses(sets: Iterable[str]) -> dict[str, str]:
    """Return the license of each known data set, as its source states it.

    Sets that this project does not know, such as your own, are left out.
    """
    return {name: _LICENSES[name] for name in sets if name in _LICENSES}


def trainer_version() -> str:
    """Return what made a file: the git commit of the trainer, else the package's version.

    Returns
    -------
    str
        "commit HEX", with "-dirty" where files are changed, or "depthmatte VERSION" for a
        package that was installed.
    """
    here = Path(__file__)
    # An installed package can lie inside another project's repository: git must know this file.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is not None:
        described = _git(here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--match=")
        if described:
            return f"commit {described}"
    return f"depthmatte {__version__}"


def portable_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a recipe as JSON, without the folders of one machine.

    `start` stays where it is the name of a shipped network.
    """
    kept = {name: value for name, value in recipe.items() if name not in _PLACES}
    if kept.get("start") is not None and kept["start"] not in NETWORKS:
        kept["start"] = "(an earlier run)"
    return kept


def _list_sets(data: Path) -> Iterator[tuple[str, Path]]:
    """(name, folder) of every set of the data folder."""
    found = [data / name for name in ("backgrounds", "cutouts", "cutouts_soft", "objects")]
    found = [folder for folder in [*found, *sorted(data.glob("people/*"))] if folder.is_dir()]
    for folder in found or [data.resolve()]:
        yield folder.name, folder


def _hash_folder(folder: Path) -> str:
    """The SHA-256 over names, sizes and contents of the files in a folder; "" without files."""
    total = hashlib.sha256()
    files = sorted(_list_training_files(folder), key=lambda one: one.relative_to(folder).parts)
    for path in files:
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256")
                size = os.fstat(stream.fileno()).st_size
        except OSError as error:
            raise InputError(
                f"{label(path)}: {describe_os_error(error)}; check its permissions"
            ) from error
        total.update(b"%d %s %d %s\n" % (len(name), name, size, digest.hexdigest().encode()))
    return total.hexdigest() if files else ""


def _list_training_files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "eval" and not name.startswith(".")]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _git(folder: Path, *words: str) -> str | None:
    """What git prints in a folder; None where it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
