"""Fusion of segmentation and depth: (Matte, Depth) -> Matte."""

from __future__ import annotations

from .registry import FUSIONS, Fusion, get_fusion, get_fusions

__all__ = ["FUSIONS", "Fusion", "get_fusion", "get_fusions"]
