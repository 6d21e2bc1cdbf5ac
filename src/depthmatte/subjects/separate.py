"""Tell people apart: by the votes of a network; without it by gaps, depth and heads."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box
from ..filters import fill_nearest
from ..types import Float, Mask
from ..values import MIN_MEAN_PROB, Depth, Matte
from .head_tops import HeadTop, find_head_tops
from .head_votes import HeadVotes
from .instances import find_instances

MAX_PEOPLE = 64
"""Number of people that are told apart at most; the smallest are left out."""

_MIN_ALPHA = 0.5
"""Alpha from which a pixel belongs to a person."""

_MIN_RELATIVE_AREA = 0.05
"""Area of a person over that of the largest, at least. What is smaller is a shred, or far away."""

_MIN_CANVAS_SHARE = 0.0015
"""Area of a person, as a share of the canvas, at least."""

_PIECE_AREA = 0.35
"""Area over that of the person beside it, up to which a piece may be part of that person: a foot
below a table, a hand."""

_PIECE_LOG_DEPTH = 0.1
"""Distance in log depth, up to which such a piece is part of the person."""

_PIECE_GAP = 0.1
"""Gap, as a share of the person's height, up to which such a piece is part of the person."""

_MIN_SHARED_COLUMNS = 0.5
"""Share of the columns of such a piece that are the person's, too."""

_SURE_MARGIN = 2.5
"""Difference of the distances to two heads' columns, in radii, from which a pixel is surely the
nearer one's. Colors decide in between."""

_SURE_CORE = 0.7
"""Distance to a head's column, in radii, up to which a pixel is surely that person's."""

_SURE_CORE_MARGIN = 0.3
"""Least difference of the distances there."""


def show_everybody(matte: Matte, votes: HeadVotes | None) -> Matte:
    """Add the people whom the portrait network takes for background.

    Parameters
    ----------
    matte : Matte
        The portrait network's opinion (h, w).
    votes : HeadVotes, optional
        Of the same canvas.

    Returns
    -------
    Matte
        With the larger alpha and probability of the two; the same object without votes.
    """
    if votes is None:
        return matte
    alpha, prob = np.maximum(matte.alpha, votes.person), np.maximum(matte.prob, votes.person)
    return replace(matte, alpha=alpha, prob=prob)


def separate_people(
    matte: Matte, depth: Depth, votes: HeadVotes | None = None
) -> NDArray[np.int32]:
    """Label the people in a matte, the largest first.

    With votes, each pixel belongs to the head that it votes for. Without them, gaps and jumps in
    depth separate people (`find_instances`). Where several heads rise from one outline it is
    divided among them: pixels near the column of a head are that person's, and colors decide in
    between. Small pieces near a person at the same depth are hers. Shreds are no people.

    Parameters
    ----------
    matte : Matte
        Alpha, probability and colors (h, w).
    depth : Depth
        On the same canvas.
    votes : HeadVotes, optional
        What the network of people says of the canvas.

    Returns
    -------
    ndarray
        int32 (h, w), 0 where there is nobody. Soft edges belong to the nearest person.
    """
    solid = matte.alpha >= _MIN_ALPHA
    label = np.zeros(solid.shape, np.int32) if votes is None else _split_pieces(votes.assign(solid))
    if not label.any():
        label = np.where(solid, find_instances(matte, depth).label, np.int32(0))
        label = _divide_by_heads(label, matte.rgb)
        label = _join_pieces(label, depth)
    label = keep_plausible(label, matte)
    if not label.any():
        return label
    return np.where(matte.alpha > 0, fill_nearest(label, label > 0), np.int32(0))


def _divide_by_heads(label: NDArray[np.int32], rgb: Float | None) -> NDArray[np.int32]:
    """Divide every region with several heads among them."""
    made, count = np.zeros_like(label), 0
    for number in range(1, int(label.max()) + 1):
        box = Box.bounding(label == number, 1)
        if not box.height:
            continue
        region = label[box.slices] == number
        smooth = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
        heads = find_head_tops(smooth > 0)
        colors = None if rgb is None else rgb[:, box.slices[0], box.slices[1]]
        parts = _divide(region, heads, colors) if len(heads) > 1 else region.astype(np.int32)
        made[box.slices][region] = parts[region] + count
        count += max(1, len(heads))
    return made


def _divide(region: Mask, heads: list[HeadTop], rgb: Float | None) -> NDArray[np.int32]:
    """Give each pixel of a region to a head, from 1."""
    rows, columns = np.nonzero(region)
    distance = np.stack(
        [
            np.abs(columns - head.x) / head.radius
            + 2 * np.maximum(0, head.y - head.radius - rows) / head.radius
            for head in heads
        ]
    )
    nearest = np.zeros(region.shape, np.int32)
    nearest[rows, columns] = 1 + np.argmin(distance, axis=0)
    if rgb is None:
        return nearest
    first, second = np.sort(distance, axis=0)[:2]
    margin = second - first
    sure = (margin > _SURE_MARGIN) | ((first < _SURE_CORE) & (margin > _SURE_CORE_MARGIN))
    outside = len(heads) + 1
    seeds = np.full(region.shape, outside, np.int32)
    seeds[rows, columns] = np.where(sure, nearest[rows, columns], 0)
    levels = np.clip(np.rint(rgb.transpose(1, 2, 0) * 255), 0, 255).astype(np.uint8)
    flooded = np.asarray(cv2.watershed(np.ascontiguousarray(levels), seeds), np.int32)
    decided = region & (flooded > 0) & (flooded < outside)
    return np.where(decided, flooded, nearest)


def _split_pieces(label: NDArray[np.int32]) -> NDArray[np.int32]:
    """Make a person of each large piece beside a person, whose own head the network does not see.

    Pieces above or below each other are one person whom something in front divides.
    """
    made, count = label.copy(), int(label.max())
    for number in range(1, int(label.max()) + 1):
        pieces, numbers, stats, _ = cv2.connectedComponentsWithStats(
            (label == number).astype(np.uint8)
        )
        boxes = [Box(int(top), int(left), int(rows), int(columns))
                 for left, top, columns, rows, _ in stats]  # fmt: skip
        area = stats[:, cv2.CC_STAT_AREA]
        main = 1 + int(area[1:].argmax()) if pieces > 1 else 0
        for piece in range(1, pieces):
            is_large = area[piece] > _PIECE_AREA * area[main]
            if piece != main and is_large and not _belongs_beside(boxes[piece], boxes[main]):
                count += 1
                made[numbers == piece] = count
    return made


def _join_pieces(label: NDArray[np.int32], depth: Depth) -> NDArray[np.int32]:
    """Give small pieces near a person at the same depth to that person."""
    count = int(label.max()) + 1
    boxes = [Box.bounding(label == number, 0) for number in range(1, count)]
    area = np.bincount(label.ravel(), minlength=count)[1:]
    known = depth.usable
    depths = [
        float(np.median(depth.log_depth[here])) if here.any() else float("nan")
        for here in ((label == number) & known for number in range(1, count))
    ]
    owner = np.arange(count, dtype=np.int32)
    for piece in np.argsort(area).tolist():
        hosts = [
            host
            for host in range(count - 1)
            if area[piece] <= _PIECE_AREA * area[host]
            and not abs(depths[piece] - depths[host]) > _PIECE_LOG_DEPTH
            and _belongs_beside(boxes[piece], boxes[host])
        ]
        if hosts:
            owner[piece + 1] = 1 + max(hosts, key=lambda host: int(area[host]))
    for number in range(count):
        while owner[owner[number]] != owner[number]:
            owner[number] = owner[owner[number]]
    return np.asarray(owner[label], np.int32)


def _belongs_beside(piece: Box, host: Box) -> bool:
    """Whether a piece lies above or below a person, or within her box."""
    shared = min(piece.left + piece.width, host.left + host.width) - max(piece.left, host.left)
    gap = max(piece.top - host.top - host.height, host.top - piece.top - piece.height)
    return shared >= _MIN_SHARED_COLUMNS * piece.width and gap <= _PIECE_GAP * host.height


def keep_plausible(label: NDArray[np.int32], matte: Matte) -> NDArray[np.int32]:
    """The labels of plausible people, numbered from the largest."""
    count = int(label.max()) + 1
    area = np.bincount(label.ravel(), minlength=count)
    area[0] = 0
    prob = np.bincount(label.ravel(), matte.prob.ravel(), count) / np.maximum(area, 1)
    least = max(_MIN_RELATIVE_AREA * area.max(), _MIN_CANVAS_SHARE * label.size)
    kept = np.flatnonzero((area >= least) & (prob >= MIN_MEAN_PROB))
    kept = kept[np.argsort(-area[kept], kind="stable")][:MAX_PEOPLE]
    number = np.zeros(count, np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(number[label], np.int32)
