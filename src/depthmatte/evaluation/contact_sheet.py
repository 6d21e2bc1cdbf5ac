"""A contact sheet of one photo: the result of every step, side by side."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Letterbox, from_canvas, resize, scale_shape
from ..effects import Cutout
from ..io.photo.photo_writer import to_8bit
from ..photo import Photo
from ..portrait import Portrait
from ..restore import restore_map, restore_measured
from ..types import RGB
from ..values import Depth, Matte
from .tiles import add_frame, caption_tile, join_row, stack_rows

_TILE_SIDE = 480
"""Longest side of a tile in pixels. Smaller photos are not enlarged."""

_COLUMNS = 3
_SQUARE_SIDE = 12
"""Side in pixels of a square of the checkerboard behind the cutout."""


def draw_contact_sheet(portrait: Portrait) -> RGB:
    """Draw photo, maps and cutout of one portrait in one picture.

    Depth is bright where it is near and black where nothing was measured.

    Parameters
    ----------
    portrait : Portrait
        The portrait to show.

    Returns
    -------
    ndarray
        uint8 (h, w, 3), sRGB when the photo is.
    """
    small = _shrink(portrait)
    pictures = {
        "photo": small.photo.rgb,
        "alpha": _to_gray(small.alpha),
        "cut-out": _on_checkerboard(Cutout()(small)),
        "probability": _to_gray(small.prob),
        "depth": _color_depth(small),
        "depth probability": _to_gray(small.depth_prob),
    }
    tiles = [caption_tile(picture, text) for text, picture in pictures.items()]
    rows = [join_row(tiles[first : first + _COLUMNS]) for first in range(0, len(tiles), _COLUMNS)]
    return add_frame(stack_rows(rows))


def _shrink(portrait: Portrait) -> Portrait:
    """Scale a portrait to tile size; only its alpha is restored at photo size first."""
    shape = scale_shape(portrait.photo.shape, min(1.0, _TILE_SIDE / max(portrait.photo.shape)))
    fit, depth_fit = portrait.fit.resized(shape), portrait.depth_fit.resized(shape)
    alpha = np.asarray(np.clip(resize(portrait.alpha, shape), 0, 1), np.float32)
    depth = portrait.measured
    return Portrait(
        Photo(resize(portrait.photo.rgb, shape)),
        Matte(alpha, restore_map(portrait.matte.prob, fit)),
        Depth(
            np.minimum(restore_measured(depth.relative, depth.known, depth_fit), 1),
            np.minimum(restore_measured(depth.prob, depth.known, depth_fit), 1),
            validity=from_canvas(depth.validity, depth_fit, nearest=True),
        ),
        Letterbox.identity(shape),
    )


def _to_gray(values: NDArray[Any]) -> RGB:
    return np.repeat(to_8bit(values)[..., None], 3, axis=2)


def _color_depth(portrait: Portrait) -> RGB:
    levels = to_8bit(1 - portrait.depth)
    colors = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.where(portrait.measured.known[..., None], colors, 0).astype(np.uint8)


def _on_checkerboard(rgba: NDArray[np.uint8]) -> RGB:
    height, width = rgba.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    odd = (rows // _SQUARE_SIDE + columns // _SQUARE_SIDE) % 2
    board = np.where(odd, 200, 235).astype(np.float32)[..., None]
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)
