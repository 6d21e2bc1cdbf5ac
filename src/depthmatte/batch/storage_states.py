"""What is known of files in object storage: size and version by URL, looked up in few requests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import InputError
from ..io.files.object_storage import (
    RemoteFile,
    find_file,
    list_storage,
    open_storage,
    remote_url,
)
from ..io.files.resume_journal import read_file_state
from ..system.printable_text import make_printable

_LOOKUPS = 16
"""Requests at a time."""


class StorageStates:
    """Size and version of files, on this machine and in object storage.

    Files in object storage are known once they were listed, looked up or stored. Files on this
    machine are asked for each time.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def state(self, path: Path) -> tuple[int, int] | None:
        """Return size and version of a file; None when there is none."""
        url = remote_url(path)
        return read_file_state(path) if url is None else self._known.get(url)

    def exists(self, path: Path) -> bool:
        """Return whether a file exists."""
        url = remote_url(path)
        return os.path.lexists(path) if url is None else url in self._known

    def list_folder(self, url: str) -> list[RemoteFile]:
        """List all files below a URL and remember them.

        Raises
        ------
        InputError
            When the folder cannot be read, is empty or too large.
        """
        storage, root = open_storage(url)
        storage.invalidate_cache()
        files = list_storage(storage, root, make_printable(url))
        for one in files:
            self._remember(f"{url}/{one.path}", one)
        return files

    def look_up(self, urls: Iterable[str]) -> dict[str, InputError]:
        """Look up files and remember them. Return the error of each that cannot be used."""
        wanted = [url for url in dict.fromkeys(urls) if url not in self._known]
        failed: dict[str, InputError] = {}

        def look(url: str) -> None:
            try:
                found = find_file(url)
                if found is None:
                    raise InputError(f"{make_printable(url)}: cannot be found; check the URL")
                self._remember(url, found)
            except InputError as error:
                failed[url] = error

        if wanted:
            with ThreadPoolExecutor(_LOOKUPS) as pool:
                list(pool.map(look, wanted))
        return failed

    def add(self, url: str, size: int) -> None:
        """Remember a file that was just stored."""
        self._known[url] = size, 0

    def _remember(self, url: str, one: RemoteFile) -> None:
        digest = hashlib.sha256(one.version.encode("utf-8", "surrogateescape")).hexdigest()
        self._known[url] = one.size, int(digest[:12], 16)
