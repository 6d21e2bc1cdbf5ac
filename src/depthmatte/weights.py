"""The table of networks: where each file is, what it must hash to, and whose it is."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path

from .errors import InputError, WeightsError

FOLDER = Path(__file__).parent / "networks"
"""The networks that ship inside the package, with SHA256SUMS beside them."""

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds a server may stay silent before a download is given up."""


@dataclass(frozen=True)
class Weights:
    """One row of the table. `file` lies in FOLDER; without it the network comes from `url`."""

    name: str
    task: str
    licence: str
    source: str
    card: str
    file: str | None = None
    url: str | None = None
    sha256: str | None = None

    @property
    def expected(self) -> str:
        """The SHA-256 the file must have, in hex: a shipped file's stands in SHA256SUMS."""
        known = self.sha256 or shipped_sums().get(self.file or "")
        if known is None:
            raise WeightsError(f"{self.name}: no checksum is known; reinstall depthmatte")
        return known

    def local(self) -> Path | None:
        """The file as it lies here, unverified; None when it is yet to be fetched."""
        path = FOLDER / self.file if self.file else cached(self.url or "", self.expected)
        return path if path.is_file() else None

    def path(self) -> Path:
        """The verified file, fetched first if it is not shipped and not in the cache.

        Raises WeightsError when it is missing, cannot be fetched, or has another checksum.
        """
        if self.file is None:
            if self.url is None:
                raise WeightsError(f"{self.name}: neither a file nor a url is known")
            return fetch(self.url, self.expected)
        path = FOLDER / self.file
        if not path.is_file():
            raise WeightsError(f"{path}: the shipped network is missing; reinstall depthmatte")
        return verify(path, self.expected)


def _shipped(name: str) -> Weights:
    """A network that this project trained for the task of its name."""
    return Weights(
        name=name,
        task=name,
        licence="Apache-2.0",
        source=f"trained by this project, see runs/{name}.sh",
        card=f"runs/{name}.md",
        file=f"{name}.onnx",
    )


TABLE: dict[str, Weights] = {name: _shipped(name) for name in ("matte", "depth", "stereo", "fuse")}


def path(name: str | Path) -> Path:
    """The file of a network.

    `name` is a name in TABLE, the path of an `.onnx` file, or `URL#sha256=HEX`. Files
    from the table and from a server are verified on every call (a few ms); a file of the
    user's own is taken as it is. Raises InputError for a name nobody knows, WeightsError
    for a file that is missing or damaged.
    """
    text = str(name)
    if text in TABLE:
        return TABLE[text].path()
    if text.startswith(("http://", "https://")):
        address, _, checksum = text.partition("#sha256=")
        if not re.fullmatch("[0-9a-fA-F]{64}", checksum):
            raise InputError(f"{address}: a network from a server needs #sha256=HEX behind its url")
        return fetch(address, checksum.lower())
    if text.endswith(".onnx"):
        if not os.path.isfile(text):
            raise InputError(f"{text}: no such network file; check the path")
        return Path(text)
    raise InputError(
        f"{text}: unknown network; use {', '.join(TABLE)}, an .onnx file or URL#sha256=HEX"
    )


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex; WeightsError when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{file}: cannot be read ({error.strerror}); check its permissions"
        ) from None


def verify(file: Path, sha256: str) -> Path:
    """`file` itself, if its SHA-256 is `sha256`; WeightsError otherwise."""
    found = digest(file)
    if found != sha256:
        raise WeightsError(
            f"{file}: damaged (sha256 {found[:12]}, expected {sha256[:12]}); "
            "delete it and get it again"
        )
    return file


@cache
def shipped_sums() -> dict[str, str]:
    """File name -> SHA-256, read from SHA256SUMS (the format of the `sha256sum` tool)."""
    listing = FOLDER / "SHA256SUMS"
    if not listing.is_file():
        raise WeightsError(f"{listing}: missing; reinstall depthmatte")
    rows = (line.split() for line in listing.read_text("ascii").splitlines() if line.strip())
    return {name.lstrip("*"): checksum for checksum, name in rows}


def cache_folder() -> Path:
    """Where fetched networks are kept: $DEPTHMATTE_CACHE, else the platform's cache folder."""
    if chosen := os.environ.get("DEPTHMATTE_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "depthmatte"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "depthmatte"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "depthmatte"


def cached(url: str, sha256: str, folder: Path | None = None) -> Path:
    """Where the network from `url` lies once it is fetched into `folder` (default: the cache).

    The checksum in the name keeps two versions of one network apart.
    """
    stem = Path(urllib.parse.urlparse(url).path).name or "network.onnx"
    return (folder or cache_folder()) / f"{sha256[:12]}-{stem}"


def fetch(url: str, sha256: str, folder: Path | None = None) -> Path:
    """Download `url` into `folder` (default: the cache) unless the right file is there.

    The file appears only once it is complete and its SHA-256 is `sha256`. Raises
    WeightsError when the server cannot be reached or sends something else.
    """
    target = cached(url, sha256, folder)
    if os.path.isfile(target) and digest(target) == sha256:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
    except OSError as error:
        raise WeightsError(
            f"{target.parent}: networks cannot be kept there ({error.strerror}); "
            "set DEPTHMATTE_CACHE to another folder"
        ) from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            _download(url, out.write)
        if digest(part) != sha256:
            raise WeightsError(
                f"{url}: what came has another sha256 than {sha256[:12]}; check both"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _download(url: str, write: Callable[[bytes], object]) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
            while block := reply.read(CHUNK):
                write(block)
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"{url}: cannot be fetched ({reason}); check the address") from None
