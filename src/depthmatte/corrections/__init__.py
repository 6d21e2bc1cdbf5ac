"""Corrections of a matte: edits at points, strokes of a brush, and specks."""
