"""Fusing what the segmentation and the depth say: Matte x Depth -> Matte."""

from __future__ import annotations

from .table import _DEFAULT_FUSION, FUSIONS, Fusion, get_fusion, get_fusions

__all__ = ["FUSIONS", "_DEFAULT_FUSION", "Fusion", "get_fusion", "get_fusions"]
