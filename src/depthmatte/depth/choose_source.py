"""Choose the depth source: (Photo, Canvas) -> Depth.

A source is a function (Photo, Canvas) -> Depth that returns `Depth.none` where it has no input. To
add a source, put a function into the mapping given to `measure_depth`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..canvas import Canvas
from ..errors import InputError
from ..photo import Photo
from ..values import Depth
from .deferred import DeferredDepth

DepthFunction = Callable[[Photo, Canvas], Depth]
"""A depth source."""

_MISSING_EVIDENCE = {
    "stored": "no depth is stored in the file",
    "sensor": "no depth file was given",
    "stereo": "there is no second view",
}
"""Why a source has no depth, for error messages. These sources need input beside the photo."""


_ESTIMATE = "mono"
"""The source that needs nothing but the photo. It is slow, and its result is often not needed."""


def measure_depth(
    photo: Photo, canvas: Canvas, sources: Mapping[str, DepthFunction], choice: str = "auto"
) -> Depth:
    """The depth of a photo from the first source that has any.

    With `auto`, input from the caller comes before content of the photo's file: first a given
    depth file, then a given second view, then `sources` in their order. A given depth file or
    second view is used as soon as it holds any valid depth, even if its probability is 0. The
    source "mono" is only promised then: its depth is estimated when something reads it.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        The photo on the canvas.
    sources : mapping of str to callable
        Depth sources by name, called in order until one has depth.
    choice : str
        `auto`, `none`, or the name of the only source to call.

    Returns
    -------
    Depth
        On the grid of `canvas`. Probability 0 everywhere where there is no depth.

    Raises
    ------
    InputError
        When the chosen source has no depth, or when input from the caller cannot be used. With
        `auto`, content of the photo's file that cannot be used is skipped.
    """
    if choice == "none":
        return Depth.none(canvas.fit.canvas)
    if choice != "auto":
        return _measure_chosen(photo, canvas, sources, choice)
    depth = Depth.none(canvas.fit.canvas)
    given = _user_sources(photo)
    for name in sorted(sources, key=lambda name: name not in given):
        if name == _ESTIMATE:
            return DeferredDepth(canvas.fit.canvas, name, partial(sources[name], photo, canvas))
        try:
            depth = sources[name](photo, canvas)
        except InputError:
            if name in given or name not in _MISSING_EVIDENCE:
                raise
            continue
        if depth.prob.any() or (name in given and depth.known.any()):
            break
    return depth


def _user_sources(photo: Photo) -> tuple[str, ...]:
    """Names of the sources whose input the caller gave: a depth file, a second view."""
    second = photo.evidence.second_view
    given = {
        "sensor": photo.evidence.depth_map is not None,
        "stereo": second is not None and second.is_attached,
    }
    return tuple(name for name, is_given in given.items() if is_given)


def _measure_chosen(
    photo: Photo, canvas: Canvas, sources: Mapping[str, DepthFunction], choice: str
) -> Depth:
    """Depth of one source; InputError where it is unknown or has no input."""
    if choice not in sources:
        known = ", ".join(("auto", *sources, "none"))
        raise InputError(f"depth source {choice!r} is unknown; use one of {known}")
    depth = sources[choice](photo, canvas)
    if choice in _MISSING_EVIDENCE and depth.source == "none":
        problem = f"depth source {choice}: {_MISSING_EVIDENCE[choice]}"
        raise InputError(f"{photo.meta.name}: {problem}; use auto or another source")
    return depth


def no_depth(photo: Photo, canvas: Canvas) -> Depth:
    """A depth source that never has depth, for callers that do not need any."""
    return Depth.none(canvas.fit.canvas)
