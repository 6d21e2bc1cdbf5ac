"""Thin-lens optics: how wide a point blurs, from distance, f-number and focal length.

Distances are in diopters, 1 / meters, because the radius of the blur is linear in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...photo import Photo

FULL_FRAME_DIAGONAL_MM = math.hypot(36, 24)
"""Diagonal of the sensor that f-numbers refer to. A phone's lens of f/1.8 blurs far less."""

_PORTRAIT_FOCAL_MM = 50.0
"""Focal length, on full frame, of a photo whose camera is not known."""

_NEAREST_FOCUS_FOCALS = 4.0
"""Nearest focus of a lens, in focal lengths: closer is macro photography."""


@dataclass(frozen=True)
class LensGain:
    """How fast blur grows with the distance from the focus.

    Parameters
    ----------
    focus : float
        Distance in focus, in diopters.
    pixels : float
        Radius of the blur, in pixels of the photo, for each diopter off the focus.
    """

    focus: float
    pixels: float

    def radius(self, diopters: Any) -> Any:
        """Signed radius in pixels: above 0 behind the focus, below 0 nearer than it."""
        return (self.focus - diopters) * self.pixels


def focal_length_mm(photo: Photo) -> float:
    """Return the focal length of a photo in millimeters on full frame; 50 where unknown."""
    if photo.camera is None:
        return _PORTRAIT_FOCAL_MM
    camera = photo.camera
    share = math.sqrt(camera.fx * camera.fy) / math.hypot(*camera.shape)
    return share * FULL_FRAME_DIAGONAL_MM


def thin_lens(photo: Photo, aperture: float, focus: float) -> LensGain:
    """Return the blur of a full-frame lens with the photo's field of view.

    Parameters
    ----------
    photo : Photo
        Its camera gives the focal length.
    aperture : float
        The f-number.
    focus : float
        Distance in focus, in diopters.

    Returns
    -------
    LensGain
        From c = A f s / (s - f) |1/s - 1/z| with A = f / aperture, the diameter on the sensor.
    """
    focal = focal_length_mm(photo) / 1000
    extension = 1 / (1 - min(focal * focus, 1 / _NEAREST_FOCUS_FOCALS))
    diameter_mm = focal / aperture * focal * extension * 1000
    share = diameter_mm / 2 / FULL_FRAME_DIAGONAL_MM
    return LensGain(focus, share * math.hypot(*photo.shape))
