"""Is a depth map inside out, far where it should be near?

Nobody says in a file whether larger numbers are farther. Light does: where the outline of a
person meets what is behind, the person is nearer. What stands before a person, a table or a
railing, or touches her, a chair or the floor, is nearer or as near in some places, but not all
around and not throughout the photo.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from ..canvas import Canvas
from ..errors import InputError
from ..photo import Photo
from ..types import Float, Mask
from ..values import Depth, Matte
from . import DepthFunction

_MIN_PERSON_ALPHA, _MAX_OUTSIDE_ALPHA = 0.9, 0.1
"""Opacity from which a pixel is the person's, and up to which it is not."""

_LOG_DEPTH_STEP = 0.05
"""Log distance, as a part of the scene's, that counts as nearer or farther: above what sensors
err by, below the step from a person to a wall behind."""

_OUTLINE_REACH_SHARE = 0.04
"""How far the outline reaches to either side, in shorter sides of the canvas."""

_MIN_NEARER_SHARES = ((0.6, 0.6), (0.3, 0.9))
"""Shares of the outline, and of all the rest of the photo, that must be nearer than the person:
most of both; or a good part of the outline where nearly everything is."""

_MAX_FARTHER_SHARE = 0.15
"""Share of the outline that may still be farther."""

_MIN_MEASURED_SHARE = 0.25
"""Share of outline, person and rest that must have depth for a verdict."""


class DepthCheck(NamedTuple):
    """What counts in place of depth that was not believed; `note` says why, None if it was."""

    photo: Photo
    depth: Depth
    note: str | None


def reject_inverted_depth(
    photo: Photo, canvas: Canvas, matte: Matte, depth: Depth, measure: DepthFunction
) -> DepthCheck:
    """Depth that was taken for distance and is inside out does not count; the next source does.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        The whole photo as the networks see it.
    matte : Matte
        The segmentation's opinion on that canvas, or an empty one.
    depth : Depth
        What `measure` gave for it.
    measure : callable
        (Photo, Canvas) -> Depth, asked again for the photo without that depth.

    Returns
    -------
    Reconsidered
        The photo, without the depth file if that is not believed, so that later looks do not
        ask for it again; depth; and a note without the photo's name.
    """
    raw = photo.evidence.depth_map
    if (
        raw is None
        or not raw.direction_assumed
        or depth.source != "sensor"
        or not is_inverted(matte, depth)
    ):
        return DepthCheck(photo, depth, None)
    without = replace(photo, evidence=replace(photo.evidence, depth_map=None))
    try:
        depth = measure(without, canvas)
    except InputError:  # that very source was asked for
        depth = Depth.none(canvas.fit.canvas)
    used = f"{depth.source} depth was used" if depth.prob.any() else "no depth was used"
    return DepthCheck(
        without,
        depth,
        "in this depth the person is farther than what surrounds her, so it was not believed; "
        f"{used}. If larger numbers are nearer, give --depth-kind inverse (depth_kind='inverse'); "
        "if not, give distance",
    )


def is_inverted(matte: Matte, depth: Depth) -> bool:
    """Whether the person is behind nearly all that surrounds her, by this depth.

    Parameters
    ----------
    matte : Matte
        (h, w) of the whole photo.
    depth : Depth
        On the same grid.

    Returns
    -------
    bool
        False too where there is nobody, or too little depth to tell.
    """
    inside, outside = matte.alpha >= _MIN_PERSON_ALPHA, matte.alpha <= _MAX_OUTSIDE_ALPHA
    usable = depth.usable
    rest = outside & usable
    person = _eroded(inside) & usable
    if (
        person.sum() <= _MIN_MEASURED_SHARE * inside.sum()
        or rest.sum() <= _MIN_MEASURED_SHARE * outside.sum()
    ):
        return False
    log = depth.log_depth
    own = float(np.median(log[person]))
    throughout = (log[rest] < own - _LOG_DEPTH_STEP).mean()
    if throughout < min(whole for _, whole in _MIN_NEARER_SHARES):
        return False
    near, far, met = _outline_order(log, inside & usable, rest, outside)
    enough = any(near >= around and throughout >= whole for around, whole in _MIN_NEARER_SHARES)
    return bool(met and enough and far <= _MAX_FARTHER_SHARE)


def _outline_order(
    log: Float, person: Mask, rest: Mask, outside: Mask
) -> tuple[float, float, bool]:
    """Share of the outline's outer side that is nearer than the person inside it, and farther.

    And whether enough of it has depth on both sides.
    """
    side = 2 * max(2, round(_OUTLINE_REACH_SHARE * min(log.shape))) + 1
    square = np.ones((side, side), np.uint8)
    count = cv2.boxFilter(person.astype(np.float32), -1, (side, side), normalize=False)
    total = cv2.boxFilter(np.where(person, log, 0).astype(np.float32), -1, (side, side),
                          normalize=False)  # fmt: skip
    band = outside & (cv2.dilate(person.astype(np.uint8), square) > 0)
    both = band & rest & (count > side / 2)
    if not both.any() or both.sum() < _MIN_MEASURED_SHARE * band.sum():
        return 0.0, 0.0, False
    step = log[both] - (total[both] / count[both])
    return float((step < -_LOG_DEPTH_STEP).mean()), float((step > _LOG_DEPTH_STEP).mean()), True


def _eroded(mask: Mask) -> Mask:
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
