"""Every error depthmatte raises on purpose.

::

    DepthmatteError
    ├── InputError        the user's file or value is at fault   (CLI exit 1)
    │   ├── OptionError   an option cannot have that value       (CLI exit 2)
    │   └── MissingMap    a portrait lacks that map              (also an AttributeError)
    ├── WeightsError      a network file is missing, damaged or breaks its contract
    ├── MissingExtra      an optional dependency is not installed (names its install line)
    └── InstallError      a needed package is there in part only (also an ImportError)

A message is one line: what was read, what is wrong with it, what to do.
"""

from __future__ import annotations


class DepthmatteError(Exception):
    """Root of the tree: catch this to catch everything depthmatte raises on purpose."""


class InputError(DepthmatteError):
    """A file or value given by the user cannot be used."""


class OptionError(InputError):
    """An option is unknown, missing, or cannot have its value, or options do not go together."""


class WeightsError(DepthmatteError):
    """A network file is missing, damaged, or does not keep its contract."""


class MissingExtra(DepthmatteError):
    """An optional dependency is absent."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'depthmatte[{extra}]'")


class InstallError(DepthmatteError, ImportError):
    """A package that depthmatte needs is there in part only."""


class MissingMap(InputError, AttributeError):
    """A map that this portrait does not have; `hasattr` answers False."""
