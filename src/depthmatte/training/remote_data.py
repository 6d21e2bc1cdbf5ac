"""Data in object storage: fetched once into a cache folder, which is then read as any folder.

A folder is named by a URL such as `s3://bucket/folder`. Its listing (names, sizes, versions) gives
the name of the cache folder. So a folder that changed is fetched again, and a run that reads the
older one is not disturbed. Credentials come from the environment of fsspec's package and never
from the URL.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError, MissingExtra
from ..system.folder_lock import folder_lock
from ..system.printable_text import describe_os_error, make_printable, printable_excerpt
from ..system.user_folders import make_private_folder, user_data_folder
from .recipe import Recipe

STORAGE_SCHEMES = ("s3", "gs", "az", "abfs", "file", "memory")
"""The kinds of storage that data can be fetched from."""

_MAX_FILES = 1_000_000
_MAX_FILE_BYTES = 2**32
_MAX_BYTES = 2**41
"""Bounds on what is fetched: the number of files, the size of one and of all, in bytes."""

_SPARE_BYTES = 2**28
"""Room that stays free on the disk."""

_THREADS = 8
"""Files fetched at a time."""

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""Scheme and place. A path has lost one of the two slashes."""

_VERSION_KEYS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
"""What storages call the version of a file."""


@dataclass(frozen=True)
class _RemoteFile:
    """One file: its key in the storage, its path below the folder, bytes, and version."""

    key: str
    path: str
    size: int
    version: str


def remote_url(place: str | os.PathLike[str]) -> str | None:
    """The URL that a path was made from; None for a path of this machine.

    Parameters
    ----------
    place : str or path
        What a user gave. Making a path of a URL merges its slashes.

    Returns
    -------
    str or None
        The URL without a slash at its end.

    Raises
    ------
    InputError
        For a URL of a kind that cannot be fetched, and for one that holds credentials.

    Examples
    --------
    >>> from pathlib import Path
    >>> remote_url(Path("s3://bucket/photos"))
    's3://bucket/photos'
    >>> remote_url(Path("photos")) is None
    True
    """
    match = _PARTS.fullmatch(os.fspath(place))
    if match is None or os.path.exists(place):
        return None
    scheme, rest = match[1].lower(), match[2].rstrip("/")
    if scheme not in STORAGE_SCHEMES:
        raise InputError(
            f"{make_printable(scheme)}://: is no known storage; use {', '.join(STORAGE_SCHEMES)}"
        )
    if "@" in rest.partition("/")[0] and scheme != "abfs":
        raise InputError(
            f"{scheme}://: the URL holds credentials; leave them out, and set them in the "
            "environment"
        )
    return f"{scheme}:///{rest}" if scheme == "file" else f"{scheme}://{rest}"


def fetch_data(recipe: Recipe, tell: Callable[[str], None] = lambda line: None) -> Recipe:
    """A recipe whose remote folders are fetched; the recipe itself where it names none.

    Parameters
    ----------
    recipe : Recipe
        `data`, `labels`, `backgrounds` and `not_in` may be URLs.
    tell : callable
        Called with a line for each folder.

    Returns
    -------
    Recipe
        With folders of this machine in their place.

    Raises
    ------
    InputError
        As `fetch_folder` does.
    """
    many: dict[str, Any] = {
        name: tuple(_fetch_place(path, tell) for path in getattr(recipe, name))
        for name in ("data", "backgrounds", "not_in")
    }
    labels = None if recipe.labels is None else _fetch_place(recipe.labels, tell)
    if labels == recipe.labels and all(many[name] == getattr(recipe, name) for name in many):
        return recipe
    return replace(recipe, **many, labels=labels)


def fetch_folder(
    url: str, cache: Path | None = None, tell: Callable[[str], None] = lambda line: None
) -> Path:
    """Fetch a folder of an object storage, unless the cache has it.

    Parameters
    ----------
    url : str
        Such as s3://bucket/folder.
    cache : Path, optional
        The folder of all fetched folders; by default `data-cache` in the user's data folder.
    tell : callable
        Called with a line about what is done.

    Returns
    -------
    Path
        The folder in the cache, complete and checked.

    Raises
    ------
    InputError
        Where the storage cannot be read, holds nothing there, too much or names that no folder
        can have, or where the disk is full. Nothing is left in the cache then but whole files.
    MissingExtra
        Where the package for this storage is not installed.
    """
    shown = make_printable(url)
    storage, root = _open_storage(url)
    files = _list_files(storage, root, shown)
    cache = make_private_folder(cache or user_data_folder() / "data-cache")
    digest = hashlib.sha256(url.encode("utf-8", "surrogateescape"))
    for one in files:
        digest.update(f"\n{one.path}\0{one.size}\0{one.version}".encode("utf-8", "surrogateescape"))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", root.rpartition("/")[2])[:40] or "data"
    folder = cache / f"{name}-{digest.hexdigest()[:16]}"
    total = sum(one.size for one in files)
    with folder_lock(cache):
        if _is_complete(folder, files):
            tell(f"{shown}: {len(files)} files are in {folder}")
            return folder
        draft = cache / f"{folder.name}.part"
        missing = [one for one in files if not _has(draft, one)]
        needed = sum(one.size for one in missing)
        if shutil.disk_usage(cache).free < needed + _SPARE_BYTES:
            raise InputError(f"{shown}: needs {_megabytes(needed)} in {cache}; make room there")
        tell(f"{shown}: fetching {len(missing)} of {len(files)} files, {_megabytes(total)}")
        try:
            _fetch_files(storage, missing, draft, shown)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(draft, folder)
        except OSError as error:
            raise InputError(
                f"{cache}: cannot be written ({describe_os_error(error)}); make room or set "
                "DEPTHMATTE_HOME to another folder"
            ) from error
    tell(f"{shown}: fetched into {folder}")
    return folder


def _fetch_place(path: Path, tell: Callable[[str], None]) -> Path:
    url = remote_url(path)
    return path if url is None else fetch_folder(url, None, tell)


def _open_storage(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the folder in it."""
    try:
        import fsspec.core

        storage, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtra(f"{make_printable(url)}: reading it", "cloud") from error
    except Exception as error:  # each package of fsspec raises errors of its own
        raise _unreadable(make_printable(url), error) from error
    return storage, str(root).rstrip("/")


def _list_files(storage: Any, root: str, shown: str) -> list[_RemoteFile]:
    """All files of a folder by name; InputError for what cannot be fetched."""
    try:
        if storage.isfile(root):
            raise InputError(f"{shown}: is a file; give the folder that holds it")
        found = storage.find(root, detail=True)
    except InputError:
        raise
    except Exception as error:  # each package of fsspec raises errors of its own
        raise _unreadable(shown, error) from error
    files = sorted(_read_listing(found, root, shown), key=lambda one: one.path)
    if not files:
        raise InputError(f"{shown}: holds no files; check the bucket and the folder")
    if len(files) > _MAX_FILES or sum(one.size for one in files) > _MAX_BYTES:
        raise InputError(
            f"{shown}: holds more than {_MAX_FILES} files or {_megabytes(_MAX_BYTES)}; "
            "give a smaller folder"
        )
    folders = {str(parent) for one in files for parent in PurePosixPath(one.path).parents}
    both = next((one.path for one in files if one.path in folders), None)
    if both is not None:
        raise InputError(
            f"{shown}: has a file and a folder of the name {printable_excerpt(both, 60)}; "
            "rename one"
        )
    return files


def _read_listing(found: Mapping[str, Any], root: str, shown: str) -> Iterator[_RemoteFile]:
    for key, facts in found.items():
        if str(key).endswith("/") or facts.get("type") == "directory":
            continue  # a marker that some tools store for an empty folder
        path = str(key)[len(root) :].lstrip("/")
        parts = path.split("/")
        bad = any(
            part in ("", ".", "..") or "\\" in part or ":" in part or not part.isprintable()
            or len(os.fsencode(part)) > 255
            for part in parts
        )  # fmt: skip
        if bad or not str(key).startswith(f"{root}/") or len(parts) > 64:
            raise InputError(
                f"{shown}: the name {printable_excerpt(path, 60)!r} is no path of a file here; "
                "rename it"
            )
        size = facts.get("size")
        if not isinstance(size, int) or not 0 <= size <= _MAX_FILE_BYTES:
            raise InputError(
                f"{shown}: {printable_excerpt(path, 60)} is larger than "
                f"{_megabytes(_MAX_FILE_BYTES)}, or of unknown size; take it out"
            )
        version = next((str(facts[name]) for name in _VERSION_KEYS if facts.get(name)), "")
        yield _RemoteFile(str(key), path, size, version)


def _fetch_files(storage: Any, files: list[_RemoteFile], draft: Path, shown: str) -> None:
    """Fetch files into a folder. Each is whole or absent, so that a next try goes on."""
    for folder in {(draft / one.path).parent for one in files} | {draft}:
        folder.mkdir(parents=True, exist_ok=True)
    for stale in list(draft.rglob(".*.part")):  # of a process that was killed
        stale.unlink()

    def fetch(one: _RemoteFile) -> None:
        target = draft / one.path
        part = target.with_name(f".{hashlib.sha256(one.path.encode()).hexdigest()[:24]}.part")
        try:
            storage.get_file(one.key, str(part))
            size = part.stat().st_size
            if size != one.size:
                raise InputError(
                    f"{shown}: {printable_excerpt(one.path, 60)} has {size} bytes, not {one.size} "
                    "as listed; start again when nobody changes the folder"
                )
            os.replace(part, target)
        except InputError:
            raise
        except Exception as error:  # each package of fsspec raises errors of its own
            raise _unreadable(f"{shown}: {printable_excerpt(one.path, 60)}", error) from error
        finally:
            part.unlink(missing_ok=True)

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _ in pool.map(fetch, files):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _has(folder: Path, one: _RemoteFile) -> bool:
    file = folder / one.path
    return file.is_file() and file.stat().st_size == one.size


def _is_complete(folder: Path, files: list[_RemoteFile]) -> bool:
    """Whether a fetched folder holds all files in their sizes, and no other."""
    return (
        folder.is_dir()
        and all(_has(folder, one) for one in files)
        and sum(path.is_file() for path in folder.rglob("*")) == len(files)
    )


def _unreadable(shown: str, error: Exception) -> InputError:
    """An error without the words of a server, which may repeat credentials."""
    if isinstance(error, FileNotFoundError):
        reason = "not found"
    elif isinstance(error, PermissionError):
        reason = "access denied"
    else:
        reason = type(error).__name__
    return InputError(
        f"{shown}: cannot be read ({reason}); check the URL, the network and the credentials in "
        "the environment"
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
