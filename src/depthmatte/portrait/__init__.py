"""The result for one photo: maps on demand, and effects as methods."""

from __future__ import annotations

from .background_input import make_background
from .portrait import Portrait

__all__ = ["Portrait", "make_background"]
