"""Find the photos of a batch: files, folders, patterns, manifests and URLs of object storage."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..io.files.file_types import PHOTO_SUFFIXES
from ..io.files.find import FoundPhoto, RefusedPath, search_photos
from ..io.files.glob_patterns import is_glob_pattern
from ..io.files.object_storage import STORAGE_SCHEMES, fetch_file, remote_url
from ..system.printable_text import label, make_printable
from .cutting.job import CutJob
from .manifest import is_manifest, read_manifest
from .photo_task import ManifestRow
from .storage_states import StorageStates

_SCHEME = re.compile(rf"({'|'.join(STORAGE_SCHEMES)}):/", re.IGNORECASE)


@dataclass
class BatchInputs:
    """What the paths of a batch name.

    Attributes
    ----------
    photos : list of FoundPhoto
        In order.
    rows : list of ManifestRow or None
        For each photo, its row if a manifest names it.
    refused : list of RefusedPath
        Paths that cannot be used.
    notes : list of str
        Lines about skipped files.
    results : set of str
        Real paths of results of earlier runs.
    lookalikes : list of Path
        Files named like results that no journal names.
    problems : list of str
        Problems of manifests, one line each. With any, nothing is cut.
    """

    photos: list[FoundPhoto] = field(default_factory=list)
    rows: list[ManifestRow | None] = field(default_factory=list)
    refused: list[RefusedPath] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: set[str] = field(default_factory=set)
    lookalikes: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def has_manifest(self) -> bool:
        """Whether a manifest names photos."""
        return any(row is not None for row in self.rows)

    def add(self, photos: Iterable[FoundPhoto], rows: Iterable[ManifestRow] = ()) -> None:
        """Append photos; each of a manifest has a row."""
        listed = list(photos)
        self.photos += listed
        self.rows += list(rows) or [None] * len(listed)


def find_inputs(
    paths: Sequence[str],
    out: Path,
    kinds: Collection[str],
    job: CutJob,
    states: StorageStates,
    own_results: Collection[str] = (),
) -> BatchInputs:
    """Find all photos that paths name, in their order.

    Parameters
    ----------
    paths : sequence of str
        Files, folders, patterns, `-`, manifests, and URLs of files, folders and patterns in
        object storage.
    out : Path
        The output folder. It is not searched.
    kinds : collection of str
        Kinds of results, as `search_photos` takes them.
    job : CutJob
        Options that the rows of manifests start from.
    states : StorageStates
        Remembers what is listed.
    own_results : collection of str
        URLs of results of earlier runs, which are no photos.

    Returns
    -------
    BatchInputs
        A path that cannot be used does not stop the search.
    """
    found = BatchInputs()
    for kind, group in itertools.groupby(paths, _kind):
        if kind == "local":
            searched = search_photos(list(group), out, kinds)
            found.add(searched.photos)
            found.refused += searched.refused
            found.notes += searched.notes
            found.results |= searched.results
            found.lookalikes += searched.lookalikes
            continue
        for path in group:
            try:
                if kind == "manifest":
                    _add_manifest(found, path, job, states)
                else:
                    _add_remote(found, path, out, kinds, states, own_results)
            except InputError as error:
                found.refused.append(RefusedPath(path, error))
    _drop_repeated(found)
    return found


def _kind(path: str) -> str:
    if is_manifest(path) and not os.path.isdir(path):
        return "manifest"
    return "remote" if _SCHEME.match(path) and not os.path.exists(path) else "local"


def _drop_repeated(found: BatchInputs) -> None:
    """Keep a photo that several paths name once. Rows of a manifest are all kept."""
    seen: set[str] = set()
    pairs = []
    for photo, row in zip(found.photos, found.rows, strict=True):
        key = os.path.abspath(photo.path)
        if row is not None or key not in seen:
            pairs.append((photo, row))
        seen.add(key)
    found.photos, found.rows = [one for one, _ in pairs], [row for _, row in pairs]


def _add_manifest(found: BatchInputs, path: str, job: CutJob, states: StorageStates) -> None:
    url = remote_url(path)
    if url is None:
        manifest = read_manifest(Path(path), job)
        found.problems += manifest.problems
    else:
        with tempfile.TemporaryDirectory(prefix="depthmatte-") as folder:
            copy = Path(folder, url.rpartition("/")[2])
            fetch_file(url, copy)
            try:
                manifest = read_manifest(copy, job, url.rpartition("/")[0])
            except InputError as error:
                raise InputError(str(error).replace(str(copy), url)) from error
            found.problems += [line.replace(str(copy), url) for line in manifest.problems]
    if found.problems:
        return
    named = [_places(row) for row in manifest.rows]
    missing = states.look_up(url for places in named for one in places if (url := remote_url(one)))
    usable = []
    for row, places in zip(manifest.rows, named, strict=True):
        problem = next(filter(None, (_missing(one, missing) for one in places)), None)
        if problem is None:
            usable.append(row)
        else:
            text = f"{make_printable(path)}, line {row.line}: {problem}"
            found.refused.append(RefusedPath(str(row.photo.path), InputError(text), row.line))
    found.add([row.photo for row in usable], usable)


def _places(row: ManifestRow) -> list[Path]:
    return [one for one in (row.photo.path, row.depth, row.right, row.calib) if one is not None]


def _missing(place: Path, remote: dict[str, InputError]) -> str | None:
    """Return why a file of a row cannot be used; None when it can."""
    url = remote_url(place)
    if url is not None:
        return str(remote[url]) if url in remote else None
    there = os.path.isfile(place)
    return None if there else f"{label(place)}: cannot be found; check the path"


def _add_remote(
    found: BatchInputs,
    path: str,
    out: Path,
    kinds: Collection[str],
    states: StorageStates,
    own_results: Collection[str],
) -> None:
    """Add the photos that a URL names: one file, a folder with its subfolders, or a pattern."""
    url = remote_url(path) or path
    pattern = None
    if is_glob_pattern(url):
        scheme, _, rest = url.partition("://")
        parts = rest.split("/")
        fixed = next(at for at, part in enumerate(parts) if is_glob_pattern(part))
        url = f"{scheme}://{'/'.join(parts[:fixed])}"
        pattern = _pattern_regex(parts[fixed:])
    elif PurePosixPath(url).suffix.lower() in PHOTO_SUFFIXES:
        problem = states.look_up([url]).get(url)
        if problem is not None:
            raise problem
        found.add([FoundPhoto(Path(url), Path())])
        return
    below = f"{remote_url(out)}/" if remote_url(out) else None
    skipped = below if below and below != f"{url}/" else None
    names = []
    for one in states.list_folder(url):
        name = PurePosixPath(one.path)
        hidden = any(part.startswith(".") for part in name.parts)
        own = f"{url}/{one.path}"
        if hidden or own in own_results or (skipped and own.startswith(skipped)):
            continue
        if name.suffix.lower() in PHOTO_SUFFIXES and (not pattern or pattern.fullmatch(one.path)):
            names.append(name)
    if not names:
        raise InputError(f"{make_printable(path)}: nothing there is a photo; check the URL")
    stems = {(name.parent, text) for name in names for text in (name.stem, name.name)}
    for name in sorted(names, key=lambda name: (name.parts[:-1], name.name)):
        stem, dot, kind = name.stem.rpartition(".")
        is_result = dot and re.sub(r"-\d+$", "", kind) in kinds and (name.parent, stem) in stems
        place = Path(f"{url}/{name}")
        if is_result:
            found.lookalikes.append(place)
        else:
            found.add([FoundPhoto(place, Path(name.parent))])


def _pattern_regex(parts: Sequence[str]) -> re.Pattern[str]:
    """Return a regular expression for the path below the fixed part of a pattern."""
    made = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            made += r"(?:[^/]+/)*" + (r"[^/]+" if last else "")
            continue
        pieces = re.split(r"(\*|\?|\[!?[^\]]+\])", part)
        made += "".join(map(_piece_regex, pieces)) + ("" if last else "/")
    return re.compile(made)


def _piece_regex(piece: str) -> str:
    if piece in ("*", "?"):
        return "[^/]*" if piece == "*" else "[^/]"
    if len(piece) > 2 and piece[0] == "[" and piece[-1] == "]":
        inner = piece[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}]" if inner[0] == "!" else f"[{inner}]".replace("[^", r"[\^")
    return re.escape(piece)
