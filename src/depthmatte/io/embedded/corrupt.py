"""One error for everything inside a photo's file that makes no sense: it counts as absent."""

from __future__ import annotations


class CorruptFileError(ValueError):
    """Evidence, or its description, that cannot be used. Never reaches the user."""
