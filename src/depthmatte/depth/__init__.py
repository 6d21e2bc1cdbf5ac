"""Depth sources: (Photo, Canvas) -> Depth."""

from __future__ import annotations

from .choose_source import DepthFunction, measure_depth, no_depth

__all__ = ["DepthFunction", "measure_depth", "no_depth"]
