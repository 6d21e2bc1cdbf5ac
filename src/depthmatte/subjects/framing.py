"""Frames that people need: around the person, square, of a passport photo, of any ratio."""

from __future__ import annotations

import numpy as np

from ..canvas import Box
from ..options import CropOptions
from ..types import Float
from .head import find_head

_LEAST_ALPHA = 0.5
"""Alpha from which a pixel belongs to the person. Wisps of hair do not move a frame."""


def frame_portrait(alpha: Float, crop: CropOptions) -> Box:
    """Find the frame around a person.

    Parameters
    ----------
    alpha : ndarray
        float32 (H, W) in [0, 1], at the size of the photo.
    crop : CropOptions
        Its shape and margins.

    Returns
    -------
    Box
        Within the photo. It has the wanted ratio to a pixel. Where the photo is too small for all
        of the person, her head is kept. Without a person it is the whole photo.

    Examples
    --------
    >>> import numpy as np
    >>> from depthmatte.options import CropOptions
    >>> alpha = np.zeros((100, 200), np.float32)
    >>> alpha[20:80, 90:110] = 1
    >>> frame_portrait(alpha, CropOptions("square", margin=0))
    Box(top=20, left=70, height=60, width=60)
    """
    whole = Box(0, 0, *alpha.shape)
    person = Box.bounding(alpha >= _LEAST_ALPHA, 0)
    if not person.height:
        return whole
    if crop.shape == "passport":
        return _passport_frame(alpha, crop)
    margin = round(crop.margin * max(person.shape))
    rows = _span(person.top - margin, person.height + 2 * margin, alpha.shape[0])
    columns = _span(person.left - margin, person.width + 2 * margin, alpha.shape[1])
    if crop.ratio is None:
        return Box(rows[0], columns[0], rows[1], columns[1])
    height = max(rows[1], columns[1] / crop.ratio)
    height = min(height, alpha.shape[0], alpha.shape[1] / crop.ratio)
    tall, wide = _whole_sides(height, crop.ratio, alpha.shape)
    middle = columns[0] + columns[1] / 2
    if wide < person.width:
        head = find_head(alpha)
        middle = middle if head is None else head.left + head.width / 2
    # A frame too short for the person shows her from the top.
    top = rows[0] + (rows[1] - tall) / 2 if tall >= person.height else rows[0]
    return Box(
        _inside(top, tall, alpha.shape[0]),
        _inside(middle - wide / 2, wide, alpha.shape[1]),
        tall,
        wide,
    )


def _passport_frame(alpha: Float, crop: CropOptions) -> Box:
    ratio, head = crop.ratio, find_head(alpha)
    assert ratio is not None
    if head is None:
        return Box(0, 0, *alpha.shape)
    height = min(head.height / crop.head, alpha.shape[0], alpha.shape[1] / ratio)
    tall, wide = _whole_sides(height, ratio, alpha.shape)
    room = min(crop.margin, max(0.0, 1 - crop.head)) * tall
    return Box(
        _inside(head.top - room, tall, alpha.shape[0]),
        _inside(head.left + head.width / 2 - wide / 2, wide, alpha.shape[1]),
        tall,
        wide,
    )


def _span(start: int, count: int, side: int) -> tuple[int, int]:
    """Start and count of a span, clipped to [0, side)."""
    low, high = max(0, start), min(side, start + count)
    return low, high - low


def _whole_sides(height: float, ratio: float, shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width in whole pixels, within the photo."""
    tall = int(np.clip(round(height), 1, shape[0]))
    return tall, int(np.clip(round(tall * ratio), 1, shape[1]))


def _inside(start: float, count: int, side: int) -> int:
    """The start nearest to the wanted one at which a span lies within [0, side)."""
    return int(np.clip(round(start), 0, side - count))
