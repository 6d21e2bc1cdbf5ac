"""depthmatte: portraits cut out of photos by fusing a segmentation and a depth network."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers read it as True; importing typing would double our start
if TYPE_CHECKING:
    from typing import Any

    from .api import Portrait, cut
    from .errors import DepthmatteError, InputError, MissingExtra, WeightsError
    from .io.image import read
    from .io.write import write
    from .maps import Depth, Matte
    from .photo import Photo
    from .pipeline import Pipeline

__version__ = "0.1.0"

__all__ = [
    "Depth",
    "DepthmatteError",
    "InputError",
    "Matte",
    "MissingExtra",
    "Photo",
    "Pipeline",
    "Portrait",
    "WeightsError",
    "__version__",
    "cut",
    "read",
    "write",
]

_HOMES = {
    "Depth": "maps",
    "DepthmatteError": "errors",
    "InputError": "errors",
    "Matte": "maps",
    "MissingExtra": "errors",
    "Photo": "photo",
    "Pipeline": "pipeline",
    "Portrait": "api",
    "WeightsError": "errors",
    "cut": "api",
    "read": "io.image",
    "write": "io.write",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562): importing stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
