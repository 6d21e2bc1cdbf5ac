"""Depth, mattes, second views and cameras stored inside photo files."""
