"""Options as fields of frozen dataclasses that hold help text, range, choices and default.

::

    @dataclass(frozen=True)
    class Blur:
        strength: float = option(0.5, "set the strength of the blur", 0, 1)

        def __post_init__(self) -> None:
            check_options(self)

The checks (`check_options`), the parser (`parse_options`), the JSON schema (`json_schema`), the
tables of the docs (`markdown_table`) and the flags of the command line (`cli.flags`) are made
from the fields. A module with options imports no heavy package, so that `--help` is fast.
"""

from __future__ import annotations

from .declaration import Choices, Option, list_options, option, option_like, option_names
from .merge import merge_options
from .parsing import (
    check_option_value,
    check_options,
    parse_option_value,
    parse_options,
    parse_pairs,
)
from .schema import (
    fill_tables,
    has_current_tables,
    json_schema,
    markdown_table,
    rewrite_tables,
    to_json_values,
)

__all__ = [
    "Choices",
    "Option",
    "check_option_value",
    "check_options",
    "fill_tables",
    "has_current_tables",
    "json_schema",
    "list_options",
    "markdown_table",
    "merge_options",
    "option",
    "option_like",
    "option_names",
    "parse_option_value",
    "parse_options",
    "parse_pairs",
    "rewrite_tables",
    "to_json_values",
]
