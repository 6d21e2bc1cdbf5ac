"""Download a network file and verify its checksum.

The server is not trusted. Size and time of a download are limited, only http and https are
used (also after redirects), and text from the server is cleaned before it stands in a message.
Proxies are taken from the environment (`https_proxy`, `no_proxy`).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError, WeightsError
from ..system.atomic_write import draft_in
from ..system.printable_text import describe_os_error, printable_excerpt
from .onnx_file import MAX_FILE_BYTES

DownloadProgress = Callable[[int, int | None], object]
"""Called with the bytes received so far and the total in bytes, None if unknown."""

_SILENCE_TIMEOUT_S = 30.0
"""Seconds that a server may stay silent, and may take for the response header."""

_MIN_BYTES_PER_S = 8192
"""Smallest mean rate, in bytes per second, once `_SILENCE_TIMEOUT_S` has passed."""

_MAX_DOWNLOAD_S = 3600.0
"""Longest duration of a download, in seconds."""

_MAX_TRIES, _RETRY_WAIT_S = 6, 0.5
"""How often `resume_download` asks, and how long it waits before the second time, in seconds."""

_CHUNK_BYTES = 1 << 20

_URL_SCHEMES = ("http", "https")


def is_url(text: str) -> bool:
    """Return whether a text is a valid http or https address."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        return (
            parts.scheme in _URL_SCHEMES
            and bool(parts.hostname)
            and parts.port != 0
            and text.isprintable()
            and " " not in text
        )
    except ValueError:
        return False


def check_url(url: str) -> str:
    """Return the URL if it is a valid http or https address; InputError for any other."""
    if not is_url(url):
        raise InputError(
            f"{display_url(url)}: is not an address; give https://HOST/FILE#sha256=HEX"
        )
    return url


def display_url(url: str) -> str:
    """Return the URL for a message: printable, at most 200 characters, without a password."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return printable_excerpt(f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}", 200)


def download_file(
    url: str, sha256: str, target: Path, progress: DownloadProgress | None = None
) -> None:
    """Download a file and verify its checksum.

    Parameters
    ----------
    url : str
        An http or https address.
    sha256 : str
        Expected SHA-256 of the file, in hex.
    target : Path
        The file to write. Its folder is made. It appears only once it is complete and verified.
    progress : callable, optional
        Called with the bytes received so far and the total in bytes, None if unknown.

    Raises
    ------
    InputError
        When the URL is not valid.
    WeightsError
        When the server cannot be reached, is too slow or sends too much, when the checksum
        differs, or when the file cannot be written.
    """
    check_url(url)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft_in(target.parent) as draft:
            digest = hashlib.sha256()
            with draft.open("wb") as out:
                _receive(_Reply(url), out, digest, progress)
            if digest.hexdigest() != sha256:
                raise _other_checksum(url, sha256)
            os.replace(draft, target)
    except OSError as error:
        raise WeightsError(
            f"{printable_excerpt(target.parent)}: networks cannot be stored there "
            f"({describe_os_error(error)}); set DEPTHMATTE_CACHE to another folder"
        ) from None


def resume_download(
    url: str, sha256: str, partial: Path, progress: DownloadProgress | None = None
) -> None:
    """Download a file into `partial`, and go on where an earlier download ended.

    A connection that breaks is opened again a few times. A server that cannot send a part of the
    file sends it whole.

    Parameters
    ----------
    url : str
        An http or https address.
    sha256 : str
        Expected SHA-256 of the file, in hex.
    partial : Path
        The file. It stays when a connection breaks, so that a later call goes on. It is removed
        when its checksum differs.
    progress : callable, optional
        Called with the bytes received so far and the total in bytes, None if unknown.

    Raises
    ------
    InputError
        When the URL is not valid.
    WeightsError
        As `download_file`.
    """
    check_url(url)
    try:
        for tries in range(_MAX_TRIES):
            before = partial.stat().st_size if partial.is_file() else 0
            try:
                found = _append(url, partial, progress)
            except _BrokenConnection:
                if tries == _MAX_TRIES - 1:
                    raise
                time.sleep(_RETRY_WAIT_S * min(tries + 1, 4))
                continue
            except _NoSuchPart:
                found = ""
            if found == sha256:
                return
            partial.unlink(missing_ok=True)
            if not before:  # else the part from before may be that of another file
                break
    except OSError as error:
        raise WeightsError(
            f"{printable_excerpt(partial.parent)}: networks cannot be stored there "
            f"({describe_os_error(error)}); set DEPTHMATTE_HOME to another folder"
        ) from None
    raise _other_checksum(url, sha256)


class _BrokenConnection(WeightsError):
    """The server is away or hung up; the same request may succeed later."""


class _NoSuchPart(WeightsError):
    """The server has no bytes after those that are there already."""


def _other_checksum(url: str, sha256: str) -> WeightsError:
    return WeightsError(
        f"{display_url(url)}: the file has another sha256 than {sha256[:12]}; "
        "check the address and the checksum"
    )


def _append(url: str, partial: Path, progress: DownloadProgress | None) -> str:
    """Receive the rest of a file and return the SHA-256 of all of it."""
    have = partial.stat().st_size if partial.is_file() else 0
    reply = _Reply(url, have)
    digest = hashlib.sha256()
    with partial.open("r+b" if have else "wb") as out:
        if reply.start:
            while block := out.read(_CHUNK_BYTES):
                digest.update(block)
        else:
            out.truncate()
        _receive(reply, out, digest, progress)
    return digest.hexdigest()


def _receive(reply: _Reply, out: BinaryIO, digest: Any, progress: DownloadProgress | None) -> None:
    """Write the response to `out` and `digest`. OSError only when writing fails."""
    url, count, start = display_url(reply.url), 0, time.monotonic()
    try:
        while block := reply.read():
            count += len(block)
            spent = time.monotonic() - start
            if reply.start + count > MAX_FILE_BYTES:
                raise WeightsError(f"{url}: sends more than {MAX_FILE_BYTES} bytes; check it")
            if spent > _MAX_DOWNLOAD_S or (
                spent > _SILENCE_TIMEOUT_S and count < _MIN_BYTES_PER_S * spent
            ):
                raise WeightsError(
                    f"{url}: is too slow ({count} bytes in {spent:.0f} s); "
                    "download it in another way and give the file"
                )
            digest.update(block)
            out.write(block)
            if progress is not None:
                progress(reply.start + count, reply.total)
    finally:
        reply.close()
    if reply.total is not None and reply.start + count < reply.total:
        raise _BrokenConnection(
            f"{url}: cannot be fetched (ended after {reply.start + count} of {reply.total} "
            "bytes); try again"
        )


class _Reply:
    """The response of a server. Every failure is a WeightsError with one printable line.

    `start` is the first byte that it sends, `total` the size of the file if that is known.
    """

    def __init__(self, url: str, start: int = 0) -> None:
        # Imported late, because most runs download nothing.
        from . import http_get

        self.url = url
        headers = {"Range": f"bytes={start}-"} if start else {}
        self._reply: Any = self._guarded(
            lambda: http_get.open_url(url, _SILENCE_TIMEOUT_S, headers)
        )
        part = self._reply.headers.get("Content-Range") or ""
        is_part = self._reply.status == 206 and part.startswith(f"bytes {start}-")
        self.start = start if is_part else 0
        length = self._reply.headers.get("Content-Length") or ""
        self.total = None
        if length.isdecimal() and len(length) < 20:
            self.total = self.start + int(length)
        if self._reply.status == 206 and not is_part:
            self.close()
            raise _NoSuchPart(f"{display_url(url)}: sends another part of the file; try again")
        if self.total is not None and self.total > MAX_FILE_BYTES:
            self.close()
            raise WeightsError(
                f"{display_url(url)}: has {self.total} bytes, more than {MAX_FILE_BYTES}"
            )

    def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        return bytes(self._guarded(lambda: self._reply.read1(_CHUNK_BYTES)))

    def close(self) -> None:
        with suppress(OSError):
            self._reply.close()

    def _guarded(self, work: Callable[[], Any]) -> Any:
        from http.client import HTTPException
        from urllib.error import HTTPError

        try:
            return work()
        except (OSError, ValueError, LookupError, HTTPException) as error:
            kind: type[WeightsError] = _BrokenConnection
            if isinstance(error, HTTPError) and error.code < 500:
                kind = _NoSuchPart if error.code == 416 else WeightsError
            reason = getattr(error, "reason", None) or error
            raise kind(
                f"{display_url(self.url)}: cannot be fetched "
                f"({printable_excerpt(reason) or type(error).__name__}); check the address"
            ) from None
