"""Captioned tiles side by side: the layout of contact sheets and ablation sheets."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..types import RGB

TILE_GAP_PX = 8
"""Paper to the right of a tile and below it, in pixels."""

CAPTION_HEIGHT_PX = 24
"""Height of the caption under a tile, in pixels."""

MIN_TILE_WIDTH_PX = 150
"""Width of a tile, in pixels, that holds the longest caption."""

_PAPER_LEVEL = 245
_INK_COLOR = (60, 60, 60)


def caption_tile(tile: RGB, text: str) -> RGB:
    """Put a tile on paper with its caption below; narrow tiles get a wider paper.

    Parameters
    ----------
    tile : ndarray
        uint8 (h, w, 3).
    text : str
        The caption, in ASCII.

    Returns
    -------
    ndarray
        uint8 (h + CAPTION_HEIGHT_PX + TILE_GAP_PX, max(w, MIN_TILE_WIDTH_PX) + TILE_GAP_PX, 3).
    """
    height, width = tile.shape[:2]
    paper = pad_to_size(
        tile,
        height + CAPTION_HEIGHT_PX + TILE_GAP_PX,
        max(width, MIN_TILE_WIDTH_PX) + TILE_GAP_PX,
    )
    baseline = (0, height + CAPTION_HEIGHT_PX - 8)
    cv2.putText(paper, text, baseline, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK_COLOR, 1, cv2.LINE_AA)
    return paper


def pad_to_size(picture: RGB, height: int, width: int) -> RGB:
    """Extend a picture with paper at the bottom and on the right."""
    paper = np.full((height, width, 3), _PAPER_LEVEL, np.uint8)
    paper[: picture.shape[0], : picture.shape[1]] = picture
    return paper


def join_row(tiles: Sequence[RGB]) -> RGB:
    """Place pictures side by side; shorter ones are extended with paper."""
    height = max(tile.shape[0] for tile in tiles)
    return np.concatenate([pad_to_size(tile, height, tile.shape[1]) for tile in tiles], axis=1)


def stack_rows(rows: Sequence[RGB]) -> RGB:
    """Place pictures below each other; narrower ones are extended with paper."""
    width = max(row.shape[1] for row in rows)
    return np.concatenate([pad_to_size(row, row.shape[0], width) for row in rows], axis=0)


def add_frame(picture: RGB) -> RGB:
    """Add paper on the left and at the top; tiles bring their own on the other two sides."""
    return np.pad(
        picture, ((TILE_GAP_PX, 0), (TILE_GAP_PX, 0), (0, 0)), constant_values=_PAPER_LEVEL
    )
