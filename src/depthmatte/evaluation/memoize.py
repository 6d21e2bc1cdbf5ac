"""Pipeline steps that run once per canvas, for comparisons that fuse the same inputs again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..canvas import Canvas, Letterbox

_P = ParamSpec("_P")
_T = TypeVar("_T")


def memoize_step(step: Callable[_P, _T]) -> Callable[_P, _T]:
    """Wrap a pipeline step so that it runs once for each canvas of one photo.

    Make a new wrapper for every photo: results are stored by the layout of the canvas, and two
    photos of one size share it.

    Parameters
    ----------
    step : callable
        A `segment` or `measure` step. Its last positional argument is a Canvas.

    Returns
    -------
    callable
        The step with the same signature. A canvas that was seen before gets the stored result.
    """
    results: dict[Letterbox, _T] = {}

    def run_once(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        canvas = args[-1]
        assert isinstance(canvas, Canvas)
        if canvas.fit not in results:
            results[canvas.fit] = step(*args, **kwargs)
        return results[canvas.fit]

    return run_once
