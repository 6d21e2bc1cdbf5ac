"""Pull a network onto this machine: fetch or copy it, verify it, and give it a name."""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from ..errors import InputError, OptionError, WeightsError
from ..system.folder_lock import folder_lock
from ..system.printable_text import describe_os_error, label, printable_excerpt
from ..system.user_folders import make_private_folder
from . import registry
from .download import DownloadProgress, display_url, resume_download
from .installed import (
    InstalledNetwork,
    find_installed,
    installed_folder,
    is_network_name,
    list_installed,
    require_installed,
    store_installed,
)
from .network import Network
from .onnx_file import MAX_FILE_BYTES

_RESERVED_NAMES = frozenset({*registry.NETWORKS, "sgbm", "network", "none", "auto"})
_PARTIAL_SUFFIX = ".partial"
_PARTIAL_DAYS = 14
"""Days that the beginning of a file is kept after the last try to pull it."""

_CHUNK_BYTES = 1 << 20


def pull_network(
    source: str | Path,
    name: str | None = None,
    sha256: str | None = None,
    replace: bool = False,
    progress: DownloadProgress | None = None,
) -> InstalledNetwork:
    """Fetch a network, verify it, and install it under a name.

    A download that breaks goes on where it ended, also in a later call. The name means the new
    network only once the file is complete, has the checksum and loads.

    Parameters
    ----------
    source : str or Path
        `URL#sha256=HEX`, or the path of an ONNX file.
    name : str, optional
        The name. By default that of the file without its suffix.
    sha256 : str, optional
        The checksum in hex, where it does not stand behind the URL. A path may go without.
    replace : bool
        Whether the name may mean another network already.
    progress : callable, optional
        Called with the bytes received so far and the total in bytes, None if unknown.

    Returns
    -------
    InstalledNetwork
        The network. It is the old one when it is there already.

    Raises
    ------
    OptionError
        When the name or the checksum is not valid.
    InputError
        When the source is no file or address, the name is taken, or another pull goes on.
    WeightsError
        When the download fails, the checksum differs, or the file is no usable network.

    Examples
    --------
    >>> network = pull_network("mine.onnx", name="mine")  # doctest: +SKIP
    >>> session = dm.Session(matte_network="mine")  # doctest: +SKIP
    """
    place, expected = _split_source(str(source), sha256)
    name = _check_name(name or _default_name(place))
    home = make_private_folder(installed_folder())
    with folder_lock(home, ".pull.lock", busy="another pull goes on"):
        if not registry.is_address(place):
            expected = _copied_sha256(place, expected, home)
        assert expected is not None
        before = find_installed(name)
        if before is not None and before.sha256 != expected and not replace:
            (home / f"{expected}{_PARTIAL_SUFFIX}").unlink(missing_ok=True)
            raise InputError(f"{name}: is another network already; give another name, or --replace")
        target = home / f"{expected}.onnx"
        partial = home / f"{expected}{_PARTIAL_SUFFIX}"
        if target.is_file() and registry.file_sha256(target) == expected:
            partial.unlink(missing_ok=True)
            network = _inspect(target, name, place, expected)
        else:
            if registry.is_address(place):
                resume_download(place, expected, partial, progress)
            network = _inspect(partial, name, place, expected)
            os.replace(partial, target)
        store_installed({**list_installed(), name: network})
        _sweep_partials(home)
    return network


def remove_network(name: str) -> InstalledNetwork:
    """Remove a pulled network and return what it was.

    Raises
    ------
    InputError
        When there is no pulled network of this name.
    """
    found = require_installed(name)
    with folder_lock(installed_folder(), ".pull.lock", busy="a pull goes on"):
        store_installed({key: one for key, one in list_installed().items() if key != name})
    return found


def pulls_from(source: str) -> str | None:
    """Return the address that a pull would fetch, as it may be printed; None for a path."""
    place = source.partition("#")[0]
    return display_url(place) if registry.is_address(source) else None


def _split_source(source: str, sha256: str | None) -> tuple[str, str | None]:
    """Return place and checksum; the checksum is None only for a path."""
    match = re.fullmatch(r"(.+)#sha256=([0-9a-fA-F]{64})", source, re.DOTALL)
    place, told = (match[1], match[2].lower()) if match else (source, None)
    given = sha256.lower() if sha256 else None
    if given is not None and not re.fullmatch("[0-9a-f]{64}", given):
        raise OptionError("--sha256: is no SHA-256; give 64 hexadecimal digits")
    if given and told and given != told:
        raise OptionError("--sha256: differs from the checksum behind the URL; give one of them")
    if registry.is_address(place) and not (given or told):
        raise InputError(
            f"{display_url(place)}: a network from a server needs its checksum; "
            "append #sha256=HEX to the URL, or give --sha256"
        )
    return place, given or told


def _default_name(place: str) -> str:
    last = re.split(r"[/\\]", place.partition("?")[0])[-1]
    stem = last[:-5] if last.lower().endswith(".onnx") else last
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:60]


def _check_name(name: str) -> str:
    if not is_network_name(name):
        raise OptionError(
            f"name {printable_excerpt(name, 80)!r}: cannot be used; give --name with 1 to 60 "
            "letters, digits, dots, dashes and underscores"
        )
    if name in _RESERVED_NAMES:
        raise OptionError(f"name {name}: has a meaning already; give another --name")
    return name


def _copied_sha256(place: str, expected: str | None, home: Path) -> str:
    """Copy a file to its partial file and return its checksum; WeightsError when it differs."""
    shown = printable_excerpt(place, 300)
    if "\0" in place or not os.path.isfile(place):
        raise InputError(f"{shown}: no such network file; check the path")
    digest, copy = hashlib.sha256(), home / f"copy{_PARTIAL_SUFFIX}"
    try:
        if os.path.getsize(place) > MAX_FILE_BYTES:
            raise WeightsError(f"{shown}: has more than {MAX_FILE_BYTES} bytes")
        with open(place, "rb") as given, copy.open("wb") as out:
            while block := given.read(_CHUNK_BYTES):
                digest.update(block)
                out.write(block)
        found = digest.hexdigest()
        if expected not in (None, found):
            raise WeightsError(
                f"{shown}: has the sha256 {found[:12]}, not {str(expected)[:12]}; get it again"
            )
        os.replace(copy, home / f"{found}{_PARTIAL_SUFFIX}")
    except OSError as error:
        raise WeightsError(
            f"{shown}: cannot be copied to {label(home)} ({describe_os_error(error)}); "
            "make room or check the permissions"
        ) from None
    finally:
        copy.unlink(missing_ok=True)
    return found


def _inspect(file: Path, name: str, place: str, sha256: str) -> InstalledNetwork:
    """Load the network once; remove the file and raise WeightsError when it is not usable."""
    is_url = registry.is_address(place)
    shown = display_url(place) if is_url else printable_excerpt(place, 300)
    try:
        contract = Network(file, threads=1, trusted=False).contract
    except WeightsError as error:
        file.unlink(missing_ok=True)
        problem = str(error).replace(printable_excerpt(file, 300), shown)
        raise WeightsError(problem) from None
    return InstalledNetwork(
        name=name,
        task=contract.task,
        sha256=sha256,
        source=shown if is_url else label(os.path.abspath(place)),
        license=printable_excerpt(contract.license, 100),
    )


def _sweep_partials(home: Path) -> None:
    """Remove beginnings of files that nobody pulls any more."""
    for partial in home.glob(f"*{_PARTIAL_SUFFIX}"):
        with suppress(OSError):
            if time.time() - partial.stat().st_mtime > _PARTIAL_DAYS * 86400:
                partial.unlink()
