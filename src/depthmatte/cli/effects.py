"""Effects as the user types them: NAME or NAME:OPTION=VALUE,OPTION=VALUE.

Names, options, kinds and ranges are those of the dataclasses in `depthmatte.effects`;
nothing about a single effect is said here.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..effects import EFFECTS
from ..errors import InputError

FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def spec(text: str) -> tuple[str, Any]:
    """`blur:strength=0.5` -> ("blur", Blur(strength=0.5)).

    Raises InputError for an unknown effect or option and for a value of the wrong kind.
    """
    name, _, rest = text.partition(":")
    if name not in EFFECTS:
        raise InputError(f"--effect {name}: unknown; use one of {', '.join(EFFECTS)}")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    return name, build(name, {option: value for option, _, value in pairs})


def build(name: str, options: dict[str, str]) -> Any:
    """The effect called `name`, its options read from text and checked."""
    effect = EFFECTS[name]
    known = {field.name: field for field in dataclasses.fields(effect)}
    for option in options:
        if option not in known:
            has = ", ".join(known) or "none"
            raise InputError(f"--effect {name}: no option {option!r}; it has {has}")
    return effect(**{option: _value(name, known[option], text) for option, text in options.items()})


def kind(effect: type[Any], option: str) -> str:
    """What an option takes: "number", "flag", "path", "text", or its choices as `a|b`."""
    hint = _plain(get_type_hints(effect)[option])
    if get_origin(hint) is Literal:
        return "|".join(map(str, get_args(hint)))
    return {bool: "flag", int: "number", float: "number", Path: "path"}.get(hint, "text")


def _plain(hint: Any) -> Any:
    """The type without `| None`."""
    parts = [part for part in get_args(hint) if part is not NoneType]
    return parts[0] if NoneType in get_args(hint) else hint


def _value(name: str, field: dataclasses.Field[Any], text: str) -> Any:
    wanted = kind(EFFECTS[name], field.name)
    if wanted == "flag":
        value = FLAGS.get(text.lower())
    elif wanted == "number":
        value = _number(text)
    elif "|" in wanted:
        value = text if text in wanted.split("|") else None
    else:
        value = Path(text) if wanted == "path" else text
    low, high = field.metadata.get("min"), field.metadata.get("max")
    if value is None or (low is not None and not low <= value <= high):
        wanted = wanted if low is None else f"number from {low:g} to {high:g}"
        raise InputError(f"--effect {name}:{field.name}={text}: not a value; give a {wanted}")
    return value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
