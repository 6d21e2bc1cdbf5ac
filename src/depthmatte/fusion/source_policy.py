"""How far fusion trusts the depth of each source, by `Depth.source`."""

from __future__ import annotations

from ..values import Depth

_MEASURED_SOURCES = ("stored", "sensor", "stereo")
"""Built-in sources that measure. Any other source counts as an estimate."""

_SEPARATE_SOURCES = ("stored", "sensor")
"""Sources whose map may be turned, shifted or of another photo. A second view belongs to the photo,
or it would not match, and an estimate is made from it."""


def is_measured(depth: Depth) -> bool:
    """Whether the depth comes from a built-in source that measures, not from an estimate.

    A user's own function may return an estimate, and trusting it like a sensor removes people.
    """
    return depth.source in _MEASURED_SOURCES


def may_be_foreign(depth: Depth) -> bool:
    """Whether the map may not belong to the photo, so that its outlines must be checked."""
    return depth.source in _SEPARATE_SOURCES
