"""The table of networks by name: file or URL, checksum, license and model card."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from ..errors import InputError, OptionError, WeightsError
from ..system.printable_text import describe_os_error, printable_excerpt
from . import download as fetching
from .adopted import AdoptedNetwork, current_adopted
from .download import DownloadProgress, display_url
from .installed import InstalledNetwork, find_installed, list_installed

NETWORKS_FOLDER = Path(__file__).parent
"""Folder of the networks that ship with the package, and of their SHA256SUMS."""


@dataclass(frozen=True)
class NetworkEntry:
    """One row of the table of networks.

    Parameters
    ----------
    name : str
        The name that users give.
    task : str
        "matte", "depth", "stereo", "fuse", "detail", "parts" or "people".
    license : str
        SPDX name of the license.
    source : str
        Where the network comes from.
    card : str
        Path or URL of the model card.
    file : str, optional
        Name of a shipped file in `NETWORKS_FOLDER`.
    url : str, optional
        Where to download a network that is not shipped.
    sha256 : str, optional
        Checksum in hex. For shipped files it stands in SHA256SUMS.
    origin : {"shipped", "adopted", "pulled"}
        Whether it came with the package, was trained here, or was pulled.
    """

    name: str
    task: str
    license: str
    source: str
    card: str
    file: str | None = None
    url: str | None = None
    sha256: str | None = None
    origin: Literal["shipped", "adopted", "pulled"] = "shipped"

    @property
    def is_adopted(self) -> bool:
        """Whether the network was trained on this machine and adopted."""
        return self.origin == "adopted"

    @property
    def expected_sha256(self) -> str:
        """The expected SHA-256 of the file, in hex. WeightsError when none is known."""
        known = self.sha256 or _shipped_checksums().get(self.file or "")
        if known is None:
            raise WeightsError(f"{self.name}: no checksum is known; reinstall depthmatte")
        return known

    def local(self) -> Path | None:
        """Return the file on this machine without verifying it; None if not downloaded yet."""
        path = (
            NETWORKS_FOLDER / self.file
            if self.file
            else _cached_path(self.url or "", self.expected_sha256)
        )
        return path if path.is_file() else None

    def path(self, progress: DownloadProgress | None = None) -> Path:
        """Return the verified file; download it first if necessary.

        Raises
        ------
        WeightsError
            When the file is missing, cannot be downloaded, or has another checksum.
        """
        if self.file is None:
            if self.url is None:
                raise WeightsError(f"{self.name}: neither a file nor a url is known")
            return _fetch_to_cache(self.url, self.expected_sha256, progress=progress)
        path = NETWORKS_FOLDER / self.file  # the file itself where it is an absolute path
        if self.origin != "shipped":
            return _check_own(self, path)
        if not path.is_file():
            raise WeightsError(f"{path}: the shipped network is missing; reinstall depthmatte")
        return _verify_sha256(path, self.expected_sha256)


def _check_own(entry: NetworkEntry, path: Path) -> Path:
    """Return the verified file of an adopted or pulled network; WeightsError names a remedy."""
    problem = "is missing"
    if path.is_file():
        if _sha256_once(path) == entry.expected_sha256:
            return path
        problem = "is damaged (another sha256)"
    remedy = (
        f"go back with depthmatte networks rollback {entry.name}"
        if entry.is_adopted
        else "pull it again"
    )
    raise WeightsError(
        f"{printable_excerpt(path, 300)}: the {entry.origin} {entry.name} network {problem}; "
        f"{remedy}"
    )


def _shipped_entry(name: str) -> NetworkEntry:
    """Return the row of a shipped network, which is named after its task."""
    return NetworkEntry(
        name=name,
        task=name,
        license="Apache-2.0",
        source="trained by this project; see the model card",
        card=str(NETWORKS_FOLDER / f"{name}.md"),
        file=f"{name}.onnx",
    )


NETWORKS: dict[str, NetworkEntry] = {
    name: _shipped_entry(name)
    for name in ("matte", "depth", "stereo", "fuse", "detail", "parts", "people")
}


SHIPPED_PREFIX = "shipped:"
"""Before a name it means the shipped network, also where another one was adopted."""


def network_entry(name: str) -> NetworkEntry | None:
    """Return the row that a name means now; None when it is no name.

    Parameters
    ----------
    name : str
        A name in `NETWORKS` means the network that was adopted last (`adopted`), else the
        shipped one. "shipped:" and a name always means the shipped one. Other names are those
        of pulled networks (`installed`).

    Raises
    ------
    WeightsError
        When the list of adopted or pulled networks is damaged.
    """
    if name.startswith(SHIPPED_PREFIX):
        return NETWORKS.get(name.removeprefix(SHIPPED_PREFIX))
    entry = NETWORKS.get(name)
    if entry is None:
        pulled = find_installed(name)
        return _pulled_entry(pulled) if pulled else None
    adopted = current_adopted(name)
    return _adopted_entry(entry, adopted) if adopted else entry


def _adopted_entry(shipped: NetworkEntry, adopted: AdoptedNetwork) -> NetworkEntry:
    """Return the row of an adopted network. Its file is an absolute path."""
    return replace(
        shipped,
        source=f"trained on this machine, number {adopted.number}",
        card=str(adopted.folder / "report.json"),
        file=str(adopted.file.absolute()),
        sha256=adopted.sha256,
        origin="adopted",
    )


def _pulled_entry(network: InstalledNetwork) -> NetworkEntry:
    """Return the row of a pulled network. Its file is an absolute path."""
    return NetworkEntry(
        name=network.name,
        task=network.task,
        license=network.license,
        source=network.source,
        card="",
        file=str(network.file.absolute()),
        sha256=network.sha256,
        origin="pulled",
    )


def network_path(name: str | Path, progress: DownloadProgress | None = None) -> Path:
    """Return the file of a network; download it first if necessary.

    Parameters
    ----------
    name : str or Path
        A name in `NETWORKS`, which means the network adopted last; "shipped:" and a name; the
        name of a pulled network; the path of an `.onnx` file; or `URL#sha256=HEX`.
    progress : callable, optional
        Called during a download with the bytes received so far and the total, None if unknown.

    Returns
    -------
    Path
        The file. Shipped and downloaded files are verified once per process. A path is not.

    Raises
    ------
    OptionError
        When the name is unknown.
    InputError
        When the path does not exist or the URL is not valid.
    WeightsError
        When the file is missing or damaged, or cannot be downloaded.
    """
    text = str(name)
    entry = network_entry(text)
    if entry is not None:
        return entry.path(progress)
    if is_address(text):
        return _fetch_to_cache(*_split_checksum(text), progress=progress)
    if text.endswith(".onnx"):
        if "\0" in text or not os.path.isfile(text):
            raise InputError(
                f"{printable_excerpt(text, 300)}: no such network file; check the path"
            )
        return Path(text)
    raise OptionError(
        f"{printable_excerpt(text, 300)}: unknown network; "
        f"use {', '.join((*NETWORKS, *list_installed()))}, an .onnx file or URL#sha256=HEX"
    )


def pending_download(name: str | Path) -> str | None:
    """Return the address that `network_path` would download from, as it may be printed.

    Parameters
    ----------
    name : str or Path
        A name in `NETWORKS`, the path of an `.onnx` file, or `URL#sha256=HEX`.

    Returns
    -------
    str or None
        The address without a password. None when nothing needs to be downloaded.

    Raises
    ------
    InputError
        When a URL carries no checksum or is not valid.
    """
    text = str(name)
    entry = NETWORKS.get(text)
    if entry is not None and entry.file is None and entry.url is not None:
        url, sha256 = entry.url, entry.expected_sha256
    elif entry is None and is_address(text):
        url, sha256 = _split_checksum(text)
    else:
        return None
    return None if _is_cached(_cached_path(url, sha256), sha256) else display_url(url)


def is_address(text: str) -> bool:
    """Return whether a text means a file on a server."""
    return text.lower().startswith(("http://", "https://"))


def _split_checksum(text: str) -> tuple[str, str]:
    """Split `URL#sha256=HEX` into address and checksum."""
    address, _, checksum = text.partition("#sha256=")
    if not re.fullmatch("[0-9a-fA-F]{64}", checksum):
        raise InputError(
            f"{display_url(address)}: a network from a server needs its checksum; "
            "append #sha256=HEX to the URL"
        )
    return address, checksum.lower()


def is_shipped(file: Path) -> bool:
    """Return whether `file` is one of the shipped networks and has the expected checksum."""
    known = _shipped_checksums().get(file.name) if file.parent == NETWORKS_FOLDER else None
    if known is None or not file.is_file():
        return False
    return _sha256_once(file) == known


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hex; WeightsError when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{printable_excerpt(file, 300)}: cannot be read ({describe_os_error(error)}); "
            "check its permissions"
        ) from None


def _verify_sha256(file: Path, sha256: str) -> Path:
    """Return the file if it has this SHA-256; WeightsError otherwise."""
    found = _sha256_once(file)
    if found != sha256:
        raise WeightsError(
            f"{printable_excerpt(file, 300)}: is damaged (sha256 {found[:12]}, expected "
            f"{sha256[:12]}); delete it and get it again"
        )
    return file


_digests: dict[tuple[str, int, int, int], str] = {}


def _sha256_once(file: Path) -> str:
    """Return the SHA-256, computed once per process as long as the file does not change."""
    try:
        state = file.stat()
    except OSError:
        return file_sha256(file)  # raises the error
    key = (str(file), state.st_size, state.st_mtime_ns, state.st_ino)
    if key not in _digests:
        _digests[key] = file_sha256(file)
    return _digests[key]


@cache
def _shipped_checksums() -> dict[str, str]:
    """Read file name -> SHA-256 from SHA256SUMS, which has the format of `sha256sum`."""
    listing = NETWORKS_FOLDER / "SHA256SUMS"
    if not listing.is_file():
        raise WeightsError(f"{listing}: missing; reinstall depthmatte")
    rows = (line.split() for line in listing.read_text("ascii").splitlines() if line.strip())
    return {name.lstrip("*"): checksum for checksum, name in rows}


def cache_folder() -> Path:
    """Return the folder of downloads: $DEPTHMATTE_CACHE, else the cache folder of the system."""
    if chosen := os.environ.get("DEPTHMATTE_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "depthmatte"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "depthmatte"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "depthmatte"


def _cached_path(url: str, sha256: str, folder: Path | None = None) -> Path:
    """Return where a download is stored in `folder` (default: the cache).

    The name starts with the checksum, so that versions of one network do not collide.
    InputError when the URL is not valid.
    """
    last = fetching.check_url(url).partition("?")[0].partition("#")[0].rpartition("/")[2]
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", last)[-80:] or "network.onnx"
    return (folder or cache_folder()) / f"{sha256[:12]}-{stem}"


def _fetch_to_cache(
    url: str, sha256: str, folder: Path | None = None, progress: DownloadProgress | None = None
) -> Path:
    """Download `url` into `folder` (default: the cache) unless the file is there already.

    The file appears only once it is complete and its SHA-256 is `sha256`. InputError when the
    URL is not valid, WeightsError when the download fails.
    """
    target = _cached_path(url, sha256, folder)
    if not _is_cached(target, sha256):
        fetching.download_file(url, sha256, target, progress)
    return target


def _is_cached(target: Path, sha256: str) -> bool:
    return os.path.isfile(target) and _sha256_once(target) == sha256
