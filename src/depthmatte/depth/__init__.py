"""How far away everything is: Photo and Canvas -> Depth."""

from __future__ import annotations

from .measure import _MISSING_EVIDENCE, DepthFunction, _user_sources, measure_depth, no_depth

__all__ = ["_MISSING_EVIDENCE", "DepthFunction", "_user_sources", "measure_depth", "no_depth"]
