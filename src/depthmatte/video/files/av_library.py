"""Load PyAV, the library that reads and writes video, and say in one line what it lacks."""

from __future__ import annotations

import threading
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


_converters = threading.local()

_MAX_CONVERTERS = 8
"""Converters that a thread keeps."""


def convert_frame(frame: Any, **wanted: Any) -> Any:
    """Return `frame.reformat(**wanted)`, made by a converter that this thread keeps.

    PyAV makes a new converter for each frame, with threads of its own. That takes longer than
    the conversion of a small frame.
    """
    load_av()
    from av.video.reformatter import VideoReformatter

    kept: dict[Any, Any] = _converters.__dict__.setdefault("kept", {})
    key = (frame.format.name, frame.width, frame.height, *sorted(wanted.items()))
    if key not in kept:
        if len(kept) >= _MAX_CONVERTERS:
            kept.clear()
        kept[key] = VideoReformatter()
    if "threads" in (VideoReformatter.reformat.__doc__ or ""):  # since PyAV 17
        wanted["threads"] = 1
    return kept[key].reformat(frame, **wanted)


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
