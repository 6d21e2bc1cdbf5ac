"""Cutting many photos: which ones, under which names, on which workers, with which record."""
