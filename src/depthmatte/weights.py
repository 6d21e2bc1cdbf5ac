"""The table of networks: where each file is, what it must hash to, and whose it is."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import fetch as fetching
from .errors import InputError, OptionError, WeightsError
from .fetch import Progress, shown
from .text import plain, reason

FOLDER = Path(__file__).parent / "networks"
"""The networks that ship inside the package, with SHA256SUMS beside them."""


@dataclass(frozen=True)
class Weights:
    """One row of the table. `file` lies in FOLDER; without it the network comes from `url`.

    `card` is where the model card is: a file beside a shipped network, else an address.
    """

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

    def path(self, progress: Progress | None = None) -> Path:
        """The verified file, fetched first if it is not shipped and not in the cache.

        Raises WeightsError when it is missing, cannot be fetched, or has another checksum.
        """
        if self.file is None:
            if self.url is None:
                raise WeightsError(f"{self.name}: neither a file nor a url is known")
            return fetch(self.url, self.expected, progress=progress)
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
        source="trained by this project; the card says how",
        card=str(FOLDER / f"{name}.md"),
        file=f"{name}.onnx",
    )


TABLE: dict[str, Weights] = {name: _shipped(name) for name in ("matte", "depth", "stereo", "fuse")}


def path(name: str | Path, progress: Progress | None = None) -> Path:
    """The file of a network.

    Parameters
    ----------
    name
        A name in TABLE, the path of an `.onnx` file, or `URL#sha256=HEX`.
    progress
        What a download calls with the bytes that came and, where known, their sum.

    Returns
    -------
    Path
        Files from the table and from a server are verified, once per process while they stay
        as they are; a file of the user's own is taken as it is.

    Raises
    ------
    InputError
        For a name nobody knows (an OptionError), and for a path where no file is.
    WeightsError
        For a file that is missing or damaged.
    """
    text = str(name)
    if text in TABLE:
        return TABLE[text].path(progress)
    if text.lower().startswith(("http://", "https://")):
        address, _, checksum = text.partition("#sha256=")
        if not re.fullmatch("[0-9a-fA-F]{64}", checksum):
            raise InputError(
                f"{shown(address)}: a network from a server needs #sha256=HEX behind its url"
            )
        return fetch(address, checksum.lower(), progress=progress)
    if text.endswith(".onnx"):
        if "\0" in text or not os.path.isfile(text):
            raise InputError(f"{plain(text, 300)}: no such network file; check the path")
        return Path(text)
    raise OptionError(
        f"{plain(text, 300)}: unknown network; "
        f"use {', '.join(TABLE)}, an .onnx file or URL#sha256=HEX"
    )


def shipped(file: Path) -> bool:
    """Is `file` a network of this package's own, of the right checksum?"""
    known = shipped_sums().get(file.name) if file.parent == FOLDER else None
    if known is None or not file.is_file():
        return False
    return _digest_once(file) == known


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex; WeightsError when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{plain(file, 300)}: cannot be read ({reason(error)}); check its permissions"
        ) from None


def verify(file: Path, sha256: str) -> Path:
    """`file` itself, if its SHA-256 is `sha256`; WeightsError otherwise."""
    found = _digest_once(file)
    if found != sha256:
        raise WeightsError(
            f"{plain(file, 300)}: damaged (sha256 {found[:12]}, expected {sha256[:12]}); "
            "delete it and get it again"
        )
    return file


_digests: dict[tuple[str, int, int, int], str] = {}


def _digest_once(file: Path) -> str:
    """The digest, taken once per process while the file's size, time and place stay the same."""
    try:
        state = file.stat()
    except OSError:
        return digest(file)  # says why
    key = (str(file), state.st_size, state.st_mtime_ns, state.st_ino)
    if key not in _digests:
        _digests[key] = digest(file)
    return _digests[key]


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

    The checksum in the name keeps two versions of one network apart. InputError for no url.
    """
    last = fetching.checked(url).partition("?")[0].partition("#")[0].rpartition("/")[2]
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", last)[-80:] or "network.onnx"
    return (folder or cache_folder()) / f"{sha256[:12]}-{stem}"


def fetch(
    url: str, sha256: str, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Download `url` into `folder` (default: the cache) unless the right file is there.

    The file appears only once it is complete and its SHA-256 is `sha256`. Raises InputError for
    no address, WeightsError when the server cannot be reached or sends something else.
    """
    target = cached(url, sha256, folder)
    if not (os.path.isfile(target) and _digest_once(target) == sha256):
        fetching.fetch(url, sha256, target, progress)
    return target
