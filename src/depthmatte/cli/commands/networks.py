"""`depthmatte networks`: list, show and pull networks, say which are current, go back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import typer

from ...errors import OptionError, WeightsError
from ...networks import registry
from ...networks.adopted import current_adopted, list_reports, rollback_network, use_network
from ...networks.contract import Contract
from ...networks.installed import list_installed
from ...networks.network import Network
from ...networks.pull import pull_network, pulls_from, remove_network
from ...system.printable_text import label, printable_excerpt
from ..output import Reporter, size_fields

_MAX_CHARACTERS = 20_000
"""Longest printed value of a contract. The recipe of a run has about a thousand characters."""


def list_networks(as_json: bool, verify: bool) -> bool:
    """Print all networks; return False when one of them cannot be used."""
    rows = [_network_row(name, verify) for name in _names()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            _print_network(row)
        for name in registry.NETWORKS:
            for report in list_reports(name):
                typer.echo(_describe_report(name, report))
    return all(row["status"] in ("ok", "verified", "not fetched") for row in rows)


def show_networks(names: Sequence[str], as_json: bool) -> None:
    """Print everything that the contracts of some networks hold.

    Parameters
    ----------
    names : sequence of str
        Networks as `registry.network_path` takes them.
    as_json : bool
        Print a JSON list.

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


def _names() -> list[str]:
    """The names of all networks; where one was adopted, also that of the shipped one."""
    names: list[str] = []
    for name in registry.NETWORKS:
        names.append(name)
        if _adopted_or_damaged(name):
            names.append(registry.SHIPPED_PREFIX + name)
    return [*names, *list_installed()]


def _adopted_or_damaged(name: str) -> bool:
    try:
        return current_adopted(name) is not None
    except WeightsError:
        return True


def _describe_report(name: str, report: Mapping[str, Any]) -> str:
    """One line on a network that was trained here."""
    number = report["number"]
    if "error" in report:
        return label(f"{name} {number}: {report['error']}")
    state = "adopted" if report.get("adopted") else "kept aside"
    reasons = report.get("reasons")
    why = f": {'; '.join(map(str, reasons))}" if isinstance(reasons, list) and reasons else ""
    return printable_excerpt(f"{name} {number}: {report.get('time')} {state}{why}", 300)


def print_current(names: Sequence[str], as_json: bool) -> None:
    """Print which network each name means now."""
    found = {name: _current_entry(name) for name in names or registry.NETWORKS}
    if as_json:
        rows = [
            {
                "name": name,
                "adopted": entry.is_adopted,
                "source": entry.source,
                "sha256": entry.expected_sha256,
                "file": str(entry.local()),
            }
            for name, entry in found.items()
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for name, entry in found.items():
        kind = entry.source if entry.is_adopted else "shipped"
        typer.echo(f"{name}: {kind}, sha256 {entry.expected_sha256[:12]}")


def roll_back(name: str) -> None:
    """Go back to the network that was current before, and print which one that is."""
    _current_name(name)
    before = rollback_network(name)
    typer.echo(f"{name}: " + (f"number {before.number}" if before else "shipped"))


def choose_network(name: str, number: int) -> None:
    """Make a network that was trained here the current one; 0 is the shipped one."""
    _current_name(name)
    chosen = use_network(name, number)
    typer.echo(f"{name}: " + (f"number {chosen.number}" if chosen else "shipped"))


def pull(
    source: str, name: str | None, sha256: str | None, replace: bool, report: Reporter
) -> None:
    """Pull a network and print its name, or everything about it as JSON."""
    url = pulls_from(source)
    if url is None:
        network = pull_network(source, name, sha256, replace)
    else:
        with report.download(url) as progress:
            network = pull_network(source, name, sha256, replace, progress)
    if report.style == "json":
        typer.echo(json.dumps({**asdict(network), "file": str(network.file)}, indent=2))
    elif report.style == "lines":
        typer.echo(
            f"{network.name}: a {network.task} network, sha256 {network.sha256[:12]}; "
            f"use it with --network {network.name}"
        )


def remove(name: str) -> None:
    """Remove a pulled network and say which one it was."""
    network = remove_network(name)
    typer.echo(f"{network.name}: removed, sha256 {network.sha256[:12]}")


def _current_name(name: str) -> None:
    if name not in registry.NETWORKS:
        raise OptionError(f"{label(name)}: unknown network; use {', '.join(registry.NETWORKS)}")


def _current_entry(name: str) -> registry.NetworkEntry:
    _current_name(name)
    entry = registry.network_entry(name)
    assert entry is not None
    return entry


def _network_row(name: str, verify: bool) -> dict[str, Any]:
    try:
        row = registry.network_entry(name)
    except WeightsError as error:
        return {"name": name, "status": str(error)}
    assert row is not None
    about: dict[str, Any] = {
        "name": name,
        "task": row.task,
        "license": row.license,
        "source": row.source,
        "card": row.card,
    }
    try:
        path = row.path() if verify else row.local()
        if path is None and row.origin != "shipped":
            row.path()  # says what is wrong
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
