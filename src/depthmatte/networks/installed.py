"""Networks that were pulled onto this machine, by the names that the user gave them.

`networks/pulled/` in the user's data folder holds one file per checksum, `SHA256.onnx`, and
`networks.json`, the list of names. A network is there as soon as the list names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, WeightsError
from ..system.atomic_write import atomic_draft
from ..system.printable_text import label, printable_excerpt
from ..system.user_folders import user_data_folder

_LIST = "networks.json"
_MAX_LIST_BYTES = 4 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class InstalledNetwork:
    """A network that was pulled.

    Attributes
    ----------
    name : str
        The name that means it.
    task : str
        "matte", "depth", "stereo", "fuse", "detail", "parts" or "people".
    sha256 : str
        Its checksum in hex.
    source : str
        Where it came from, without a password.
    license : str
        The license that its file names.
    """

    name: str
    task: str
    sha256: str
    source: str
    license: str

    @property
    def file(self) -> Path:
        """The ONNX file."""
        return installed_folder() / f"{self.sha256}.onnx"


def installed_folder() -> Path:
    """Return the folder of the pulled networks. It is not made."""
    return user_data_folder() / "networks" / "pulled"


def is_network_name(text: str) -> bool:
    """Return whether a text can be the name of a pulled network."""
    return _NAME.fullmatch(text) is not None and not text.lower().endswith(".onnx")


def list_installed() -> dict[str, InstalledNetwork]:
    """Return the pulled networks by name.

    Raises
    ------
    WeightsError
        When the list is damaged.
    """
    path = installed_folder() / _LIST
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_LIST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        content = b""
    try:
        rows = json.loads(content if len(content) <= _MAX_LIST_BYTES else b"")["networks"]
        found = {name: _read_row(name, row) for name, row in rows.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise WeightsError(f"{label(path)}: is damaged; delete it and pull again") from None
    return found


def find_installed(name: str) -> InstalledNetwork | None:
    """Return the pulled network of a name; None when there is none."""
    return list_installed().get(name) if is_network_name(name) else None


def store_installed(networks: Mapping[str, InstalledNetwork]) -> None:
    """Write the list of pulled networks, and remove the files that it no longer names.

    The caller holds the lock of the folder.
    """
    home = installed_folder()
    rows = {name: _row(one) for name, one in sorted(networks.items())}
    with atomic_draft(home / _LIST) as draft:
        draft.write_text(json.dumps({"networks": rows}, indent=1) + "\n", "utf-8")
    named = {one.file for one in networks.values()}
    for file in home.glob("*.onnx"):
        if _SHA256.fullmatch(file.stem) and file not in named:
            file.unlink(missing_ok=True)


def require_installed(name: str) -> InstalledNetwork:
    """Return the pulled network of a name; InputError when there is none."""
    found = find_installed(name)
    if found is None:
        known = ", ".join(list_installed()) or "there is none"
        raise InputError(f"{printable_excerpt(name)}: no such pulled network; choose of: {known}")
    return found


def _row(network: InstalledNetwork) -> dict[str, Any]:
    row = asdict(network)
    del row["name"]
    return row


def _read_row(name: str, row: Mapping[str, Any]) -> InstalledNetwork:
    """Read a row of the list; ValueError for anything else."""
    if not is_network_name(name) or not _SHA256.fullmatch(str(row["sha256"])):
        raise ValueError
    texts = {key: printable_excerpt(row[key], 300) for key in ("task", "source", "license")}
    return InstalledNetwork(name=name, sha256=row["sha256"], **texts)
