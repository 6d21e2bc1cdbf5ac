"""Blur the background like a lens with a wide aperture; the portrait does not bleed into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..option_fields import option_like
from ..options.lens_options import LensOptions, LensShape, PhotoPlace
from .effect import Effect, Pixels, PortraitLike, option
from .lens.aperture import Aperture
from .lens.optics import LensGain, thin_lens
from .lens.rendering import render_lens
from .lens.scene import BlurScene, blur_scene

_MAX_RADIUS_DIAGONAL_SHARE = 0.03
"""Radius of the blur at strength 1, as a share of the photo's diagonal."""


@dataclass(frozen=True)
class Blur(Effect):
    """Background blur as a lens makes it; the portrait stays sharp.

    The photo is split into layers by distance. Each is blurred by its own disc in linear light
    and laid over the farther ones, so that no color of the portrait gets into the background.
    The radius grows with the distance from the focus in diopters, as behind a thin lens. Things
    nearer than the portrait are blurred over it. Without depth the background is one far layer.
    Without a person in the photo the photo is returned unchanged.

    Parameters
    ----------
    strength : float
        From 0, no blur, to 1: the farthest background has a radius of 3 % of the photo's
        diagonal.
    focus : tuple of float, optional
        A place (x, y) to stay sharp, as shares of the photo's width and height from the top left
        corner. On the portrait, or where no depth is known, nothing changes. Elsewhere the blur
        grows with the distance from the depth there, and the portrait is blurred too.
    aperture : float, optional
        The f-number of a full-frame lens with the photo's field of view, instead of a strength
        above 0. The distance is that of the depth in meters; otherwise the person is assumed at
        2 meters.
    shape : str
        The opening of the lens: "disc", or "5" to "9" for a polygon with so many blades.
    cats_eye : float
        How much the opening closes towards the corners, from 0 to 1 radius.
    """

    strength: float = option(0.5, "how strong the blur is", 0, 1)
    focus: PhotoPlace | None = option_like(LensOptions, "focus", None)
    aperture: float | None = option_like(LensOptions, "aperture", None)
    shape: LensShape = option_like(LensOptions, "shape", "disc")
    cats_eye: float = option(
        0.0, "how much the opening closes towards the corners", 0, 1, unit="radii"
    )

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The photo with a blurred background, uint8 (H, W, 3); at strength 0 a copy."""
        if self.strength == 0 or not portrait.found:
            return portrait.photo.rgb.copy()
        scene = blur_scene(portrait)
        place = None if self.focus is None else scene.diopters_at(self.focus)
        if place is None:
            # The whole portrait is in focus, so nearer things begin at its nearest part.
            scene, focus = scene.for_sharp_person, scene.person[0]
        else:
            focus = place
        blades = 0 if self.shape == "disc" else int(self.shape)
        gain = self._gain(scene, focus)
        return render_lens(scene, gain, scene.person[0], Aperture(blades, self.cats_eye))

    def _gain(self, scene: BlurScene, focus: float) -> LensGain:
        photo = scene.portrait.photo
        if self.aperture is not None:
            return thin_lens(photo, self.aperture, focus)
        radius = self.strength * _MAX_RADIUS_DIAGONAL_SHARE * float(np.hypot(*photo.shape))
        return LensGain(focus, radius / scene.reach(focus))
