"""Find the photos that the user names by files, folders and patterns."""

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
from ...system.printable_text import describe_os_error, label
from . import glob_patterns
from .file_types import (
    PHOTO_SUFFIXES,
    UnsupportedType,
    classify_file,
    looks_like_photo,
    lower_suffix,
    read_first_bytes,
)
from .resume_journal import JOURNAL_NAME, Journal

__all__ = [
    "PHOTO_SUFFIXES",
    "STDIN",
    "FoundPhoto",
    "RefusedPath",
    "SearchResult",
    "find_photos",
    "search_photos",
]

_URL_START = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""Start of a web address; one letter would be a drive."""


class FoundPhoto(NamedTuple):
    """One photo.

    Attributes
    ----------
    path : Path
        The file.
    folder : Path
        Its folder relative to the folder that was searched, `.` at the top.
    """

    path: Path
    folder: Path


STDIN = FoundPhoto(Path("-"), Path())
"""Standard input, written as `-`. A file with this name is found as ./- by its absolute path."""


class RefusedPath(NamedTuple):
    """A path that cannot be used.

    Attributes
    ----------
    path : str
        As the user gave it, or as it was found.
    error : InputError
        The reason.
    line : int
        Its line in a manifest; 0 when no manifest names it.
    """

    path: str
    error: InputError
    line: int = 0


@dataclass
class SearchResult:
    """The result of a search for photos.

    Attributes
    ----------
    photos : list of FoundPhoto
        In order, each once.
    refused : list of RefusedPath
        Paths that cannot be used.
    notes : list of str
        Lines about skipped files that the user may miss.
    results : set of str
        Real paths of results of depthmatte: a journal names them, and they are unchanged.
    lookalikes : list of Path
        Files named like a result next to their photo, but in no journal. They do not count as
        photos and must not be overwritten.
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
    """Find all photos that paths name, each once, in a fixed order.

    Parameters
    ----------
    paths : iterable of paths
        As for `search_photos`.
    skip_folder : path, optional
        As for `search_photos`.
    refused : list, optional
        Errors are appended to this list, and the search goes on.

    Returns
    -------
    list of FoundPhoto

    Raises
    ------
    InputError
        For the first path that cannot be used, without the list `refused`.
    """
    found = search_photos(paths, skip_folder)
    errors = [each.error for each in found.refused]
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
    """Find all photos that paths name: files, folders, patterns and `-` (standard input).

    Paths keep their order. Photos in a folder are sorted by name, and subfolders come after
    files. Hidden files and folders are skipped, and links to folders are not followed. Patterns
    (`*`, `?`, `[...]`, `**`) are expanded unless a file has this very name. In folders and
    patterns, files without a known suffix are recognized by their first bytes. Pipes, sockets
    and devices are skipped there.

    Parameters
    ----------
    paths : iterable of paths
        As the user typed them. An empty text is refused.
    skip_folder : path, optional
        The output folder. It is not searched when it lies below another folder, so that results
        are not taken for photos in the next run. Files in its journal are added to `results`.
    kinds : collection of str
        Kinds of results, such as "cutout": STEM.cutout.png next to a photo STEM is no photo.
    results : bool
        Whether results of depthmatte count as photos too.

    Returns
    -------
    SearchResult
        A path that cannot be used does not stop the search.
    """
    skipped = None if skip_folder is None else os.path.realpath(skip_folder)
    searcher = _Searcher(skipped, frozenset(kinds), results)
    for path in paths:
        try:
            searcher.search(os.fspath(path))
        except InputError as error:
            searcher.found.refused.append(RefusedPath(os.fspath(path), error))
    return searcher.finish()


class _Searcher:
    """A search in progress."""

    def __init__(self, skipped: str | None, kinds: frozenset[str], results: bool) -> None:
        self.skipped, self.kinds, self.results = skipped, kinds, results
        self.found = SearchResult()
        self.photos: dict[str, FoundPhoto] = {}
        self.named: list[Path] = []
        self.unsupported: dict[UnsupportedType, Counter[str]] = {}
        self.special_files = 0

    def search(self, path: str) -> None:
        """Find everything that one path of the user names."""
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
        """Add a file that the user named, whatever its suffix."""
        if not stat.S_ISREG(mode):
            raise InputError(
                f"{label(path)}: is {_special_file_name(mode)}, not a file; "
                "give a photo, or - for standard input"
            )
        kind = classify_file(path)
        if isinstance(kind, UnsupportedType) and not looks_like_photo(read_first_bytes(path)):
            raise InputError(f"{label(path)}: is a {kind.name} file; {kind.remedy}")
        file = Path(path)
        file = Path.cwd() / file if file == STDIN.path else file
        self.named.append(file)
        self._add(FoundPhoto(file, Path()))

    def _folder(self, top: Path) -> None:
        before, refused = self._count(), len(self.found.refused)
        self._take((path, path.parent.relative_to(top)) for path in self._walk(top))
        if self._count() == before and len(self.found.refused) == refused:
            raise InputError(
                f"{label(top)}: the folder holds no photos; give one that has .jpg, .png, .heic, "
                ".webp or .tif files, or name the files themselves"
            )

    def _pattern(self, text: str) -> None:
        if _URL_START.match(text) or not glob_patterns.is_glob_pattern(text):
            raise _missing_error(text)
        base, matched = glob_patterns.expand_pattern(text)
        before, refused = self._count(), len(self.found.refused)
        files: list[tuple[Path, Path]] = []
        for path in matched:
            if self._within_skipped(path) and not self._within_skipped(base):
                continue
            if path.is_dir():
                files += [(file, _folder_below(file, base)) for file in self._walk(path)]
            else:
                files.append((path, _folder_below(path, base)))
        self._take(files)
        if self._count() == before and len(self.found.refused) == refused:
            reason = "nothing there is a photo" if files else "nothing matches the pattern"
            raise InputError(f"{label(text)}: {reason}; check it")

    def _within_skipped(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return self.skipped is not None and (real + os.sep).startswith(self.skipped + os.sep)

    def _count(self) -> int:
        """Photos and own results found so far."""
        return len(self.photos) + len(self.found.results) + len(self.found.lookalikes)

    def _walk(self, top: Path) -> Iterator[Path]:
        """Files below a folder in order, without hidden ones."""

        def refuse(error: OSError) -> None:
            self.found.refused.append(RefusedPath(str(error.filename), _closed_error(error)))

        for root, folders, files in os.walk(top, onerror=refuse):
            folders[:] = sorted(name for name in folders if self._is_searched(root, name))
            yield from (Path(root, name) for name in sorted(files) if not name.startswith("."))

    def _is_searched(self, root: str, name: str) -> bool:
        hidden = name.startswith(".")
        return not hidden and os.path.realpath(os.path.join(root, name)) != self.skipped

    def _take(self, files: Iterable[tuple[Path, Path]]) -> None:
        """Add those files that are photos and not own results."""
        photos = []
        for path, folder in files:
            try:
                kind = self._classify(path)
            except InputError as error:
                self.found.refused.append(RefusedPath(str(path), error))
                continue
            if isinstance(kind, UnsupportedType):
                self.unsupported.setdefault(kind, Counter())[path.suffix] += 1
            elif kind == "photo":
                photos.append(FoundPhoto(path, folder))
        own = {} if self.results else _own_results(found.path for found in photos)
        names = {
            (found.path.parent, name)
            for found in photos
            for name in (found.path.stem, found.path.name)
        }
        for found in photos:
            if os.path.realpath(found.path) in own:
                self.found.results.add(os.path.realpath(found.path))
            elif any((found.path.parent, name) in names for name in self._source_stems(found.path)):
                self.found.lookalikes.append(found.path)
            else:
                self._add(found)

    def _classify(self, path: Path) -> UnsupportedType | str:
        """Classify a file in a folder; a broken link is reported when it is read."""
        mode, has_suffix = _mode(path), lower_suffix(path) in PHOTO_SUFFIXES
        if mode is None:
            return "photo" if has_suffix else "other"
        if not stat.S_ISREG(mode):
            self.special_files += has_suffix
            return "other"
        return classify_file(path)

    def _source_stems(self, path: Path) -> Iterator[str]:
        """Stems of photos whose result would have this name: "a" for a.cutout.png."""
        stem, dot, kind = path.stem.rpartition(".")
        if dot and re.sub(r"-\d+$", "", kind) in self.kinds:
            yield stem

    def _add(self, found: FoundPhoto) -> None:
        self.photos.setdefault(os.path.abspath(found.path), found)

    def finish(self) -> SearchResult:
        """Return what was found, with a note for each type of skipped file."""
        self._drop_named_results()
        for kind, suffixes in self.unsupported.items():
            count = sum(suffixes.values())
            names = " ".join(label(suffix) for suffix in sorted(suffixes))
            self.found.notes.append(
                f"{count} {'file' if count == 1 else 'files'} skipped: {names} {kind.name}; "
                f"{kind.remedy}"
            )
        if self.special_files:
            count = self.special_files
            names = "1 name" if count == 1 else f"{count} names"
            self.found.notes.append(f"skipped: {names} of pipes, sockets or devices")
        if self.skipped is not None:
            self.found.results |= set(Journal(Path(self.skipped)).results())
        self.found.photos = list(self.photos.values())
        return self.found

    def _drop_named_results(self) -> None:
        """Drop own results that the shell found for a pattern such as `d/*.png`."""
        own = {} if self.results else _own_results(self.named)
        real = {os.path.realpath(found.path): key for key, found in self.photos.items()}
        results = [path for path, source in own.items() if path in real and source in real]
        for path in results:
            del self.photos[real[path]]
            self.found.results.add(path)
        if results:
            count = len(results)
            files = "1 file is a result" if count == 1 else f"{count} files are results"
            self.found.notes.append(f"skipped: {files} of an earlier run")


def _own_results(paths: Iterable[Path]) -> dict[str, str]:
    """Results in the journals of these files' folders and those above: real path -> photo."""
    folders = {path.parent for path in paths}
    above = {top for folder in folders for top in (folder.absolute(), *folder.absolute().parents)}
    own: dict[str, str] = {}
    for top in above:
        if (top / JOURNAL_NAME).is_file():
            own |= Journal(top).results()
    return own


def _folder_below(path: Path, top: Path) -> Path:
    """The folder of a path relative to `top`; `.` for a path with ".."."""
    folder = path.parent.relative_to(top)
    return Path() if ".." in folder.parts else folder


def _mode(path: str | os.PathLike[str]) -> int | None:
    """The mode of a file; None where there is none. InputError where this cannot be checked."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        if glob_patterns.is_glob_pattern(os.fspath(path)) or _URL_START.match(os.fspath(path)):
            return None  # Windows refuses * in names; web addresses may be too long
        raise InputError(
            f"{label(path)}: cannot be found ({describe_os_error(error)}); check the path"
        ) from error


def _special_file_name(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _missing_error(path: str) -> InputError:
    if _URL_START.match(path):
        return InputError(f"{label(path)}: is a web address; download it first")
    if "\0" in path:
        return InputError(f"{label(path)}: cannot be found (not a path); check the path")
    return InputError(f"{label(path)}: cannot be found (no such file or directory); check the path")


def _closed_error(error: OSError) -> InputError:
    return InputError(
        f"{label(error.filename)}: the folder cannot be opened ({describe_os_error(error)}); "
        "check its permissions"
    )
