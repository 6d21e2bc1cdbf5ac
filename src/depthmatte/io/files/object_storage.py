"""Files in object storage: listed, fetched and stored through fsspec.

Folders and files are named by URLs such as `s3://bucket/folder`. A path that was made of a URL has
lost one of its two slashes; `remote_url` gives the URL back. Credentials come from the environment
of fsspec's package and never from the URL.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import InputError, MissingExtra
from ...system.printable_text import make_printable, printable_excerpt

STORAGE_SCHEMES = ("s3", "gs", "az", "abfs", "file", "memory")
"""The kinds of storage that can be read and written."""

_MAX_FILES = 1_000_000
_MAX_FILE_BYTES = 2**32
_MAX_BYTES = 2**41
"""Bounds on what is listed: the number of files, the size of one and of all, in bytes."""

_TRIES = 3
"""How often a transfer is tried when a server or the network fails."""

_FIRST_PAUSE_S = 0.5
"""Pause before the second try; it doubles."""

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""Scheme and place. A path has lost one of the two slashes."""

_VERSION_KEYS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "created")
"""What storages call the version of a file."""


_MERGED_SLASHES = re.compile(r"\b(s3|gs|az|abfs|memory):/(?!/)")


@dataclass(frozen=True)
class RemoteFile:
    """One file of a storage.

    Attributes
    ----------
    key : str
        Its name in the storage.
    path : str
        Its path below the folder that was listed.
    size : int
        Bytes.
    version : str
        A text that changes with the content; "" where the storage has none.
    """

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


def restore_urls(text: str) -> str:
    """Give URLs in a text their second slash back.

    Examples
    --------
    >>> restore_urls("s3:/bucket/a.jpg: cannot be read")
    's3://bucket/a.jpg: cannot be read'
    """
    return _MERGED_SLASHES.sub(r"\1://", text)


def open_storage(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the key of its folder or file.

    Raises
    ------
    InputError
        When the storage cannot be opened.
    MissingExtra
        When the package for this storage is not installed.
    """
    try:
        import fsspec.core

        storage, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise MissingExtra(f"{make_printable(url)}: reading it", "cloud") from error
    except Exception as error:  # each package of fsspec raises errors of its own
        raise storage_error(make_printable(url), error) from error
    return storage, str(root).rstrip("/")


def list_storage(storage: Any, root: str, shown: str) -> list[RemoteFile]:
    """List all files of a folder by name.

    Parameters
    ----------
    storage : fsspec.AbstractFileSystem
        As from `open_storage`.
    root : str
        Key of the folder.
    shown : str
        The folder in messages.

    Raises
    ------
    InputError
        When the folder cannot be read, is empty, holds too much or names that no path can have.
    """
    try:
        if storage.isfile(root):
            raise InputError(f"{shown}: is a file; give the folder that holds it")
        found = storage.find(root, detail=True)
    except InputError:
        raise
    except Exception as error:  # each package of fsspec raises errors of its own
        raise storage_error(shown, error) from error
    files = sorted(_read_listing(found, root, shown), key=lambda one: one.path)
    if not files:
        raise InputError(f"{shown}: holds no files; check the bucket and the folder")
    if len(files) > _MAX_FILES or sum(one.size for one in files) > _MAX_BYTES:
        raise InputError(
            f"{shown}: holds more than {_MAX_FILES} files or {describe_megabytes(_MAX_BYTES)}; "
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


def _read_listing(found: Mapping[str, Any], root: str, shown: str) -> Iterator[RemoteFile]:
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
                f"{describe_megabytes(_MAX_FILE_BYTES)}, or of unknown size; take it out"
            )
        yield RemoteFile(str(key), path, size, _version(facts))


def _version(facts: Mapping[str, Any]) -> str:
    return next((str(facts[name]) for name in _VERSION_KEYS if facts.get(name)), "")


def find_file(url: str) -> RemoteFile | None:
    """Return size and version of one file; None when there is no such file.

    Raises
    ------
    InputError
        When the storage cannot be read, or the file is too large.
    """
    storage, key = open_storage(url)
    shown = make_printable(url)
    try:
        facts = storage.info(key)
    except FileNotFoundError:
        return None
    except Exception as error:  # each package of fsspec raises errors of its own
        raise storage_error(shown, error) from error
    if facts.get("type") != "file":
        return None
    size = facts.get("size")
    if not isinstance(size, int) or not 0 <= size <= _MAX_FILE_BYTES:
        raise InputError(f"{shown}: is larger than {describe_megabytes(_MAX_FILE_BYTES)}; split it")
    return RemoteFile(key, PurePosixPath(key).name, size, _version(facts))


def fetch_file(url: str, target: Path) -> None:
    """Fetch one file. `target` is whole or absent afterwards.

    Raises
    ------
    InputError
        When there is no such file, it is too large, or the storage fails three times.
    """
    known = find_file(url)
    if known is None:
        raise InputError(f"{make_printable(url)}: cannot be found; check the URL")
    storage, key = open_storage(url)
    try:
        _try_again(lambda: storage.get_file(key, str(target)), url)
        if target.stat().st_size != known.size:
            raise InputError(f"{make_printable(url)}: changed while it was read; try again")
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def store_file(source: Path, url: str) -> None:
    """Store one file under a URL. Object storages show it only once it is whole.

    Raises
    ------
    InputError
        When the storage fails three times.
    """
    storage, key = open_storage(url)
    _try_again(lambda: storage.put_file(str(source), key), url, "written")


def _try_again(transfer: Callable[[], Any], url: str, done: str = "read") -> None:
    for attempt in range(_TRIES):
        try:
            transfer()
            return
        except Exception as error:  # each package of fsspec raises errors of its own
            final = isinstance(error, FileNotFoundError | PermissionError)
            if final or attempt == _TRIES - 1:
                raise storage_error(make_printable(url), error, done) from error
        time.sleep(_FIRST_PAUSE_S * 2**attempt)


def storage_error(shown: str, error: Exception, done: str = "read") -> InputError:
    """Return an error without the words of a server, which may repeat credentials."""
    if isinstance(error, FileNotFoundError):
        reason = "not found"
    elif isinstance(error, PermissionError):
        reason = "access denied"
    else:
        reason = type(error).__name__
    return InputError(
        f"{shown}: cannot be {done} ({reason}); check the URL, the network and the credentials in "
        "the environment"
    )


def describe_megabytes(count: int) -> str:
    """Return a number of bytes as text: "1.5 MB"."""
    return f"{count / 1e6:,.1f} MB"
