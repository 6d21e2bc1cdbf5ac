"""The exceptions that depthmatte raises.

::

    DepthmatteError
    ├── InputError        a file or value cannot be used         (exit status 1)
    │   ├── OptionError   an option has a wrong value            (exit status 2)
    │   └── MissingMap    the portrait does not have this map    (also an AttributeError)
    ├── WeightsError      a network file is missing, damaged or breaks its contract
    │   └── RemoteError   the server that runs the networks cannot be used
    ├── MissingExtra      an optional dependency is not installed
    └── InstallError      a required package is only partly installed (also an ImportError)

Every message is one line: the file or option, what is wrong with it, and what to do.
"""

from __future__ import annotations

_EXTRA_NOTES = {
    "train": " (6 GB on Linux; for 1 GB without CUDA, first run "
    "pip install torch --index-url https://download.pytorch.org/whl/cpu)",
}
"""What is to be known before an extra is installed."""


class DepthmatteError(Exception):
    """Base class of all exceptions of depthmatte.

    Examples
    --------
    >>> import depthmatte as dm
    >>> try:
    ...     dm.read("missing.jpg")
    ... except dm.DepthmatteError as error:
    ...     print(error)
    missing.jpg: there is no such file; check the path
    """


class InputError(DepthmatteError):
    """A file or value of the caller cannot be used. The message names it and a remedy."""


class OptionError(InputError):
    """An option is unknown, missing or has a wrong value, or options contradict each other."""


class WeightsError(DepthmatteError):
    """A network file is missing or damaged, cannot be downloaded, or breaks its contract."""


class RemoteError(WeightsError):
    """The server that runs the networks cannot be reached, refuses, or has another network."""


class MissingExtra(DepthmatteError):
    """An optional dependency is not installed. The message names the command that installs it.

    Parameters
    ----------
    what : str
        The feature that needs the dependency.
    extra : str
        The name of the extra, such as "plot".
    """

    def __init__(self, what: str, extra: str) -> None:
        note = _EXTRA_NOTES.get(extra, "")
        super().__init__(f"{what} needs an extra: pip install 'depthmatte[{extra}]'{note}")


class InstallError(DepthmatteError, ImportError):
    """A package that depthmatte requires is only partly installed."""


class MissingMap(InputError, AttributeError):
    """The portrait does not have this map. `hasattr` returns False for it."""
