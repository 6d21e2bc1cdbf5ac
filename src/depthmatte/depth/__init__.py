"""How far away everything is: Photo and Canvas -> Depth.

This is the one place that decides which evidence wins. A source is a plain function
(Photo, Canvas) -> Depth that answers `Depth.none` where it has nothing to go by: a new one
is a function in the mapping given to `measure`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..canvas import Canvas
from ..errors import InputError
from ..maps import Depth
from ..photo import Photo

Source = Callable[[Photo, Canvas], Depth]

CHOICES = ("auto", "stored", "sensor", "stereo", "mono", "none")
"""What a user may choose: `auto` takes the first source of the mapping that measured anything."""

REMEDY = {
    "stored": "no depth is stored in the file",
    "sensor": "no depth file was given",
    "stereo": "there is no second view",
}


def measure(
    photo: Photo, canvas: Canvas, sources: Mapping[str, Source], choice: str = "auto"
) -> Depth:
    """The best depth there is for `photo`, on the grid of `canvas`.

    `sources` are asked in their order until one has measured anything; what was inside the
    photo's file and cannot be used is passed over. A `choice` other than `auto` asks that
    source alone. Raises InputError when the chosen source has nothing, or when the user's
    own depth file or second view cannot be used.
    """
    if choice == "none":
        return Depth.none(canvas.fit.canvas)
    if choice != "auto":
        return _chosen(photo, canvas, sources, choice)
    depth = Depth.none(canvas.fit.canvas)
    for source in sources.values():
        try:
            depth = source(photo, canvas)
        except InputError:
            if given(photo):
                raise
            continue
        if depth.prob.any():
            break
    return depth


def given(photo: Photo) -> bool:
    """Did the user bring evidence of their own, a depth file or a second view?"""
    second = photo.evidence.second
    return photo.evidence.sensor is not None or (second is not None and second.kind == "file")


def _chosen(photo: Photo, canvas: Canvas, sources: Mapping[str, Source], choice: str) -> Depth:
    if choice not in sources:
        known = ", ".join(("auto", *sources, "none"))
        raise InputError(f"depth source {choice!r} is unknown; use one of {known}")
    depth = sources[choice](photo, canvas)
    if choice in REMEDY and depth.source == "none":
        problem = f"depth source {choice}: {REMEDY[choice]}"
        raise InputError(f"{photo.meta.name}: {problem}; use auto or another source")
    return depth


def unmeasured(photo: Photo, canvas: Canvas) -> Depth:
    """No depth, on purpose: for callers that do not need it."""
    return Depth.none(canvas.fit.canvas)
