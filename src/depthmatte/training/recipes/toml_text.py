"""Options as text in TOML: how the tables of the shipped recipes are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from ...option_fields import list_options


def as_toml(instance: Any, path: str) -> Iterator[str]:
    """Yield the lines of TOML that hold all options of a dataclass, tables last.

    Parameters
    ----------
    instance : object
        A dataclass of options.
    path : str
        The name of its table, such as "augmentation".
    """
    plain: list[tuple[str, Any]] = []
    tables: list[tuple[str, Any]] = []
    for one in list_options(type(instance)):
        value = getattr(instance, one.name)
        (tables if is_dataclass(value) else plain).append((one.name, value))
    if plain:
        yield f"[{path}]"
        for name, value in plain:
            if value is not None:
                yield f"{name} = {_toml_value(value)}"
        yield ""
    for name, value in tables:
        yield from as_toml(value, f"{path}.{name}")


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml_value, value))}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
