"""Depth that the phone stored inside the photo (SPEC row B2)."""

from __future__ import annotations

from dataclasses import replace

from ..canvas import Canvas
from ..maps import Depth
from ..options import SensorOptions
from ..photo import Photo
from .sensor import measured


def stored(photo: Photo, canvas: Canvas) -> Depth:
    """A source for `measure`: the depth in `photo.evidence.stored`, on the canvas.

    Phones store depth as their own photo saw it, so it covers the whole frame and is scaled
    to it; I2 follows row A13. Raises InputError for a map of another shape than the photo.
    """
    raw = photo.evidence.stored
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    raw = replace(raw, camera=None)  # it measured through the photo's own lens
    return measured(photo, raw, canvas.fit, SensorOptions(), "stored")
