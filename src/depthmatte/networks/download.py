"""Networks from a server: whole and of the right checksum, or not at all.

A server may be slow, broken or hostile: what it sends is bounded in bytes (MOST_BYTES) and in
time (TIMEOUT, SLOWEST, LONGEST), only http and https are spoken, after redirects too, and what it
says is cleaned before it stands in a message. Proxies are those of the environment
(`https_proxy`, `no_proxy`), as other programs use them.
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
from ..system.text import describe_os_error, printable_excerpt
from .onnx_file import MAX_FILE_BYTES

DownloadProgress = Callable[[int, int | None], object]
"""Called with the bytes that came so far and, where the server says it, their sum."""

_SILENCE_TIMEOUT_S = 30.0
"""Seconds a server may stay silent, and may take for its answer's head."""

_MIN_BYTES_PER_S = 8192
"""Bytes a second that must have come on the average once TIMEOUT has passed."""

_MAX_DOWNLOAD_S = 3600.0
"""Seconds a whole download may take."""

_CHUNK_BYTES = 1 << 20

_URL_SCHEMES = ("http", "https")


def check_url(url: str) -> str:
    """The url, if it is one of a file on a web server; InputError for any other."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        good = parts.scheme in _URL_SCHEMES and bool(parts.hostname) and parts.port != 0
        good = good and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if not good:
        raise InputError(
            f"{display_url(url)}: is not an address; give https://HOST/FILE#sha256=HEX"
        )
    return url


def display_url(url: str) -> str:
    """A url as it may stand in a message: cleaned, cut, and without a password."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return printable_excerpt(f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}", 200)


def download_file(
    url: str, sha256: str, target: Path, progress: DownloadProgress | None = None
) -> None:
    """Download `url` to `target`, whose folder is made.

    Parameters
    ----------
    url
        http or https.
    sha256
        What the file must hash to, in hex.
    target
        Appears only once it is complete and right.
    progress
        Is told how far it is.

    Raises
    ------
    InputError
        For what is no web address.
    WeightsError
        When the server cannot be reached, sends something else, too much or too slowly, and
        when the file cannot be kept.
    """
    check_url(url)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft_in(target.parent) as draft:
            with draft.open("wb") as out:
                found = _download(url, out, progress)
            if found != sha256:
                raise WeightsError(
                    f"{display_url(url)}: what came has another sha256 than {sha256[:12]}; check both"
                )
            os.replace(draft, target)
    except OSError as error:
        raise WeightsError(
            f"{printable_excerpt(target.parent)}: networks cannot be kept there "
            f"({describe_os_error(error)}); "
            "set DEPTHMATTE_CACHE to another folder"
        ) from None


def _download(url: str, out: BinaryIO, progress: DownloadProgress | None) -> str:
    """Write what the server sends; its SHA-256. OSError only where writing fails."""
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
                    f"{display_url(url)}: sends too slowly ({count} bytes in {spent:.0f} s); "
                    "download it otherwise and give the file"
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
    """A server's answer; whatever goes wrong with it is a WeightsError of one clean line."""

    def __init__(self, url: str) -> None:
        # Here, not above: a run that fetches nothing needs none of it.
        from . import http_get

        self._url = url
        self._reply: Any = self._guarded(lambda: http_get.open_url(url, _SILENCE_TIMEOUT_S))
        said = self._reply.headers.get("Content-Length") or ""
        self.length = int(said) if said.isdecimal() and len(said) < 20 else None
        if self.length is not None and self.length > MAX_FILE_BYTES:
            self.close()
            raise WeightsError(
                f"{display_url(url)}: has {self.length} bytes, more than {MAX_FILE_BYTES}"
            )

    def read(self) -> bytes:
        """What has come; empty at the end."""
        return bytes(self._guarded(lambda: self._reply.read1(_CHUNK_BYTES)))

    def close(self) -> None:
        with suppress(OSError):
            self._reply.close()

    def _guarded(self, work: Callable[[], Any]) -> Any:
        from http.client import HTTPException

        try:
            return work()
        except (OSError, ValueError, LookupError, HTTPException) as error:
            said = getattr(error, "reason", None) or error
            raise WeightsError(
                f"{display_url(self._url)}: cannot be fetched "
                f"({printable_excerpt(said) or type(error).__name__}); check the address"
            ) from None
