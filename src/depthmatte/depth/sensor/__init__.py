"""Depth from a depth file or a device."""
