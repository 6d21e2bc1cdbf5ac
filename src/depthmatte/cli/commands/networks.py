"""`depthmatte networks`: list the networks, or show some in full, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from ...errors import WeightsError
from ...networks import registry
from ...networks.contract import Contract
from ...networks.network import Network
from ...system.printable_text import printable_excerpt
from ..output import size_fields

_MAX_CHARACTERS = 20_000
"""Longest printed value of a contract. The recipe of a run has about a thousand characters."""


def list_networks(as_json: bool, verify: bool) -> bool:
    """Print all networks; return False when one of them cannot be used."""
    rows = [_network_row(row, verify) for row in registry.NETWORKS.values()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            _print_network(row)
    return all(row["status"] in ("ok", "verified", "not fetched") for row in rows)


def show_networks(names: Sequence[str], as_json: bool) -> bool:
    """Print everything that the contracts of some networks hold.

    Parameters
    ----------
    names : sequence of str
        Networks as `registry.network_path` takes them.
    as_json : bool
        Print a JSON list.

    Returns
    -------
    bool
        True: a network that cannot be used raises.

    Raises
    ------
    DepthmatteError
        When a network is unknown, missing or damaged.
    """
    rows = [_full_row(name) for name in names]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            _print_network(row)
    return True


def _full_row(name: str) -> dict[str, Any]:
    path = registry.network_path(name)
    network = Network(path, threads=1)
    contract = network.contract
    return {
        "name": printable_excerpt(name),
        "status": "ok",
        "task": contract.task,
        "license": contract.license,
        "file": str(path),
        "bytes": path.stat().st_size,
        "provider": network.provider,
        "precision": contract.precision,
        **_contract_fields(contract),
        "recipe": dict(contract.recipe),
        "data_sha256": dict(contract.data_sha256),
        "data_licenses": dict(contract.data_licenses),
        "trainer": contract.trainer,
        "teacher": contract.teacher,
    }


def _contract_fields(contract: Contract) -> dict[str, Any]:
    """What the list and the full view both show."""
    return {
        "preset": size_fields(contract.preset),
        "outputs": dict(contract.outputs),
        "normalization": contract.normalization,
        "parity": contract.parity,
        "numbers": dict(contract.numbers),
        "data": list(contract.data),
        "command": contract.command,
    }


def _network_row(row: registry.NetworkEntry, verify: bool) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": row.name,
        "task": row.task,
        "license": row.license,
        "source": row.source,
        "card": row.card,
    }
    try:
        path = row.path() if verify else row.local()
        if path is None:
            return about | {"status": "not fetched", "url": row.url}
        network = Network(path, threads=1)
        contract = network.contract
        return about | {
            "status": "verified" if verify else "ok",
            "file": str(path),
            "bytes": path.stat().st_size,
            "sha256": row.expected_sha256,
            "provider": network.provider,
            **_contract_fields(contract),
        }
    except WeightsError as error:
        return about | {"status": str(error)}


def _print_network(row: Mapping[str, Any]) -> None:
    """Print one network as a heading and aligned lines."""
    typer.echo(f"{row['name']}: {row['status']}")
    for key, value in row.items():
        if key not in ("name", "status") and value not in (None, "", [], {}):
            shown = printable_excerpt(_format_value(key, value), _MAX_CHARACTERS)
            typer.echo(f"  {key:<15}{shown}")


def _format_value(key: str, value: Any) -> str:
    if key == "bytes":
        return f"{value} ({value / 1e6:.1f} MB)"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_format_number(item)}" for name, item in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return _format_number(value)


def _format_number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
