"""Fusing what the segmentation and the depth say: Matte x Depth -> Matte."""

from __future__ import annotations

from .table import DEFAULT, FUSIONS, Fusion, fusion, fusions

__all__ = ["DEFAULT", "FUSIONS", "Fusion", "fusion", "fusions"]
