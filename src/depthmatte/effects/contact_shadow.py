"""A soft shadow on the ground, where a standing person touches it."""

from __future__ import annotations

import cv2
import numpy as np

from ..canvas import Box, from_canvas, resize, scale_shape
from ..filters import repeat_channels
from ..types import RGB, Float, Mask
from .effect import PortraitLike

_SIDE_PX = 512
"""Longer side at which the shadow is drawn; it is soft."""

_FEET_HEIGHT_SHARE = 0.12
"""Share of the person's height in which the feet are: one may stand farther back."""

_SAME_DEPTH = 0.03
"""Difference of relative depth, in [0, 1], up to which a foot and the ground below it touch.
The ground beyond a raised foot or a sleeve is farther away than that."""

_SPREAD = (0.012, 0.045)
"""Standard deviations of the shadow, down and across, as shares of the person's height. The
ground is seen at a grazing angle, so that the shadow is flat."""

_DARKNESS = 0.75
"""Share of the light that full strength takes away where the shadow is darkest."""


def contact_shadow(portrait: PortraitLike, strength: float) -> Float | None:
    """Draw the light that is left around the feet.

    Parameters
    ----------
    portrait : Portrait
        The ground is found by its depth; without depth the lowest part of the person touches it.
    strength : float
        From 0 to 1.

    Returns
    -------
    ndarray or None
        Share of the light that is left, float32 (h, w) in [0, 1] at a reduced size of the photo.
        None where there is no shadow: at strength 0, or when the photo's lower edge cuts the
        person.
    """
    if strength == 0 or not portrait.found:
        return None
    height, width = portrait.photo.shape
    shape = scale_shape((height, width), min(1.0, _SIDE_PX / max(height, width)))
    person = np.asarray(resize(portrait.opacity, shape), np.float32) >= 0.5
    rows = np.flatnonzero(person.any(axis=1))
    if not rows.size or rows[-1] == shape[0] - 1:
        return None
    tall = int(rows[-1] - rows[0] + 1)
    feet = _contact(person, rows[-1] - _FEET_HEIGHT_SHARE * tall)
    touching = feet & _same_depth_below(portrait, feet)
    feet = touching if touching.any() else feet
    down, across = (max(0.5, share * tall) for share in _SPREAD)
    spread = cv2.GaussianBlur(
        feet.astype(np.float32), (0, 0), across, sigmaY=down, borderType=cv2.BORDER_CONSTANT
    )
    dark = spread / max(float(spread.max()), 1e-6)
    return np.asarray(1 - np.float32(_DARKNESS * strength) * dark, np.float32)


def _contact(person: Mask, first_row: float) -> Mask:
    """The lowest pixel of the person in each column, where it lies at or below a row."""
    lowest = person.shape[0] - 1 - np.argmax(person[::-1], axis=0)
    columns = np.flatnonzero(person.any(axis=0) & (lowest >= first_row))
    marked = np.zeros_like(person)
    marked[lowest[columns], columns] = True
    return marked


def _same_depth_below(portrait: PortraitLike, feet: Mask) -> Mask:
    """Where the depth above and below each marked pixel is nearly the same and known."""
    depth, fit = portrait.measured, portrait.depth_fit.resized(feet.shape)
    z = from_canvas(depth.relative, fit, nearest=True)
    known = from_canvas(depth.known.astype(np.uint8), fit, nearest=True) > 0
    reach = max(1, feet.shape[0] // 100)
    rows, columns = np.nonzero(feet)
    above = np.maximum(rows - reach, 0), columns
    below = np.minimum(rows + reach, feet.shape[0] - 1), columns
    same = np.zeros_like(feet)
    same[rows, columns] = known[above] & known[below] & (np.abs(z[below] - z[above]) <= _SAME_DEPTH)
    return same


def shade(picture: RGB, light: Float | None) -> RGB:
    """Multiply a picture by the light that is left.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3).
    light : ndarray or None
        float32 (h, w) in [0, 1], scaled to the picture; None changes nothing.

    Returns
    -------
    ndarray
        uint8 (H, W, 3); the same array where nothing changes.
    """
    if light is None:
        return picture
    full = np.asarray(resize(light, picture.shape[:2]), np.float32)
    box = Box.bounding(full < 1 - 0.5 / 255, 0)
    if not box.height:
        return picture
    shaded = picture.copy()
    part = picture[box.slices] * repeat_channels(full[box.slices], 3)
    shaded[box.slices] = np.rint(part, out=part)
    return shaded
