"""A contact sheet of one feedback sample: photo, today's alpha, corrected mask, difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..evaluation.tiles import add_frame, caption_tile, join_row, stack_rows
from ..types import RGB, Float

_TILE_SIDE = 480
"""Longest side of a tile in pixels. Smaller photos are not enlarged."""

_MISSED_COLOR = (220, 40, 40)
_EXTRA_COLOR = (40, 90, 220)
"""Colors of what the mask adds to today's alpha, and of what it takes away."""


def draw_sample_sheet(rgb: RGB, alpha: Float, mask: NDArray[np.uint8]) -> RGB:
    """Draw a sample and how today's alpha differs from its mask.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        Today's alpha, float32 (H, W) in [0, 1].
    mask : ndarray
        The corrected mask, uint8 (H, W).

    Returns
    -------
    ndarray
        uint8 (h, w, 3). In the difference red is missing in alpha, blue is too much.
    """
    shape = scale_shape((rgb.shape[0], rgb.shape[1]), min(1.0, _TILE_SIDE / max(rgb.shape[:2])))
    small = np.asarray(resize(rgb, shape), np.uint8)
    ours = np.asarray(np.clip(resize(alpha, shape), 0, 1), np.float32)
    truth = np.asarray(resize(mask, shape), np.float32) / np.float32(255)
    tiles = {
        "photo": small,
        "alpha today": _to_gray(ours),
        "corrected mask": _to_gray(truth),
        "red missing, blue extra": _color_difference(small, ours, truth),
    }
    drawn = [caption_tile(picture, text) for text, picture in tiles.items()]
    return add_frame(stack_rows([join_row(drawn[:2]), join_row(drawn[2:])]))


def _to_gray(values: Float) -> RGB:
    levels = np.rint(values * 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=2)


def _color_difference(rgb: RGB, alpha: Float, truth: Float) -> RGB:
    """The photo in pale gray, with the differences in color."""
    pale = 160 + rgb.mean(axis=2, keepdims=True).astype(np.float32) * 0.3
    missed = np.clip(truth - alpha, 0, 1)[..., None]
    extra = np.clip(alpha - truth, 0, 1)[..., None]
    colored = (
        pale * (1 - missed - extra)
        + np.asarray(_MISSED_COLOR, np.float32) * missed
        + np.asarray(_EXTRA_COLOR, np.float32) * extra
    )
    return np.asarray(np.clip(np.rint(colored), 0, 255), np.uint8)
