"""Which evidence of depth wins: Photo and Canvas -> Depth.

This is the one place that decides which evidence wins. A source is a plain function
(Photo, Canvas) -> Depth that answers `Depth.none` where it has nothing to go by: a new one
is a function in the mapping given to `measure`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..canvas import Canvas
from ..errors import InputError
from ..photo import Photo
from ..values import Depth

DepthFunction = Callable[[Photo, Canvas], Depth]

_MISSING_EVIDENCE = {
    "stored": "no depth is stored in the file",
    "sensor": "no depth file was given",
    "stereo": "there is no second view",
}


def measure_depth(
    photo: Photo, canvas: Canvas, sources: Mapping[str, DepthFunction], choice: str = "auto"
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
        return _measure_chosen(photo, canvas, sources, choice)
    depth = Depth.none(canvas.fit.canvas)
    brought = _user_sources(photo)
    for name in sorted(sources, key=lambda name: name not in brought):
        try:
            depth = sources[name](photo, canvas)
        except InputError:
            if name in brought or name not in _MISSING_EVIDENCE:
                raise
            continue
        if depth.prob.any() or (name in brought and depth.known.any()):
            break
    return depth


def _user_sources(photo: Photo) -> tuple[str, ...]:
    """The sources for which the caller brought evidence: a depth file, a second view."""
    second = photo.evidence.second_view
    brought = {
        "sensor": photo.evidence.depth_map is not None,
        "stereo": second is not None and second.is_attached,
    }
    return tuple(name for name, is_there in brought.items() if is_there)


def _measure_chosen(
    photo: Photo, canvas: Canvas, sources: Mapping[str, DepthFunction], choice: str
) -> Depth:
    if choice not in sources:
        known = ", ".join(("auto", *sources, "none"))
        raise InputError(f"depth source {choice!r} is unknown; use one of {known}")
    depth = sources[choice](photo, canvas)
    if choice in _MISSING_EVIDENCE and depth.source == "none":
        problem = f"depth source {choice}: {_MISSING_EVIDENCE[choice]}"
        raise InputError(f"{photo.meta.name}: {problem}; use auto or another source")
    return depth


def no_depth(photo: Photo, canvas: Canvas) -> Depth:
    """No depth, on purpose: for callers that do not need it."""
    return Depth.none(canvas.fit.canvas)
