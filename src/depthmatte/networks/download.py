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
            with draft.open("wb") as out:
                found = _download(url, out, progress)
            if found != sha256:
                raise WeightsError(
                    f"{display_url(url)}: the file has another sha256 than {sha256[:12]}; "
                    "check the address and the checksum"
                )
            os.replace(draft, target)
    except OSError as error:
        raise WeightsError(
            f"{printable_excerpt(target.parent)}: networks cannot be stored there "
            f"({describe_os_error(error)}); set DEPTHMATTE_CACHE to another folder"
        ) from None


def _download(url: str, out: BinaryIO, progress: DownloadProgress | None) -> str:
    """Write the response to `out` and return its SHA-256. OSError only when writing fails."""
    digest, count, start = hashlib.sha256(), 0, time.monotonic()
    reply = _Reply(url)
    try:
        while block := reply.read():
            count += len(block)
            spent = time.monotonic() - start
            if count > MAX_FILE_BYTES:
                raise WeightsError(
                    f"{display_url(url)}: sends more than {MAX_FILE_BYTES} bytes; check it"
                )
            if spent > _MAX_DOWNLOAD_S or (
                spent > _SILENCE_TIMEOUT_S and count < _MIN_BYTES_PER_S * spent
            ):
                raise WeightsError(
                    f"{display_url(url)}: is too slow ({count} bytes in {spent:.0f} s); "
                    "download it in another way and give the file"
                )
            digest.update(block)
            out.write(block)
            if progress is not None:
                progress(count, reply.length)
    finally:
        reply.close()
    if reply.length is not None and count < reply.length:
        raise WeightsError(
            f"{display_url(url)}: cannot be fetched (ended after {count} of {reply.length} bytes); "
            "try again"
        )
    return digest.hexdigest()


class _Reply:
    """The response of a server. Every failure is a WeightsError with one printable line."""

    def __init__(self, url: str) -> None:
        # Imported late, because most runs download nothing.
        from . import http_get

        self._url = url
        self._reply: Any = self._guarded(lambda: http_get.open_url(url, _SILENCE_TIMEOUT_S))
        length = self._reply.headers.get("Content-Length") or ""
        self.length = int(length) if length.isdecimal() and len(length) < 20 else None
        if self.length is not None and self.length > MAX_FILE_BYTES:
            self.close()
            raise WeightsError(
                f"{display_url(url)}: has {self.length} bytes, more than {MAX_FILE_BYTES}"
            )

    def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        return bytes(self._guarded(lambda: self._reply.read1(_CHUNK_BYTES)))

    def close(self) -> None:
        with suppress(OSError):
            self._reply.close()

    def _guarded(self, work: Callable[[], Any]) -> Any:
        from http.client import HTTPException

        try:
            return work()
        except (OSError, ValueError, LookupError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise WeightsError(
                f"{display_url(self._url)}: cannot be fetched "
                f"({printable_excerpt(reason) or type(error).__name__}); check the address"
            ) from None
