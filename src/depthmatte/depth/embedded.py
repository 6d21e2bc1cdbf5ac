"""Depth that the phone stored inside the photo (SPEC row B2)."""

from __future__ import annotations

from dataclasses import replace

from ..canvas import Canvas
from ..options import SensorOptions
from ..photo import Photo
from ..values import Depth
from .sensor.measured import convert_raw_depth


def embedded_depth(photo: Photo, canvas: Canvas) -> Depth:
    """A source for `measure`: the depth in `photo.evidence.stored`, on the canvas.

    Phones store depth as their own photo saw it, so it covers the whole frame and is scaled
    to it; I2 follows row A13. Raises InputError for a map of another shape than the photo.
    """
    raw = photo.evidence.embedded_depth
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    raw = replace(raw, camera=None)  # it measured through the photo's own lens
    return convert_raw_depth(photo, raw, canvas.fit, SensorOptions(), "stored")
