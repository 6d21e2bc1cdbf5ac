"""Place the portrait into another picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..canvas import Box, resize
from ..color.icc import convert_pixels
from ..errors import OptionError
from ..photo import Photo
from ..types import RGB
from .composite import composite_over
from .contact_shadow import contact_shadow, shade
from .effect import Effect, Pixels, PortraitLike, option
from .foreground import MIN_VISIBLE_ALPHA, portrait_foreground
from .picture import check_picture, picture_pixels, place_option
from .scene_light import match_light

_MARGIN = 0.1
"""Margin around the person that may hold her shadow, as a share of her height."""

_PICTURE = option(None, "the picture to stand in", takes="a picture, typed as a path")


@dataclass(frozen=True)
class PlaceInPicture(Effect):
    """The portrait in another picture, at a place and scale of its own.

    The result has the size of the picture and the color profile of the photo. Without a person in
    the photo it is the picture alone.

    Parameters
    ----------
    picture : ndarray or Photo
        uint8 (h, w, 3) in sRGB, or a Photo in its own profile.
    at : tuple of float
        Where the middle of the person's lower edge stands, as shares of the picture's width and
        height from its top left corner.
    height : float
        Height of the person as a share of the picture's height.
    light : float
        How much the person is lit as the picture is, from 0, not at all, to 1.
    shadow : float
        How dark the shadow on the ground at the person's feet is, from 0, none, to 1.

    Raises
    ------
    OptionError
        On use, without a picture.
    InputError
        For a picture that is not uint8 (h, w, 3).
    """

    picture: RGB | Photo | None = field(
        default=None, compare=False, repr=False, metadata=_PICTURE.metadata
    )
    at: tuple[float, float] = place_option(
        (0.5, 1.0), "where the middle of the person's lower edge stands"
    )
    height: float = option(0.8, "height of the person as a share of the picture's", 0.01, 10)
    light: float = option(0.5, "how much the person is lit as the picture is", 0, 1)
    shadow: float = option(0.5, "how dark the shadow at the person's feet is", 0, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.picture is not None:
            check_picture(picture_pixels(self.picture))

    def __call__(self, portrait: PortraitLike) -> Pixels:
        """The picture with the person, uint8 (h, w, 3)."""
        if self.picture is None:
            raise OptionError("place: has no picture to stand in; give picture=FILE")
        photo, profile = portrait.photo, portrait.photo.meta.icc
        source = self.picture.meta.icc if isinstance(self.picture, Photo) else None
        scene = convert_pixels(picture_pixels(self.picture), source, profile).copy()
        person = Box.bounding(portrait.opacity > MIN_VISIBLE_ALPHA, 0)
        if not person.height or not portrait.found:
            return scene
        near = Box.bounding(portrait.opacity > MIN_VISIBLE_ALPHA, round(_MARGIN * person.height))
        view = _visible_part(near, person, self.height, self.at, scene.shape[:2])
        if view is None:
            return scene
        source_part, part = view
        colors = match_light(portrait_foreground(portrait), photo.rgb, scene, profile, self.light)
        there = np.asarray(scene[part.slices])
        dark = contact_shadow(portrait, self.shadow)
        if dark is not None:
            small = source_part.scaled(
                dark.shape[0] / photo.shape[0], dark.shape[1] / photo.shape[1]
            )
            there = shade(there, dark[small.slices])
        front, alpha = (
            resize(np.ascontiguousarray(plane[source_part.slices]), part.shape)
            for plane in (colors, portrait.opacity)
        )
        scene[part.slices] = composite_over(front, alpha, np.ascontiguousarray(there))
        return scene


def _visible_part(
    near: Box, person: Box, height: float, at: tuple[float, float], shape: tuple[int, int]
) -> tuple[Box, Box] | None:
    """The part of the photo that the scene shows, and where; None where it shows nothing."""
    scale = height * shape[0] / person.height
    parts = []
    for first, count, anchor, share, side in (
        (near.top, near.height, person.top + person.height, at[1], shape[0]),
        (near.left, near.width, person.left + person.width / 2, at[0], shape[1]),
    ):
        shift = share * side - scale * anchor
        start = max(first, math.floor(-shift / scale))
        end = min(first + count, math.ceil((side - shift) / scale))
        low, high = round(scale * start + shift), round(scale * end + shift)
        low, high = max(0, low), min(side, high)
        if start >= end or low >= high:
            return None
        parts.append((start, end - start, low, high - low))
    (top, rows, low, tall), (left, columns, across, wide) = parts
    return Box(top, left, rows, columns), Box(low, across, tall, wide)
