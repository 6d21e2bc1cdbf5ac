"""Photos named by the user: files as they are, folders searched, patterns expanded."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...system.text import describe_os_error, label
from . import glob_patterns
from .file_types import (
    PHOTO_SUFFIXES,
    UnsupportedType,
    classify_file,
    looks_like_photo,
    lower_suffix,
    read_first_bytes,
)
from .resume_journal import JOURNAL_NAME as JOURNAL
from .resume_journal import Journal

__all__ = [
    "PHOTO_SUFFIXES",
    "STDIN",
    "FoundPhoto",
    "RefusedPath",
    "SearchResult",
    "find_photos",
    "search_photos",
]


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How a web address begins; a drive's name is one letter."""


class FoundPhoto(NamedTuple):
    """One photo: its path, and the folder below the one searched (`.` at its top)."""

    path: Path
    folder: Path


STDIN = FoundPhoto(Path("-"), Path())
"""The photo that `-` stands for: standard input. A file of this name is found as ./- is, by its
absolute path.
"""


class RefusedPath(NamedTuple):
    """A path that leads nowhere, as the user gave it or as it was found, and why."""

    path: str
    error: InputError


@dataclass
class SearchResult:
    """All that a search came across.

    `photos` are in order and each once. `refused` are the paths that lead nowhere. `notes`
    are lines about files that were passed over and may be missed. `results` are files that a
    journal names as depthmatte's own and that are still as they were written. `lookalikes`
    are named like results beside their photo, but no journal knows them: they are neither
    taken for photos nor may they be overwritten.
    """

    photos: list[FoundPhoto] = field(default_factory=list)
    refused: list[RefusedPath] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: set[str] = field(default_factory=set)
    lookalikes: list[Path] = field(default_factory=list)


def find_photos(
    paths: Iterable[str | os.PathLike[str]],
    skip_folder: str | os.PathLike[str] | None = None,
    refused: list[InputError] | None = None,
) -> list[FoundPhoto]:
    """All photos that `paths` name, each once, in a fixed order; see `search`.

    Raises
    ------
    InputError
        For the first path that leads nowhere. With a list `refused` such errors are added
        to it instead and the rest is still found.
    """
    found = search_photos(paths, skip_folder)
    errors = [one.error for one in found.refused]
    if refused is not None:
        refused += errors
    elif errors:
        raise errors[0]
    return found.photos


def search_photos(
    paths: Iterable[str | os.PathLike[str]],
    skip_folder: str | os.PathLike[str] | None = None,
    kinds: Collection[str] = (),
    results: bool = False,
) -> SearchResult:
    """All photos that `paths` name: files, folders, patterns and `-` (standard input).

    Paths keep the order given. Inside a folder the photos come sorted by name, sub-folders
    after the files beside them. Hidden files and folders are passed over and links to
    folders are not followed. Patterns (`*`, `?`, `[...]`, `**`) are expanded where no file
    bears the name itself. In folders and patterns, files without a known suffix count as
    photos where their first bytes say so; pipes, sockets and devices never do.

    Parameters
    ----------
    paths
        What the user typed. An empty text is refused, it does not mean the current folder.
    skip
        A folder never searched below another, so that results written beside the photos are
        not taken for photos in the next run; the folder of results. What its journal names
        counts among `results`.
    kinds
        What results are called in the middle of their names, such as "cutout": STEM.cutout.png
        beside a photo STEM is then no photo.
    results
        Own results count as photos too.

    Returns
    -------
    Search
        One path that leads nowhere never keeps the others from being found.
    """
    skipped = None if skip_folder is None else os.path.realpath(skip_folder)
    looking = _Searcher(skipped, frozenset(kinds), results)
    for path in paths:
        try:
            looking.at(os.fspath(path))
        except InputError as error:
            looking.found.refused.append(RefusedPath(os.fspath(path), error))
    return looking.finish()


class _Searcher:
    """A search under way."""

    def __init__(self, skipped: str | None, kinds: frozenset[str], results: bool) -> None:
        self.skipped, self.kinds, self.results = skipped, kinds, results
        self.found = SearchResult()
        self.photos: dict[str, FoundPhoto] = {}
        self.named: list[Path] = []
        self.unread: dict[UnsupportedType, Counter[str]] = {}
        self.odd = 0

    def at(self, path: str) -> None:
        """Everything that one path of the user names."""
        if path == "-":
            self.photos.setdefault("-", STDIN)
        elif not path.strip():
            raise InputError(f"'{label(path)}': is no path; name a photo or a folder")
        elif (mode := _mode(path)) is None:
            self._pattern(path)
        elif stat.S_ISDIR(mode):
            self._folder(Path(path))
        else:
            self._file(path, mode)

    def _file(self, path: str, mode: int) -> None:
        """A file that the user named: tried whatever it is called."""
        if not stat.S_ISREG(mode):
            raise InputError(
                f"{label(path)}: is {_special_file_name(mode)}, not a file; "
                "give a photo, or - for standard input"
            )
        kind = classify_file(path)
        if isinstance(kind, UnsupportedType) and not looks_like_photo(read_first_bytes(path)):
            raise InputError(f"{label(path)}: is a {kind.name} file; {kind.remedy}")
        place = Path(path)
        place = Path.cwd() / place if place == STDIN.path else place
        self.named.append(place)
        self._add(FoundPhoto(place, Path()))

    def _folder(self, top: Path) -> None:
        before, closed = self._seen(), len(self.found.refused)
        self._take((path, path.parent.relative_to(top)) for path in self._walk(top))
        if self._seen() == before and len(self.found.refused) == closed:
            raise InputError(
                f"{label(top)}: the folder holds no photos; give one that has .jpg, .png, .heic, "
                ".webp or .tif files, or name the files themselves"
            )

    def _pattern(self, text: str) -> None:
        if _ADDRESS.match(text) or not glob_patterns.is_glob_pattern(text):
            raise _missing(text)
        base, matched = glob_patterns.expand_pattern(text)
        before, closed = self._seen(), len(self.found.refused)
        files: list[tuple[Path, Path]] = []
        for path in matched:
            if self._within_skipped(path) and not self._within_skipped(base):
                continue
            if path.is_dir():
                files += [(one, _below(one, base)) for one in self._walk(path)]
            else:
                files.append((path, _below(path, base)))
        self._take(files)
        if self._seen() == before and len(self.found.refused) == closed:
            why = "nothing there is a photo" if files else "nothing matches the pattern"
            raise InputError(f"{label(text)}: {why}; check it")

    def _within_skipped(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return self.skipped is not None and (real + os.sep).startswith(self.skipped + os.sep)

    def _seen(self) -> int:
        """Grows with everything that counts: photos and own results."""
        return len(self.photos) + len(self.found.results) + len(self.found.lookalikes)

    def _walk(self, top: Path) -> Iterator[Path]:
        def closed(error: OSError) -> None:
            self.found.refused.append(RefusedPath(str(error.filename), _closed(error)))

        for root, folders, files in os.walk(top, onerror=closed):
            folders[:] = sorted(name for name in folders if self._open(root, name))
            yield from (Path(root, name) for name in sorted(files) if not name.startswith("."))

    def _open(self, root: str, name: str) -> bool:
        hidden = name.startswith(".")
        return not hidden and os.path.realpath(os.path.join(root, name)) != self.skipped

    def _take(self, files: Iterable[tuple[Path, Path]]) -> None:
        """Those of the files that are photos and not own results."""
        photos = []
        for path, folder in files:
            try:
                kind = self._kind(path)
            except InputError as error:
                self.found.refused.append(RefusedPath(str(path), error))
                continue
            if isinstance(kind, UnsupportedType):
                self.unread.setdefault(kind, Counter())[path.suffix] += 1
            elif kind == "photo":
                photos.append(FoundPhoto(path, folder))
        own = {} if self.results else _own(found.path for found in photos)
        beside = {(found.path.parent, name) for found in photos for name in _names(found.path)}
        for found in photos:
            if os.path.realpath(found.path) in own:
                self.found.results.add(os.path.realpath(found.path))
            elif any((found.path.parent, name) in beside for name in self._made_of(found.path)):
                self.found.lookalikes.append(found.path)
            else:
                self._add(found)

    def _kind(self, path: Path) -> UnsupportedType | str:
        """What a file in a folder is; a link that leads nowhere is told of when it is read."""
        mode, named = _mode(path), lower_suffix(path) in PHOTO_SUFFIXES
        if mode is None:
            return "photo" if named else "other"
        if not stat.S_ISREG(mode):
            self.odd += named
            return "other"
        return classify_file(path)

    def _made_of(self, path: Path) -> Iterator[str]:
        """Names whose results would be called like this path: a.cutout.png is of "a"."""
        stem, dot, kind = path.stem.rpartition(".")
        if dot and re.sub(r"-\d+$", "", kind) in self.kinds:
            yield stem

    def _add(self, found: FoundPhoto) -> None:
        self.photos.setdefault(os.path.abspath(found.path), found)

    def finish(self) -> SearchResult:
        """What was found, with a note for each kind of file that was passed over."""
        self._drop_named_results()
        for kind, suffixes in self.unread.items():
            count = sum(suffixes.values())
            names = " ".join(label(suffix) for suffix in sorted(suffixes))
            self.found.notes.append(
                f"{count} {'file' if count == 1 else 'files'} skipped: {names} {kind.name}; "
                f"{kind.remedy}"
            )
        if self.odd:
            names = "1 name" if self.odd == 1 else f"{self.odd} names"
            self.found.notes.append(f"skipped: {names} of pipes, sockets or devices")
        if self.skipped is not None:
            self.found.results |= set(Journal(Path(self.skipped)).results())
        self.found.photos = list(self.photos.values())
        return self.found

    def _drop_named_results(self) -> None:
        """A shell's `d/*.png` names own results beside their photos; these are no photos."""
        own = {} if self.results else _own(self.named)
        real = {os.path.realpath(found.path): key for key, found in self.photos.items()}
        results = [path for path, source in own.items() if path in real and source in real]
        for path in results:
            del self.photos[real[path]]
            self.found.results.add(path)
        if results:
            what = (
                "1 file is a result" if len(results) == 1 else f"{len(results)} files are results"
            )
            self.found.notes.append(f"skipped: {what} of an earlier run")


def _own(paths: Iterable[Path]) -> dict[str, str]:
    """What the journals beside these files and above them name: real path -> its source's."""
    folders = {path.parent for path in paths}
    above = {top for folder in folders for top in (folder.absolute(), *folder.absolute().parents)}
    own: dict[str, str] = {}
    for top in above:
        if (top / JOURNAL).is_file():
            own |= Journal(top).results()
    return own


def _below(path: Path, top: Path) -> Path:
    """The folder of a path, relative to `top`; `.` where the way leads up."""
    folder = path.parent.relative_to(top)
    return Path() if ".." in folder.parts else folder


def _names(path: Path) -> tuple[str, str]:
    return path.stem, path.name


def _mode(path: str | os.PathLike[str]) -> int | None:
    """What is there; None for nothing. InputError where that cannot be found out."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        if glob_patterns.is_glob_pattern(os.fspath(path)) or _ADDRESS.match(os.fspath(path)):
            return None  # Windows refuses * in names, and addresses may be too long for one
        raise InputError(
            f"{label(path)}: cannot be found ({describe_os_error(error)}); check the path"
        ) from error


def _special_file_name(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _missing(path: str) -> InputError:
    if _ADDRESS.match(path):
        return InputError(f"{label(path)}: is a web address; download it first")
    if "\0" in path:
        return InputError(f"{label(path)}: cannot be found (not a path); check the path")
    return InputError(f"{label(path)}: cannot be found (no such file or directory); check the path")


def _closed(error: OSError) -> InputError:
    return InputError(
        f"{label(error.filename)}: the folder cannot be opened ({describe_os_error(error)}); "
        "check its permissions"
    )
