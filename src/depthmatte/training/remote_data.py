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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.files.object_storage import (
    RemoteFile,
    describe_megabytes,
    list_storage,
    open_storage,
    remote_url,
    storage_error,
)
from ..system.folder_lock import folder_lock
from ..system.printable_text import describe_os_error, make_printable, printable_excerpt
from ..system.user_folders import make_private_folder, user_data_folder
from .recipe import Recipe

_SPARE_BYTES = 2**28
"""Room that stays free on the disk."""

_THREADS = 8
"""Files fetched at a time."""


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
    storage, root = open_storage(url)
    files = list_storage(storage, root, shown)
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
            raise InputError(
                f"{shown}: needs {describe_megabytes(needed)} in {cache}; make room there"
            )
        tell(f"{shown}: fetching {len(missing)} of {len(files)} files, {describe_megabytes(total)}")
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


def _fetch_files(storage: Any, files: list[RemoteFile], draft: Path, shown: str) -> None:
    """Fetch files into a folder. Each is whole or absent, so that a next try goes on."""
    for folder in {(draft / one.path).parent for one in files} | {draft}:
        folder.mkdir(parents=True, exist_ok=True)
    for stale in list(draft.rglob(".*.part")):  # of a process that was killed
        stale.unlink()

    def fetch(one: RemoteFile) -> None:
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
            raise storage_error(f"{shown}: {printable_excerpt(one.path, 60)}", error) from error
        finally:
            part.unlink(missing_ok=True)

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _ in pool.map(fetch, files):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _has(folder: Path, one: RemoteFile) -> bool:
    file = folder / one.path
    return file.is_file() and file.stat().st_size == one.size


def _is_complete(folder: Path, files: list[RemoteFile]) -> bool:
    """Whether a fetched folder holds all files in their sizes, and no other."""
    return (
        folder.is_dir()
        and all(_has(folder, one) for one in files)
        and sum(path.is_file() for path in folder.rglob("*")) == len(files)
    )
