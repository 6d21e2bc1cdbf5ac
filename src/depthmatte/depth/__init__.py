"""How far away everything is: Photo and Canvas -> Depth.

This is the one place that decides which evidence wins. A source is a plain function
Canvas -> Depth; today the monocular network is the only one.
"""

from __future__ import annotations

from collections.abc import Callable

from ..canvas import Canvas
from ..maps import Depth
from ..photo import Photo


def measure(photo: Photo, canvas: Canvas, mono: Callable[[Canvas], Depth]) -> Depth:
    """The best depth there is for `photo`, on the grid of `canvas`."""
    return mono(canvas)


def unmeasured(photo: Photo, canvas: Canvas) -> Depth:
    """No depth, on purpose: for callers that do not need it."""
    return Depth.none(canvas.fit.canvas)
