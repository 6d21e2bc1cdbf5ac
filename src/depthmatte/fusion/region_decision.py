"""Keep, drop or restore whole regions of alpha, where the foreground probability disagrees.

The network says of every pixel how likely it is the subject's. One half parts yes from no. A
region is decided as a whole, and nothing becomes half transparent: within a kept region alpha
stays as it is, in a dropped one it becomes 0, and in a restored one 1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..filters import fill_nearest
from ..subjects.instances import Instances
from ..types import Float, Mask
from .inputs import BLOCK_SIDE_PX, HALF

_UNMEASURED_PROB = np.float32(0.1)
"""Foreground probability below which a pixel is dropped where depth was not measured. There the
network has only seen colors."""

_SAME_LOG_DEPTH = 0.2
"""Distance from the subject, in log depth, up to which something may be hers: a lost arm, and no
gap between two people. A person who was measured farther behind is another one."""

MIN_ESTIMATED_SHARE = 0.05
"""Area of the smallest part that an estimate of depth may cut off from a person, as a share of the
summed alpha. Bags and hair are smaller. Regions that are smaller than this share of the largest are
no reason to make an estimate."""

_BLOCKS = np.ones((2 * BLOCK_SIDE_PX + 1,) * 2, np.uint8)
"""Two blocks. The network does not see what is narrower, and its outlines may be as far off."""


def find_strangers(alpha: Float, depth_offset: Float, people: Instances, depth: float) -> Mask:
    """Find people who were measured too far behind the subject to belong to it.

    Parameters
    ----------
    alpha : ndarray
        float32 (h, w) in [0, 1].
    depth_offset : ndarray
        Log depth minus the subject's, float32 (h, w), NaN where depth was not measured.
    people : Instances
        The people in the matte.
    depth : float
        Log depth of the subject, in [0, 1].

    Returns
    -------
    ndarray
        bool (h, w): their pixels that were measured there. What is narrower than two blocks is
        left out, because a sensor and a photo do not fit exactly.
    """
    behind = np.nan_to_num(people.depth, nan=depth) - depth > _SAME_LOG_DEPTH
    behind[0] = False
    far = np.nan_to_num(depth_offset) > _SAME_LOG_DEPTH
    return _without_narrow((alpha >= HALF) & far & behind[people.label])


def apply_foreground(
    alpha: Float, foreground: Float, depth_offset: Float, is_estimate: bool = False
) -> Float:
    """Alpha with regions dropped and restored; soft edges stay.

    Parameters
    ----------
    alpha : ndarray
        float32 (h, w) in [0, 1].
    foreground : ndarray
        Probability of belonging to the subject, float32 (h, w) in [0, 1].
    depth_offset : ndarray
        Log depth minus the subject's, float32 (h, w): negative in front of the subject, NaN
        where depth was not measured.
    is_estimate : bool
        Whether depth was estimated from the photo. Then nothing nearer than the subject is
        dropped, and no small part of a person.

    Returns
    -------
    ndarray
        Fused alpha, float32 (h, w) in [0, 1].
    """
    solid = alpha >= HALF
    dropped = _find_dropped(alpha, foreground, depth_offset, solid, is_estimate)
    restored = ~dropped & _find_restored(foreground, depth_offset, solid)
    if not (dropped.any() or restored.any()):
        return alpha
    kept = (solid & ~dropped) | restored
    # Soft edges go or stay with the region next to them.
    side = fill_nearest(np.where(dropped, np.int32(2), kept.astype(np.int32)), dropped | kept)
    fused = alpha * (1 - _antialias(side == 2))
    return np.asarray(np.clip(np.maximum(fused, _antialias(restored)), 0, 1), np.float32)


def _find_dropped(
    alpha: Float, foreground: Float, depth_offset: Float, solid: Mask, is_estimate: bool
) -> Mask:
    """The solid pixels (h, w) that are not the subject's.

    The subject is the connected region with the most foreground. Parts of it may be dropped.
    Any other region is dropped or kept as a whole.
    """
    count, label = _label(solid)
    if count < 2:
        return np.zeros_like(solid)
    area = np.bincount(label.ravel(), minlength=count)
    total = np.bincount(label.ravel(), (foreground * alpha).ravel(), count)
    subject = 1 + int(total[1:].argmax())
    mean = np.bincount(label.ravel(), foreground.ravel(), count) / np.maximum(area, 1)
    apart = mean < HALF
    apart[[0, subject]] = False
    limit = np.where(np.isfinite(depth_offset), HALF, _UNMEASURED_PROB)
    part_count, part = _label(_without_narrow((label == subject) & (foreground < limit)))
    part_area = np.bincount(part.ravel(), minlength=part_count)
    cut_off = part_area >= (MIN_ESTIMATED_SHARE * float(alpha.sum()) if is_estimate else 1)
    cut_off[0] = False
    if is_estimate:
        apart &= _is_behind(label, depth_offset, count)
        cut_off &= _is_behind(part, depth_offset, part_count)
    return np.asarray(apart[label] | cut_off[part])


def _find_restored(foreground: Float, depth_offset: Float, solid: Mask) -> Mask:
    """The pixels (h, w) of the subject that alpha has missed, and those that join them to it.

    Where the outline of the foreground is near, what is narrow may be its error. Inside, it is a
    hole in the subject.
    """
    likely = foreground > HALF
    inside = cv2.erode(likely.astype(np.uint8), _BLOCKS) > 0
    here = likely & ~(np.abs(np.nan_to_num(depth_offset)) > _SAME_LOG_DEPTH)
    missed = here & ~solid
    missed = _open(missed) | (missed & inside)
    return np.asarray((cv2.dilate(missed.astype(np.uint8), _BLOCKS) > 0) & here)


def _is_behind(label: NDArray[np.int32], depth_offset: Float, count: int) -> Mask:
    """Whether each of `count` regions lies behind the subject on average."""
    offset = np.bincount(label.ravel(), np.nan_to_num(depth_offset).ravel(), count)
    return np.asarray(offset > 0)


def _label(mask: Mask) -> tuple[int, NDArray[np.int32]]:
    """Number of labels, and the connected regions of a mask (h, w), from 1."""
    count, label = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return count, np.asarray(label, np.int32)


def _without_narrow(mask: Mask) -> Mask:
    """The regions of a mask that are anywhere as wide as two blocks."""
    count, label = _label(mask)
    wide = np.zeros(count, bool)
    wide[label[_open(mask)]] = True
    wide[0] = False
    return np.asarray(wide[label])


def _open(mask: Mask) -> Mask:
    """The mask without what is narrower than two blocks."""
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _BLOCKS) > 0)


def _antialias(mask: Mask) -> Float:
    """A mask with an edge as soft as that of a drawn shape."""
    return np.asarray(cv2.blur(mask.astype(np.float32), (3, 3)), np.float32)
