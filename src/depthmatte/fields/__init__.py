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

from .option import Choices, Option, names, option, options
from .values import check, checked, pairs, parse, read
from .written import filled, fresh, plain, rewrite, schema, table

__all__ = [
    "Choices",
    "Option",
    "check",
    "checked",
    "filled",
    "fresh",
    "names",
    "option",
    "options",
    "pairs",
    "parse",
    "plain",
    "read",
    "rewrite",
    "schema",
    "table",
]
