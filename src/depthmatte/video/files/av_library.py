"""Load PyAV, the library that reads and writes video, and say in one line what it lacks."""

from __future__ import annotations

from typing import Any

from ...errors import MissingExtra
from ...system.printable_text import printable_excerpt


def load_av() -> Any:
    """Return the module `av`.

    Raises
    ------
    MissingExtra
        When PyAV is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtra("video", "video") from None
    return av


def find_encoder(names: tuple[str, ...]) -> str | None:
    """Return the first of these encoders that this build of FFmpeg has; None for none."""
    av = load_av()
    for name in names:
        try:
            av.Codec(name, "w")
        except ValueError:
            continue
        return name
    return None


def describe_av_error(error: Exception) -> str:
    """Return what FFmpeg says about an error, in lower case and without its path."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable_excerpt(str(said).lower(), 80)
