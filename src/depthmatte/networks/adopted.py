"""Networks that were trained on this machine, and which of them is the current one.

`networks/NAME/NNN/` in the user's data folder holds one network: `NAME.onnx` and `report.json`.
`networks/NAME/current.json` lists the adopted ones, the current one last. Without that file, or
with an empty list, the shipped network is the current one. Rolling back takes the last off.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, WeightsError
from ..system.atomic_write import atomic_draft
from ..system.folder_lock import folder_lock
from ..system.printable_text import label
from ..system.user_folders import make_private_folder, user_data_folder

SHIPPED_ONLY_VARIABLE = "DEPTHMATTE_NETWORKS"
"""Environment variable: "shipped" makes every name mean the shipped network."""

_POINTER = "current.json"
_REPORT = "report.json"
_MAX_JSON_BYTES = 16 << 20
_MAX_NETWORKS = 9999
_NUMBER = re.compile(r"\d{3,4}")


@dataclass(frozen=True)
class AdoptedNetwork:
    """A network that was adopted.

    Attributes
    ----------
    name : str
        The name that means it, such as "matte".
    number : int
        Number of its folder, from 1.
    sha256 : str
        Its checksum in hex.
    """

    name: str
    number: int
    sha256: str

    @property
    def folder(self) -> Path:
        """The folder of network and report."""
        return adopted_folder(self.name) / f"{self.number:03}"

    @property
    def file(self) -> Path:
        """The ONNX file."""
        return self.folder / f"{self.name}.onnx"


def adopted_folder(name: str) -> Path:
    """Return the folder of the networks of this name that were trained here. It is not made."""
    return user_data_folder() / "networks" / name


def list_adopted(name: str) -> list[AdoptedNetwork]:
    """Return the adopted networks of a name, the current one last.

    Raises
    ------
    WeightsError
        When the list is damaged.
    """
    path = adopted_folder(name) / _POINTER
    try:
        held = _read_json(path)
    except FileNotFoundError:
        return []
    try:
        found = [
            AdoptedNetwork(name, int(row["number"]), str(row["sha256"])) for row in held["adopted"]
        ]
    except (KeyError, TypeError, ValueError):
        raise _damaged_pointer(path, name) from None
    if not all(0 < one.number <= _MAX_NETWORKS for one in found):
        raise _damaged_pointer(path, name)
    return found


def current_adopted(name: str) -> AdoptedNetwork | None:
    """Return the adopted network that a name means now; None for the shipped one.

    The environment variable DEPTHMATTE_NETWORKS=shipped turns adopted networks off. WeightsError
    when the list is damaged.
    """
    if os.environ.get(SHIPPED_ONLY_VARIABLE) == "shipped":
        return None
    adopted = list_adopted(name)
    return adopted[-1] if adopted else None


def keep_network(name: str, file: Path | None, report: Mapping[str, Any]) -> AdoptedNetwork:
    """Store a trained network in a folder of its own. It does not become the current one.

    Parameters
    ----------
    name : str
        The name of the network.
    file : Path or None
        The ONNX file. It is copied. None stores the report alone.
    report : mapping
        What report.json tells; its `sha256` is the checksum of the file.

    Returns
    -------
    AdoptedNetwork
        The stored network, with its number.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    home = make_private_folder(adopted_folder(name))
    with folder_lock(home):
        shutil.rmtree(home / ".new", ignore_errors=True)
        fresh = make_private_folder(home / ".new")
        if file is not None:
            with atomic_draft(fresh / f"{name}.onnx") as draft:
                shutil.copyfile(file, draft)
        number = max((one for one, _ in _folders(home)), default=0) + 1
        store_report(fresh / _REPORT, {"number": number, **report})
        kept = AdoptedNetwork(name, number, str(report["sha256"]))
        fresh.rename(kept.folder)
    return kept


def adopt_network(network: AdoptedNetwork) -> None:
    """Make a stored network the current one of its name."""
    _write_pointer(network.name, lambda adopted: [*adopted, network])


def use_network(name: str, number: int) -> AdoptedNetwork | None:
    """Make a stored network the current one, by hand.

    Parameters
    ----------
    name : str
        The name of the network.
    number : int
        The number of its folder; 0 for the shipped network.

    Returns
    -------
    AdoptedNetwork or None
        The current network; None for the shipped one.

    Raises
    ------
    InputError
        When there is no such network.
    """
    if number == 0:
        _write_pointer(name, lambda _: [])
        return None
    report = read_report(name, number)
    chosen = AdoptedNetwork(name, number, str(report.get("sha256")))
    if not chosen.file.is_file():
        raise InputError(f"{label(chosen.file)}: is missing; choose another number")
    adopt_network(chosen)
    return chosen


def rollback_network(name: str) -> AdoptedNetwork | None:
    """Go back to the network that was the current one before.

    A damaged list means going back to the shipped network. The network that is given up stays in
    its folder.

    Returns
    -------
    AdoptedNetwork or None
        The network that is current now; None for the shipped one.

    Raises
    ------
    InputError
        When the shipped network is the current one already.
    """
    before: list[AdoptedNetwork] = []

    def drop_last(adopted: list[AdoptedNetwork]) -> list[AdoptedNetwork]:
        if not adopted:
            raise InputError(f"{name}: the shipped network is the current one; nothing to undo")
        before.extend(adopted[:-1])
        return adopted[:-1]

    home = adopted_folder(name)
    if not home.is_dir():
        drop_last([])
    try:
        _write_pointer(name, drop_last)
    except WeightsError:
        with folder_lock(home):
            (home / _POINTER).unlink()
        return None
    return before[-1] if before else None


def list_reports(name: str) -> list[dict[str, Any]]:
    """Return the reports of all networks of a name that were trained here, oldest first.

    A report that cannot be read has `number` and `error` only.
    """
    found: list[dict[str, Any]] = []
    for number, _ in sorted(_folders(adopted_folder(name))):
        try:
            found.append(read_report(name, number))
        except InputError as error:
            found.append({"number": number, "error": str(error)})
    return found


def read_report(name: str, number: int) -> dict[str, Any]:
    """Read the report of a network that was trained here; InputError where there is none."""
    path = adopted_folder(name) / f"{number:03}" / _REPORT
    try:
        return {**_read_json(path), "number": number}
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{name} {number}: no such network was trained here; see depthmatte networks list"
        ) from None
    except WeightsError:
        raise InputError(f"{label(path)}: is damaged; delete its folder") from None


def store_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report as JSON, whole or not at all."""
    with atomic_draft(path) as draft:
        draft.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _folders(home: Path) -> list[tuple[int, Path]]:
    """(number, folder) of the networks that were trained here."""
    if not home.is_dir():
        return []
    return [(int(one.name), one) for one in home.iterdir() if _NUMBER.fullmatch(one.name)]


def _write_pointer(name: str, change: Any) -> None:
    """Change the list of adopted networks; other processes wait meanwhile."""
    home = make_private_folder(adopted_folder(name))
    with folder_lock(home):
        rows = [{"number": one.number, "sha256": one.sha256} for one in change(list_adopted(name))]
        store_report(home / _POINTER, {"adopted": rows})


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; FileNotFoundError where there is none, WeightsError for another file."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_JSON_BYTES + 1)
        held = json.loads(content) if len(content) <= _MAX_JSON_BYTES else None
    except FileNotFoundError:
        raise
    except NotADirectoryError:
        raise FileNotFoundError from None
    except (OSError, ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise _damaged_pointer(path, path.parent.name)
    return held


def _damaged_pointer(path: Path, name: str) -> WeightsError:
    return WeightsError(
        f"{label(path)}: cannot be read; depthmatte networks rollback {name} "
        "goes back to the shipped network"
    )
