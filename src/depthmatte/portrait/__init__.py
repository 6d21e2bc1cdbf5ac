"""The result for one photo: maps on demand, and effects as methods."""

from __future__ import annotations

from .background_input import make_background
from .parts import PART_COLORS, FindParts, Parts
from .people import FindPeople, Person
from .portrait import Portrait

__all__ = [
    "PART_COLORS",
    "FindParts",
    "FindPeople",
    "Parts",
    "Person",
    "Portrait",
    "make_background",
]
