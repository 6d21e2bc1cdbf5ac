"""Segmentation: Canvas -> Matte."""
