"""The second look: where a small portrait stands in a large photo, so that it can fill the canvas.

A network sees the canvas, not the photo. Somebody a quarter of the photo high is too small
there for fingers and loose cloth, while the photo shows them well.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..canvas import Box, Letterbox
from ..fusion.reliability import depth_reliability
from ..options import OrientMode
from ..portrait import Portrait
from ..values import Matte

_CROP_MARGIN_SHARE = 0.2
"""What is seen around the portrait, as a share of its longer side: a lost arm may be there."""

_MIN_ZOOM_FACTOR = 1.35
"""A second look must show the portrait larger by this factor, or it is not worth its time."""

_MIN_PIECE_PX = 25
"""Canvas pixels below which a piece of the portrait is a speck."""

_MIN_UNMEASURED_PIECE_SHARE = 0.25
"""Share of the largest piece's area below which a piece whose depth nobody measured is left
out: who is less than half as high as the portrait is more than twice as far away, and not
with it."""

_SOFT_EDGE_ALPHA = 0.05
"""Alpha of the softest edge that belongs to a piece."""

_MIN_MEASURED_SHARE = 0.2
"""Share of a piece that must be measured, by a map that is believed, so that it was judged."""


def find_zoom_box(
    portrait: Portrait,
    preset: tuple[int, int],
    orient: OrientMode = "pad",
    keep_all: bool = False,
) -> Box | None:
    """The part of the photo to look at again on a canvas of `preset`; None to leave it.

    None too where the photo has no more pixels than the canvas already showed. With
    `everybody` people who are small beside the portrait are in it, however far they may be.
    """
    around = _portrait_box(portrait, keep_all)
    if around is None:
        return None
    near = Letterbox.for_photo(portrait.fit.photo, preset, orient, around)
    shown, now = min(1.0, near.scale), min(1.0, portrait.fit.scale)
    return around if shown >= _MIN_ZOOM_FACTOR * now else None


def _portrait_box(portrait: Portrait, everybody: bool) -> Box | None:
    """The portrait's own box in photo pixels with a margin; None where nobody is."""
    solid = (portrait.matte.alpha >= portrait.threshold).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count < 2:
        return None
    pieces, area = stats[1:], stats[1:, cv2.CC_STAT_AREA]
    judged, small = np.full(len(area), everybody), area < _MIN_UNMEASURED_PIECE_SHARE * area.max()
    depth = portrait.measured
    given = depth.source not in ("none", "mono") and small.any()
    if given and depth_reliability(portrait.matte, depth) > 0:
        known = np.bincount(label[depth.usable], minlength=count)[1:]
        judged |= known >= _MIN_MEASURED_SHARE * area
    pieces = pieces[np.where(judged, area >= min(_MIN_PIECE_PX, area.max()), ~small)]
    first = pieces[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    last = first + pieces[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    ends = portrait.fit.points_to_photo(np.stack([first.min(axis=0), last.max(axis=0)]) - 0.5) + 0.5
    low, high = ends.min(axis=0), ends.max(axis=0)
    margin = _CROP_MARGIN_SHARE * float((high - low).max())
    size = np.array(portrait.fit.photo[::-1])
    left, top = np.floor(np.clip(low - margin, 0, size - 1)).astype(int)
    right, bottom = np.ceil(np.clip(high + margin, 1, size)).astype(int)
    return Box(int(top), int(left), int(bottom - top), int(right - left))


def drop_cut_components(matte: Matte, fit: Letterbox) -> Matte:
    """The matte of a second look without pieces that its canvas cuts through.

    They were left out when the part was chosen: a straight edge is worse than nobody. The
    largest piece stays, and so does what the photo's own border cuts.
    """
    _, label, stats, _ = cv2.connectedComponentsWithStats(
        (matte.alpha > _SOFT_EDGE_ALPHA).astype(np.uint8)
    )
    if len(stats) < 2:
        return matte
    shown = label[fit.content_slices]
    shown = np.rot90(shown, -1) if fit.rotated else shown
    rows, columns = fit.photo_box.slices
    height, width = fit.photo
    sides = (
        (rows.start > 0, shown[0]),
        (rows.stop < height, shown[-1]),
        (columns.start > 0, shown[:, 0]),
        (columns.stop < width, shown[:, -1]),
    )
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    reached = {int(piece) for inner, side in sides if inner for piece in side}
    cut = list(reached - {0, largest})
    if not cut:
        return matte
    return replace(matte, alpha=np.where(np.isin(label, cut), np.float32(0), matte.alpha))
