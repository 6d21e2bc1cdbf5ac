"""Which evidence of depth wins: Photo and Canvas -> Depth.

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

REMEDY = {
    "stored": "no depth is stored in the file",
    "sensor": "no depth file was given",
    "stereo": "there is no second view",
}


def measure(
    photo: Photo, canvas: Canvas, sources: Mapping[str, Source], choice: str = "auto"
) -> Depth:
    """The best depth there is for `photo`, on the grid of `canvas`.

    What the caller gives wins over what the photo's file holds: with `auto` a depth file that
    was given comes first, then a second view that was given, then `sources` in their order. What
    was given and measured anything counts, even if it tells nothing apart.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        The same photo as the networks see it.
    sources : mapping of str to Source
        Asked in order until one has measured anything.
    choice : str
        `auto`, or the name of the one source to ask, or `none`.

    Returns
    -------
    Depth
        On the grid of `canvas`; probability 0 everywhere where there is none.

    Raises
    ------
    InputError
        When the chosen source has nothing, or what the caller gave cannot be used. What was
        inside the photo's file and cannot be used is passed over.
    """
    if choice == "none":
        return Depth.none(canvas.fit.canvas)
    if choice != "auto":
        return _chosen(photo, canvas, sources, choice)
    depth = Depth.none(canvas.fit.canvas)
    brought = given(photo)
    for name in sorted(sources, key=lambda name: name not in brought):
        try:
            depth = sources[name](photo, canvas)
        except InputError:
            if name in brought or name not in REMEDY:
                raise
            continue
        if depth.prob.any() or (name in brought and depth.known.any()):
            break
    return depth


def given(photo: Photo) -> tuple[str, ...]:
    """The sources for which the caller brought evidence: a depth file, a second view."""
    second = photo.evidence.second
    brought = {
        "sensor": photo.evidence.sensor is not None,
        "stereo": second is not None and second.given,
    }
    return tuple(name for name, is_there in brought.items() if is_there)


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
