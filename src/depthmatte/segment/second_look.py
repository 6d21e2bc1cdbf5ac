"""The second look: find the crop of a large photo in which a small person fills the canvas.

Networks see the canvas, not the photo. On the canvas of the whole photo a small person has too few
pixels for fingers and loose cloth. The second look cuts the person again from a crop.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ..canvas import Box, Letterbox
from ..depth.resample import resample_depth
from ..fusion.reliability import belongs_to_photo
from ..fusion.source_policy import is_measured
from ..options import OrientMode
from ..portrait import Portrait
from ..values import Matte

_CROP_MARGIN_SHARE = 0.2
"""Margin around the person, as a share of the box's longer side. A missed arm may be there."""

_MIN_ENLARGEMENT = 1.35
"""Factor by which the second look must show the person larger to be worth its time."""

_MIN_PIECE_PX = 25
"""Area, in canvas pixels, below which a measured region is ignored as a speck."""

_MIN_UNMEASURED_PIECE_SHARE = 0.25
"""Share of the largest region's area below which a region without measured depth is left out. A
person less than half as tall as the subject is more than twice as far away."""

_SOFT_EDGE_ALPHA = 0.05
"""Alpha above which a pixel belongs to a region, soft edge included."""

_MIN_MEASURED_SHARE = 0.2
"""Share of a region that must have measured depth, so that fusion has decided about it."""


def find_second_look_box(
    portrait: Portrait,
    preset: tuple[int, int],
    orient: OrientMode = "pad",
    keep_all: bool = False,
) -> Box | None:
    """The crop of the photo for the second look.

    Parameters
    ----------
    portrait : Portrait
        Result of the first pass.
    preset : tuple of int
        (h, w) of the canvas.
    orient : str
        How the crop is fitted into the canvas, as in CutOptions.
    keep_all : bool
        Include people who are small beside the subject, at any distance.

    Returns
    -------
    Box or None
        In photo pixels. None where no person was found, and where the second look would not
        show the person much larger: the person is large already, or the photo has few pixels.
    """
    box = _portrait_box(portrait, keep_all)
    if box is None:
        return None
    second_fit = Letterbox.for_photo(portrait.fit.photo, preset, orient, box)
    second_scale, first_scale = min(1.0, second_fit.scale), min(1.0, portrait.fit.scale)
    return box if second_scale >= _MIN_ENLARGEMENT * first_scale else None


def _portrait_box(portrait: Portrait, keep_all: bool) -> Box | None:
    """The box of the people with a margin, in photo pixels; None where there are none."""
    solid = (portrait.matte.alpha >= portrait.threshold).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count < 2:
        return None
    regions, area = stats[1:], stats[1:, cv2.CC_STAT_AREA]
    kept, small = np.full(len(area), keep_all), area < _MIN_UNMEASURED_PIECE_SHARE * area.max()
    depth = portrait.measured
    has_measured = is_measured(depth) and small.any()
    if has_measured and portrait.full_fit is not None:  # the finer look has a larger canvas
        depth = resample_depth(depth, portrait.depth_fit, portrait.fit)
    if has_measured and belongs_to_photo(portrait.matte, depth):
        known = np.bincount(label[depth.usable], minlength=count)[1:]
        kept |= known >= _MIN_MEASURED_SHARE * area
    regions = regions[np.where(kept, area >= min(_MIN_PIECE_PX, area.max()), ~small)]
    first = regions[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    last = first + regions[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    corners = np.stack([first.min(axis=0), last.max(axis=0)])
    ends = portrait.fit.points_to_photo(corners - 0.5) + 0.5
    low, high = ends.min(axis=0), ends.max(axis=0)
    margin = _CROP_MARGIN_SHARE * float((high - low).max())
    size = np.array(portrait.fit.photo[::-1])
    left, top = np.floor(np.clip(low - margin, 0, size - 1)).astype(int)
    right, bottom = np.ceil(np.clip(high + margin, 1, size)).astype(int)
    return Box(int(top), int(left), int(bottom - top), int(right - left))


def drop_cut_components(matte: Matte, fit: Letterbox) -> Matte:
    """Remove people whom the edge of the crop cuts through.

    They were not meant to be in the crop, and a person with a straight edge looks wrong. The
    largest region stays. So do regions that only the photo's own border cuts.

    Parameters
    ----------
    matte : Matte
        Result of the second look, on its canvas.
    fit : Letterbox
        Position of the crop on the canvas.

    Returns
    -------
    Matte
        The same object where nothing is removed.
    """
    _, label, stats, _ = cv2.connectedComponentsWithStats(
        (matte.alpha > _SOFT_EDGE_ALPHA).astype(np.uint8)
    )
    if len(stats) < 2:
        return matte
    content = label[fit.content_slices]
    content = np.rot90(content, -1) if fit.rotated else content
    rows, columns = fit.photo_box.slices
    height, width = fit.photo
    sides = (
        (rows.start > 0, content[0]),
        (rows.stop < height, content[-1]),
        (columns.start > 0, content[:, 0]),
        (columns.stop < width, content[:, -1]),
    )
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    touching = {int(region) for is_cut, side in sides if is_cut for region in side}
    cut = list(touching - {0, largest})
    if not cut:
        return matte
    return replace(matte, alpha=np.where(np.isin(label, cut), np.float32(0), matte.alpha))
