"""What there is: networks and effects, as a table for people or JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from .. import weights
from ..effects import EFFECTS
from ..errors import WeightsError
from ..fields import Option, options
from ..network import Network
from .report import size


def list_networks(as_json: bool, verify: bool) -> bool:
    """Print one row per network; False when one of them cannot be used."""
    rows = [_network(row, verify) for row in weights.TABLE.values()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            _block(row)
    return all(row["status"] in ("ok", "verified", "not fetched") for row in rows)


def _network(row: weights.Weights, verify: bool) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": row.name,
        "task": row.task,
        "license": row.licence,
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
            "sha256": row.expected,
            "provider": network.provider,
            "preset": size(contract.preset),
            "outputs": dict(contract.outputs),
            "normalization": contract.normalisation,
            "parity": contract.parity,
            "numbers": dict(contract.numbers),
            "data": list(contract.data),
            "command": contract.command,
        }
    except WeightsError as error:
        return about | {"status": str(error)}


def list_effects(as_json: bool) -> None:
    """Print every effect with its options, defaults and ranges."""
    rows = {name: _effect(effect) for name, effect in EFFECTS.items()}
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        typer.echo(f"{name:<12} {row['help']}")
        for option in row["options"]:
            typer.echo(f"  {option['name']:<10} {option['help']}{_limits(option)}")


def _effect(effect: type[Any]) -> dict[str, Any]:
    return {
        "help": (effect.__doc__ or "").strip().splitlines()[0],
        "options": [
            {
                "name": one.name,
                "kind": _kind(one),
                "takes": one.takes,
                "default": one.default,
                "help": one.help,
                "min": one.about.get("min"),
                "max": one.about.get("max"),
            }
            for one in options(effect)
        ],
    }


def _kind(one: Option) -> str:
    """`flag`, `number`, `text`, or `picture`, which is typed as a path."""
    named = {bool: "flag", int: "number", float: "number", str: "text"}
    return named.get(one.kinds[0], "picture")


def _limits(option: Mapping[str, Any]) -> str:
    default = option["default"]
    return f": {option['takes']}" + ("" if default is None else f"; default {default}")


def _block(row: Mapping[str, Any]) -> None:
    """One network as a heading and aligned lines."""
    typer.echo(f"{row['name']}: {row['status']}")
    for key, value in row.items():
        if key not in ("name", "status") and value not in (None, "", [], {}):
            typer.echo(f"  {key:<14}{_shown(key, value)}")


def _shown(key: str, value: Any) -> str:
    if key == "bytes":
        return f"{value} ({value / 1e6:.1f} MB)"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_number(item)}" for name, item in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return _number(value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
