"""Check the values of options, and parse them from text."""

from __future__ import annotations

import math
import os
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from ..errors import InputError, OptionError
from .declaration import Option, is_union, list_options, literal_words

_T = TypeVar("_T")

_TextReader = Callable[[Any, str], Any]
"""(type, text) -> value, for types that this module cannot parse, such as a picture."""

_BOOLEAN_WORDS = {"true": True, "yes": True, "on": True, "1": True,
         "false": False, "no": False, "off": False, "0": False}  # fmt: skip
"""Text -> value of an option that is true or false."""


def check_options(instance: Any) -> None:
    """Check and convert every option of a dataclass instance; call it in `__post_init__`.

    Lists become tuples, texts become paths, and any real number becomes a float, so that values
    from JSON and NumPy are accepted. Numbers must be finite unless they are the default.

    Raises
    ------
    OptionError
        When a value has the wrong type or is outside choices or range. The message names the
        option and what it takes.
    """
    for one in list_options(type(instance)):
        object.__setattr__(instance, one.name, check_option_value(one, getattr(instance, one.name)))


def check_option_value(one: Option, value: Any, name: str | None = None) -> Any:
    """Check a value and convert it to the type of the option.

    Raises
    ------
    OptionError
        When the value is not allowed. The message calls the option `name`.
    """
    try:
        fitted = _convert(one.kind, value)
        if not _allowed(one, fitted):
            raise ValueError
    except InputError as error:  # from a nested dataclass
        raise OptionError(f"{name or one.name}: {error}") from None
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"{name or one.name} is {_short(value)}; give {one.takes}") from None
    return fitted


def parse_options(cls: type[_T], texts: Mapping[str, str], reader: _TextReader | None = None) -> _T:
    """Make a dataclass of options from texts, as command lines and forms give them.

    Parameters
    ----------
    cls : type
        A dataclass of options.
    texts : mapping of str to str
        Option -> text. "-" in a name counts as "_".
    reader : callable, optional
        (type, text) -> value, for types that this function cannot parse, such as pictures.

    Returns
    -------
    cls
        An instance with checked values.

    Raises
    ------
    OptionError
        When an option is unknown, missing or given twice, or a text cannot be parsed.
    """
    known = {one.name: one for one in list_options(cls)}
    values = {}
    for given, text in texts.items():
        name = given.replace("-", "_")
        if name not in known:
            raise OptionError(f"no option {_short(given)}; use {', '.join(known)}")
        if name in values:
            raise OptionError(f"{name}: is given twice; give it once")
        values[name] = parse_option_value(known[name], text, reader=reader)
    missing = [name for name, one in known.items() if one.is_required and name not in values]
    if missing:
        raise OptionError(f"{missing[0]} is missing; give {known[missing[0]].takes}")
    return cls(**values)


def parse_pairs(text: str) -> dict[str, str]:
    """Parse `NAME=VALUE,NAME=VALUE`; commas inside parentheses do not separate.

    Raises
    ------
    OptionError
        When a part has no value or a name is given twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, re.split(r",(?![^(]*\))", text)):
        name, equals, value = part.partition("=")
        if not equals:
            raise OptionError(f"{_short(part)}: has no value; write NAME=VALUE")
        if name.strip() in found:
            raise OptionError(f"{_short(name.strip())}: is given twice; give it once")
        found[name.strip()] = value.strip()
    return found


def parse_option_value(
    one: Option, text: str, name: str | None = None, reader: _TextReader | None = None
) -> Any:
    """Parse and check the text of one option.

    Parameters
    ----------
    one : Option
        The option.
    text : str
        The text.
    name : str, optional
        Name of the option in messages, such as its flag.
    reader : callable, optional
        (type, text) -> value, for types that this function cannot parse.

    Raises
    ------
    OptionError
        When the text cannot be parsed or the value is not allowed.
    """
    shown_name = name or one.name
    read = one.metadata.get("read")
    try:
        value = read(text) if read else _parse_first_type(one, text, reader)
    except InputError as error:
        raise OptionError(f"{shown_name}: {error}") from None
    except _ParseError as error:
        message = f"{shown_name}: {_short(text)} {error}; give {one.takes}"
        raise OptionError(message) from None
    except (ValueError, OverflowError):
        raise OptionError(f"{shown_name} is {_short(text)}; give {one.takes}") from None
    return check_option_value(one, value, shown_name)


class _ParseError(ValueError):
    """A text that cannot be parsed; the message reads like "is not a number"."""


def _parse_first_type(one: Option, text: str, reader: _TextReader | None) -> Any:
    """Parse the text with the first type of the option that accepts it."""
    if text in one.choices:
        return text
    kinds = [
        kind for kind in one.kinds if not literal_words(kind) and not (kind is str and one.choices)
    ]
    if one.is_optional and text.lower() == "none" and not {str, Path} & {*kinds}:
        return None
    last_error = ValueError()
    for kind in sorted(kinds, key=lambda kind: kind is str):
        try:
            return _parse_type(kind, text, reader)
        except ValueError as error:
            last_error = error
    raise last_error


def _parse_type(kind: Any, text: str, reader: _TextReader | None) -> Any:
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        if inner[-1] is not Ellipsis and len(parts) != len(inner):
            raise ValueError
        return tuple(
            part if literal_words(inner[0]) else _parse_type(inner[0], part, reader)
            for part in parts
        )
    if is_dataclass(kind):
        return parse_options(kind, parse_pairs(text), reader)  # type: ignore[arg-type]
    if kind in _READ:
        return _READ[kind](text)
    if reader is None:
        raise _ParseError("cannot be written as text")
    return reader(kind, text)


def _flag(text: str) -> bool:
    if text.lower() not in _BOOLEAN_WORDS:
        raise _ParseError("is neither true nor false")
    return _BOOLEAN_WORDS[text.lower()]


def _whole(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,400}\s*", text):
        raise _ParseError("is not a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise _ParseError("is not a number")


def _path(text: str) -> Path:
    if not text:
        raise _ParseError("is not a path")
    return Path(text)


_READ: dict[Any, Callable[[str], Any]] = {
    bool: _flag, int: _whole, float: _number, str: str, Path: _path,
}  # fmt: skip


def _convert(kind: Any, value: Any) -> Any:
    """Convert a value to a type; TypeError or ValueError when that is not possible."""
    if is_union(kind):
        return _any(get_args(kind), value)
    if literal_words(kind):
        if not isinstance(value, str) or value not in literal_words(kind):
            raise ValueError
        return value
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value)
    if kind in _CONVERSIONS:
        accepted, convert = _CONVERSIONS[kind]
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise TypeError
        return convert(value)
    if isinstance(kind, type) and is_dataclass(kind):
        if isinstance(value, str):
            return parse_options(kind, parse_pairs(value))
        if isinstance(value, Mapping):
            return kind(**_known(kind, value))
    plain = get_origin(kind) or kind
    if isinstance(plain, type) and not isinstance(value, plain):
        raise TypeError
    return value


def _known(cls: type, values: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [one.name for one in list_options(cls)]
    for name in values:
        if name not in known:
            raise OptionError(f"no option {_short(name)}; use {', '.join(known)}")
    return values


def _any(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _convert(kind, value)
        except (TypeError, ValueError):
            continue
    raise TypeError


def _tuple(inner: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
    return tuple(_convert(kind, part) for kind, part in zip(kinds, value, strict=True))


def _to_path(value: Any) -> Path:
    text = os.fspath(value)
    if not text or "\0" in text:
        raise ValueError
    return Path(text)


_CONVERSIONS: dict[Any, tuple[Any, Callable[[Any], Any]]] = {
    bool: (bool, bool),
    int: (Integral, int),
    float: (Real, float),
    str: (str, str),
    Path: (str | os.PathLike, _to_path),
    NoneType: (NoneType, lambda value: value),
}


def _allowed(one: Option, value: Any) -> bool:
    """Return whether a value of the right type is within choices and range, and `valid`."""
    is_valid = one.metadata.get("valid")
    texts = [part for part in _parts(value) if isinstance(part, str)]
    numbers = [part for part in _parts(value) if isinstance(part, int | float)]
    return (
        all(_in_range(one, number) for number in numbers)
        and (not one.choices or all(text in one.choices for text in texts))
        and (value is None or is_valid is None or bool(is_valid(value)))
    )


def _parts(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, tuple) else (value,)


def _in_range(one: Option, value: float) -> bool:
    low, high, above = (one.metadata.get(key) for key in ("min", "max", "above"))
    return (
        (math.isfinite(value) or value == one.default)
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
    )


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


def _short(value: Any) -> str:
    """Return a value for a message: on one line and short."""
    return " ".join(_REPR.repr(value).split())
