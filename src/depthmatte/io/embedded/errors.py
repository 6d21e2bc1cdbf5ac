"""The error for damaged data inside a photo's file."""

from __future__ import annotations


class CorruptFileError(ValueError):
    """Embedded data, or its description, is damaged. It counts as absent: users never see this."""
