"""Depth that a phone stored in the photo's file."""

from __future__ import annotations

from dataclasses import replace

from ..canvas import Canvas
from ..options import SensorOptions
from ..photo import Photo
from ..values import Depth
from .sensor.depth_map import convert_raw_depth


def embedded_depth(photo: Photo, canvas: Canvas) -> Depth:
    """The depth source "stored": `photo.evidence.embedded_depth` on the canvas.

    Phones store depth as the photo's own camera sees it, so the map is scaled to the whole frame.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        Of the photo, or a crop of it.

    Returns
    -------
    Depth
        On the canvas. Depth probability as in `sensor_probability`; 0 everywhere where the
        photo holds no depth.

    Raises
    ------
    InputError
        For a map of another aspect ratio than the photo.
    """
    raw = photo.evidence.embedded_depth
    if raw is None:
        return Depth.none(canvas.fit.canvas)
    raw = replace(raw, camera=None)  # the map already is in the photo's frame
    return convert_raw_depth(photo, raw, canvas.fit, SensorOptions(), "stored")
