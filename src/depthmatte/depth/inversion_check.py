"""Detect inverted depth maps, whose larger numbers are nearer.

Most depth files do not say which direction is farther. Along a person's outline the person hides
the background, so the person is nearer. A table or railing in front of the person is nearer than
the person, and a chair or the floor may be as near, but not all around the outline and not in most
of the photo.
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
"""Alpha from which a pixel is the person's, and alpha up to which it is background."""

_LOG_DEPTH_STEP = 0.05
"""Difference in log depth, in [0, 1], that counts as nearer or farther. It is larger than the error
of sensors and smaller than the step from a person to a wall behind."""

_OUTLINE_REACH_SHARE = 0.04
"""Width of the outline to either side, as a share of the canvas's shorter side."""

_MIN_NEARER_SHARES = ((0.6, 0.6), (0.3, 0.9))
"""Shares of the outline and of the whole background that must be nearer than the person: one of
the pairs must be reached."""

_MAX_FARTHER_SHARE = 0.15
"""Share of the outline that may be farther than the person in an inverted map."""

_MIN_MEASURED_SHARE = 0.25
"""Share of the outline, of the person and of the background that must have depth for a decision."""


class DepthCheck(NamedTuple):
    """Result of `reject_inverted_depth`.

    `photo` and `depth` are the ones to use. `note` says why the depth was rejected, and is None
    if it was not.
    """

    photo: Photo
    depth: Depth
    note: str | None


def reject_inverted_depth(
    photo: Photo, canvas: Canvas, matte: Matte, depth: Depth, measure: DepthFunction
) -> DepthCheck:
    """Reject a depth file that was assumed to hold distance and is inverted.

    The next depth source takes its place. Files that state their direction are not checked.

    Parameters
    ----------
    photo : Photo
        With its evidence.
    canvas : Canvas
        The whole photo on the canvas.
    matte : Matte
        The segmentation on that canvas. It may be empty.
    depth : Depth
        Result of `measure` for this photo.
    measure : callable
        (Photo, Canvas) -> Depth. It is called again for the photo without the depth file.

    Returns
    -------
    DepthCheck
        The photo, without the depth file if that was rejected, so that the second look does
        not use it; the depth; and a note without the photo's name.
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
    except InputError:  # the caller asked for this source alone
        depth = Depth.none(canvas.fit.canvas)
    used = f"{depth.source} depth was used" if depth.prob.any() else "no depth was used"
    return DepthCheck(
        without,
        depth,
        "in this depth the person is farther than the surroundings, so it was ignored; "
        f"{used}. If larger numbers are nearer, give --depth-kind inverse (depth_kind='inverse'); "
        "if not, give distance",
    )


def is_inverted(matte: Matte, depth: Depth) -> bool:
    """Whether this depth places the person behind nearly all the surroundings.

    Parameters
    ----------
    matte : Matte
        Alpha (h, w) of the whole photo.
    depth : Depth
        On the same grid.

    Returns
    -------
    bool
        False also where there is no person, or too little depth to decide.
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
    log_depth = depth.log_depth
    person_depth = float(np.median(log_depth[person]))
    nearer_rest = (log_depth[rest] < person_depth - _LOG_DEPTH_STEP).mean()
    if nearer_rest < min(rest_share for _, rest_share in _MIN_NEARER_SHARES):
        return False
    nearer, farther, has_depth = _outline_order(log_depth, inside & usable, rest, outside)
    enough = any(
        nearer >= outline_share and nearer_rest >= rest_share
        for outline_share, rest_share in _MIN_NEARER_SHARES
    )
    return bool(has_depth and enough and farther <= _MAX_FARTHER_SHARE)


def _outline_order(
    log_depth: Float, person: Mask, rest: Mask, outside: Mask
) -> tuple[float, float, bool]:
    """Compare both sides of the outline.

    Returns the shares of its outer side that are nearer and farther than the person next to
    it, and whether enough of it has depth on both sides.
    """
    side = 2 * max(2, round(_OUTLINE_REACH_SHARE * min(log_depth.shape))) + 1
    square = np.ones((side, side), np.uint8)
    count = cv2.boxFilter(person.astype(np.float32), -1, (side, side), normalize=False)
    person_depth = np.where(person, log_depth, 0).astype(np.float32)
    total = cv2.boxFilter(person_depth, -1, (side, side), normalize=False)
    band = outside & (cv2.dilate(person.astype(np.uint8), square) > 0)
    both = band & rest & (count > side / 2)
    if not both.any() or both.sum() < _MIN_MEASURED_SHARE * band.sum():
        return 0.0, 0.0, False
    step = log_depth[both] - (total[both] / count[both])
    return float((step < -_LOG_DEPTH_STEP).mean()), float((step > _LOG_DEPTH_STEP).mean()), True


def _eroded(mask: Mask) -> Mask:
    """The mask without a border of 2 pixels."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
