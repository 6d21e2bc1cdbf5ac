"""Effects as the user types them: NAME or NAME:OPTION=VALUE,OPTION=VALUE.

Names, options, kinds and ranges are those of the dataclasses in `depthmatte.effects`;
nothing about a single effect is said here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from ..effects import EFFECTS, Effect
from ..errors import InputError
from ..io.image import read

T = TypeVar("T")

FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def spec(text: str) -> tuple[str, Effect]:
    """`blur:strength=0.5` -> ("blur", Blur(strength=0.5)).

    Raises InputError for an unknown effect or option and for a value it cannot have.
    """
    name, _, rest = text.partition(":")
    if name not in EFFECTS:
        raise InputError(f"--effect {name}: unknown; use one of {', '.join(EFFECTS)}")
    try:
        return name, build(EFFECTS[name], rest)
    except InputError as error:
        raise InputError(f"--effect {text}: {error}") from None


def kind(effect: type, option: str) -> str:
    """What an option takes: `flag`, `number`, `picture` (typed as a path) or `text`."""
    hint = get_type_hints(effect)[option]
    plain = next((part for part in get_args(hint) if part is not NoneType), hint)
    if get_origin(plain if NoneType in get_args(hint) else hint) is np.ndarray:
        return "picture"
    return {bool: "flag", int: "number", float: "number"}.get(hint, "text")


def build(effect: type[T], text: str) -> T:
    """A dataclass from `OPTION=VALUE,...`; InputError for an unknown option or a wrong value."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    texts = {option: value for option, _, value in pairs}
    known = [field.name for field in fields(effect)]  # type: ignore[arg-type]
    for option in texts:
        if option not in known:
            raise InputError(f"no option {option!r}; use {', '.join(known)}")
    options = {option: READ[kind(effect, option)](text) for option, text in texts.items()}
    return effect(**options)


def _flag(text: str) -> bool:
    if text.lower() not in FLAGS:
        raise InputError(f"{text!r} is neither true nor false")
    return FLAGS[text.lower()]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{text!r} is not a number") from None


READ: dict[str, Callable[[str], Any]] = {
    "flag": _flag,
    "number": _number,
    "picture": read,
    "text": str,
}
