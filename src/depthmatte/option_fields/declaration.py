"""Declare options: dataclass fields with help text, range, choices and flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

Choices = Sequence[str] | Mapping[str, str]
"""The allowed texts of an option. A mapping also explains each one; "" is no explanation."""


def option(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    choices: Choices | None = None,
    unit: str | None = None,
    metavar: str | None = None,
    takes: str | None = None,
    flag: str | Sequence[str] | Literal[False] = (),
    read: Callable[[str], Any] | None = None,
    show: Callable[[Any], str] | None = None,
    valid: Callable[[Any], bool] | None = None,
    repeat: bool = False,
    pattern: str | None = None,
    examples: Sequence[str] = (),
) -> Any:
    """Make a dataclass field that is an option.

    Parameters
    ----------
    default : Any
        The default value; `dataclasses.MISSING` for a required option.
    help : str
        An imperative phrase that starts in lower case and ends without a period.
    low, high : float, optional
        Smallest and largest allowed number, in `unit`.
    above : float, optional
        Exclusive lower limit, instead of `low`.
    choices : sequence or mapping of str, optional
        Allowed texts; the values of a mapping explain them. A `Literal` type brings its own.
    unit : str, optional
        Unit of a number, such as "meters".
    metavar : str, optional
        Placeholder of the value in `--help`. By default it follows from the type.
    takes : str, optional
        A phrase that describes the allowed values, where type, choices and range do not.
    flag : str, sequence of str or False
        Further flags, such as "-o" or an old name. False makes no flag at all.
    read, show : callable, optional
        Text -> value, with ValueError for bad text, and value -> text, for other text forms.
    valid : callable, optional
        Value -> whether it is allowed, beyond choices and range.
    repeat : bool
        Whether the flag is repeated to give a tuple of texts.
    pattern : str, optional
        A regular expression for the JSON schema.
    examples : sequence of str
        Texts beyond the choices that a form may offer.

    Returns
    -------
    dataclasses.Field
        A field whose metadata holds all of the above.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Blur:
    ...     strength: float = option(0.5, "set the strength of the blur", 0, 1)
    >>> Blur().strength
    0.5
    """
    metadata = {
        "help": help, "min": low, "max": high, "above": above, "choices": choices, "unit": unit,
        "metavar": metavar, "takes": takes, "flag": flag, "read": read, "show": show,
        "valid": valid, "repeat": repeat, "pattern": pattern,
        "examples": tuple(examples),
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def option_like(cls: type, name: str, default: Any) -> Any:
    """Make a dataclass field that is an option of another class with another default.

    Parameters
    ----------
    cls : type
        The dataclass that has the option.
    name : str
        The option's name there.
    default : Any
        The default value.

    Returns
    -------
    dataclasses.Field
        A field with the metadata of that option.
    """
    [field] = [one for one in dataclasses.fields(cls) if one.name == name]
    return dataclasses.field(default=default, metadata=field.metadata)


@dataclass(frozen=True)
class Option:
    """One option of a dataclass.

    Parameters
    ----------
    name : str
        Name of the field.
    kind : Any
        Resolved type.
    default : Any
        Default value, MISSING for a required option.
    metadata : mapping of str to Any
        The arguments of `option`.
    """

    name: str
    kind: Any
    default: Any
    metadata: Mapping[str, Any]

    @property
    def is_required(self) -> bool:
        """Whether the option must be given."""
        return self.default is MISSING

    @property
    def help(self) -> str:
        """The help text."""
        return str(self.metadata["help"])

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags on the command line, short ones first; none for `flag=False`."""
        extra = self.metadata.get("flag", ())
        if extra is False:
            return ()
        others = (extra,) if isinstance(extra, str) else tuple(extra)
        long_flag = "--" + self.name.replace("_", "-")
        return (*(name for name in others if len(name) == 2), long_flag,
                *(name for name in others if len(name) > 2))  # fmt: skip

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types of the union, without None."""
        parts = get_args(self.kind) if is_union(self.kind) else (self.kind,)
        return tuple(part for part in parts if part is not NoneType)

    @property
    def is_optional(self) -> bool:
        """Whether None is an allowed value."""
        return is_union(self.kind) and NoneType in get_args(self.kind)

    @property
    def choices(self) -> dict[str, str]:
        """The allowed texts with their explanations; empty when any text is allowed."""
        given = self.metadata.get("choices")
        if given is None:
            words = [word for kind in self.kinds for word in literal_words(kind)]
            return dict.fromkeys(words, "")
        return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, "")

    @property
    def takes(self) -> str:
        """A phrase that describes the allowed values, such as "a number from 0 to 1"."""
        return self.describe_values()

    def describe_values(self, quote: str = "") -> str:
        """Return the phrase `takes`, with every choice between two `quote` marks."""
        phrase = self.metadata.get("takes") or self._describe_type(quote)
        unit = self.metadata.get("unit")
        return f"{phrase} ({unit})" if unit else phrase

    def _describe_type(self, mark: str) -> str:
        if self.choices:
            words = [
                f"{mark}{word}{mark}" + (f" ({note})" if note else "")
                for word, note in self.choices.items()
            ]
            several = any(
                get_origin(kind) is tuple and str in get_args(kind) for kind in self.kinds
            )
            if several:
                return f"any of {', '.join(words)}"
            others = [
                type_noun(kind)
                for kind in self.kinds
                if kind is not str and not literal_words(kind)
            ]
            return _join_words([*words, *others], "or")
        return _join_words([type_noun(kind) for kind in self.kinds], "or") + _range_phrase(
            self.metadata
        )

    def format_value(self, value: Any) -> str:
        """Return a value as the user types it; "" for None and MISSING."""
        if value is None or value is MISSING:
            return ""
        if self.metadata.get("show"):
            return str(self.metadata["show"](value))
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return f"{value:.12g}"
        if isinstance(value, tuple):
            return ",".join(map(self.format_value, value))
        return str(value)


def list_options(cls: type) -> tuple[Option, ...]:
    """List the options of a dataclass in order: its fields with a help text."""
    if cls not in _KNOWN:
        hints = get_type_hints(cls)
        _KNOWN[cls] = tuple(
            Option(field.name, hints[field.name], _default(field), field.metadata)
            for field in dataclasses.fields(cls)
            if field.init and "help" in field.metadata
        )
    return _KNOWN[cls]


_KNOWN: WeakKeyDictionary[type, tuple[Option, ...]] = WeakKeyDictionary()


def option_names(cls: type) -> tuple[str, ...]:
    """List the names of the options of a dataclass in order."""
    return tuple(one.name for one in list_options(cls))


def is_union(kind: Any) -> bool:
    """Return whether a type is `A | B`, `Union` or `Optional`."""
    return get_origin(kind) in (Union, UnionType)


def literal_words(kind: Any) -> tuple[str, ...]:
    """Return the texts of a `Literal` type; none for other types."""
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def type_noun(kind: Any) -> str:
    """Return the phrase for a value of this type, such as "a number"."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if inner[-1] is Ellipsis:
            return "words with commas" if inner[0] is str else "values with commas"
        return f"{len(inner)} {_NOUNS.get(inner[0], 'a value').split(' ', 1)[1]}s"
    if dataclasses.is_dataclass(kind):
        return "OPTION=VALUE,..."
    array = getattr(get_origin(kind), "__name__", "") == "ndarray"
    return _NOUNS.get(kind, "a picture" if array else "a value")


_NOUNS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
}


def _range_phrase(about: Mapping[str, Any]) -> str:
    """Return the range in words: " from 0 to 1", ", 0 or more", or ""."""
    low, high, above = (about.get(key) for key in ("min", "max", "above"))
    if above is not None:
        return f" above {above:.12g}" + (f", at most {high:.12g}" if high is not None else "")
    if low is not None and high is not None:
        return f" from {low:.12g} to {high:.12g}"
    if low is not None:
        return f", {low:.12g} or more"
    return "" if high is None else f", {high:.12g} or less"


def _join_words(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
