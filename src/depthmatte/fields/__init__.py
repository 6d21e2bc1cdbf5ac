"""Options, written once: a frozen dataclass whose fields say all there is to know of them.

::

    @dataclass(frozen=True)
    class Blur:
        strength: float = option(0.5, "how strong the blur is", 0, 1)

        def __post_init__(self) -> None:
            check(self)

From the fields derive the checks (`check`), values typed as text (`parse`), the JSON schema
(`schema`), the tables of the docs (`table`) and the flags of the command line
(`depthmatte.cli.flags`). A module of options imports no heavy package, because `--help` reads it.
"""

from __future__ import annotations

from .declaration import Choices, Option, list_options, option, option_names
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
    "option",
    "option_names",
    "parse_option_value",
    "parse_options",
    "parse_pairs",
    "rewrite_tables",
    "to_json_values",
]
