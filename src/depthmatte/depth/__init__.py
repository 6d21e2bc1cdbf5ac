"""How far away everything is: Photo and Canvas -> Depth."""

from __future__ import annotations

from .measure import REMEDY, Source, given, measure, unmeasured

__all__ = ["REMEDY", "Source", "given", "measure", "unmeasured"]
