"""Replace single options of a dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import OptionError
from .declaration import option_names

_OptionsT = TypeVar("_OptionsT")


def merge_options(
    kind: type[_OptionsT], options: _OptionsT | None, changes: Mapping[str, Any]
) -> _OptionsT:
    """Return options with some fields replaced.

    Parameters
    ----------
    kind : type
        A frozen dataclass of options, such as CutOptions.
    options : kind, optional
        The options to start from. By default those of `kind()`.
    changes : mapping of str to Any
        Field -> new value.

    Raises
    ------
    OptionError
        When `options` is of another type, or a field is unknown or has a wrong value.
    """
    options = kind() if options is None else options
    if not isinstance(options, kind):
        raise OptionError(
            f"options is of type {type(options).__name__}; "
            f"give {kind.__name__}, or the options as keywords"
        )
    try:
        return replace(options, **changes) if changes else options  # type: ignore[type-var]
    except TypeError:
        known = option_names(kind)
        wrong = ", ".join(name for name in changes if name not in known)
        raise OptionError(f"{wrong}: no such option; use {', '.join(known)}") from None
