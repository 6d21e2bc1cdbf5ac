"""`depthmatte effects`: list the effects and their options as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer

from ...effects import EFFECTS
from ...option_fields import Option, list_options


def list_effects(as_json: bool) -> None:
    """Print all effects with their options, defaults and ranges."""
    rows = {name: _effect_row(effect) for name, effect in EFFECTS.items()}
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        typer.echo(f"{name:<12} {row['help']}")
        for option in row["options"]:
            typer.echo(f"  {option['name']:<10} {option['help']}{_format_limits(option)}")


def _effect_row(effect: type[Any]) -> dict[str, Any]:
    return {
        "help": (effect.__doc__ or "").strip().splitlines()[0],
        "options": [
            {
                "name": one.name,
                "kind": _option_kind(one),
                "takes": one.takes,
                "default": one.default,
                "help": one.help,
                "min": one.metadata.get("min"),
                "max": one.metadata.get("max"),
            }
            for one in list_options(effect)
        ],
    }


def _option_kind(one: Option) -> str:
    """Return "flag", "number", "text" or "picture" (given as a path)."""
    named = {bool: "flag", int: "number", float: "number", str: "text"}
    return named.get(one.kinds[0], "picture")


def _format_limits(option: Mapping[str, Any]) -> str:
    default = option["default"]
    return f": {option['takes']}" + ("" if default is None else f"; default {default}")
