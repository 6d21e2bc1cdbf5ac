"""What an option is: a dataclass field that says all there is to know of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

Choices = Sequence[str] | Mapping[str, str]
"""The texts an option may be; as a mapping each with a word of explanation, or ""."""


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
) -> Any:
    """A dataclass field that is an option.

    Parameters
    ----------
    default : Any
        What holds when nothing is said; `dataclasses.MISSING` for an option that must be given.
    help : str
        What it decides: a phrase that starts in lower case and ends without a full stop.
    low, high : float, optional
        The smallest and the largest number allowed, in `unit`.
    above : float, optional
        A number that must be exceeded, in place of `low`.
    choices : sequence or mapping of str, optional
        The texts allowed; the values of a mapping explain them. The choices of a `Literal`
        type need not be repeated.
    unit : str, optional
        What a number counts, such as "metres".
    metavar : str, optional
        What stands for the value in a command's help; follows from the type.
    takes : str, optional
        A phrase for what values are allowed, where type, choices and range do not say it.
    flag : str, sequence of str or False
        Further names on the command line, such as "-o" or an old name; False: no flag at all.
    read, show : callable, optional
        Text -> value (raises ValueError for what it cannot read) and value -> text, for types
        that have a written form of their own.
    valid : callable, optional
        Whether a value of the right type is allowed, beyond choices and range.
    repeat : bool
        Whether a tuple of texts is given by repeating the flag, one text each time.
    pattern : str, optional
        A regular expression for texts, for the JSON schema alone.

    Returns
    -------
    Any
        A `dataclasses.field`; its metadata holds all of the above.
    """
    about = {
        "help": help, "min": low, "max": high, "above": above, "choices": choices, "unit": unit,
        "metavar": metavar, "takes": takes, "flag": flag, "read": read, "show": show,
        "valid": valid, "repeat": repeat, "pattern": pattern,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=about)


@dataclass(frozen=True)
class Option:
    """One option of a dataclass, as everything else reads it.

    `kind` is the resolved type; `default` is MISSING where the option must be given.
    """

    name: str
    kind: Any
    default: Any
    metadata: Mapping[str, Any]

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING

    @property
    def help(self) -> str:
        """The phrase that says what it decides."""
        return str(self.metadata["help"])

    @property
    def flags(self) -> tuple[str, ...]:
        """Its names on the command line, the short ones first; none for `flag=False`."""
        extra = self.metadata.get("flag", ())
        if extra is False:
            return ()
        others = (extra,) if isinstance(extra, str) else tuple(extra)
        own = "--" + self.name.replace("_", "-")
        return (*(name for name in others if len(name) == 2), own,
                *(name for name in others if len(name) > 2))  # fmt: skip

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types it may have, None left out."""
        parts = get_args(self.kind) if is_union(self.kind) else (self.kind,)
        return tuple(part for part in parts if part is not NoneType)

    @property
    def is_optional(self) -> bool:
        """Whether None is a value."""
        return is_union(self.kind) and NoneType in get_args(self.kind)

    @property
    def choices(self) -> dict[str, str]:
        """The texts allowed, each with its explanation; empty where any is."""
        given = self.metadata.get("choices")
        if given is None:
            words = [word for kind in self.kinds for word in literal_words(kind)]
            return dict.fromkeys(words, "")
        return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, "")

    @property
    def takes(self) -> str:
        """The values allowed as a phrase: "a number from 0 to 1"."""
        return self.describe_values()

    def describe_values(self, quote: str = "") -> str:
        """What `takes` says, with `mark` on both sides of every word that is a choice."""
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
        """A value as the user types it; "" for None and for no default."""
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
    """The options of a dataclass in their order: its fields that carry a help text."""
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
    """The names of a dataclass's options in their order."""
    return tuple(one.name for one in list_options(cls))


def is_union(kind: Any) -> bool:
    """Whether a type is `A | B`, `Union` or `Optional`."""
    return get_origin(kind) in (Union, UnionType)


def literal_words(kind: Any) -> tuple[str, ...]:
    """The texts of a `Literal` type; none for another."""
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def type_noun(kind: Any) -> str:
    """What a value of a type is called in a message."""
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
    """The range in words: " from 0 to 1", ", 0 or more", "" without one."""
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
