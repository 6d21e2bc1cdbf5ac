"""A contact sheet of one photo: what every step of the cut-out saw, side by side."""

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

_TILE_SIDE = 480
"""Longest side of a tile in pixels; smaller photos are not enlarged."""

_COLUMNS = 3
_TILE_GAP = 8
_CAPTION_HEIGHT = 24
_MIN_TILE_WIDTH = 150
"""Width of a tile that holds the longest caption."""

_PAPER_LEVEL = 245
_INK_COLOR = (60, 60, 60)
_SQUARE_SIDE = 12
"""Side of a square of the checkerboard behind the cut-out."""


def draw_contact_sheet(portrait: Portrait) -> RGB:
    """Photo, maps and cut-out of one portrait in one picture, uint8 (h, w, 3).

    Depth is bright where it is near and black where nothing was measured.
    """
    small = _shrunk(portrait)
    tiles = {
        "photo": small.photo.rgb,
        "alpha": _gray(small.alpha),
        "cut-out": _on_checkerboard(Cutout()(small)),
        "probability": _gray(small.prob),
        "depth": _near_is_bright(small),
        "depth probability": _gray(small.depth_prob),
    }
    papers = [_captioned(tile, text) for text, tile in tiles.items()]
    rows = [papers[start : start + _COLUMNS] for start in range(0, len(papers), _COLUMNS)]
    return _framed(np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0))


def _shrunk(portrait: Portrait) -> Portrait:
    """The same portrait at tile size; of a large photo only the alpha is restored whole."""
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


def _gray(values: NDArray[Any]) -> RGB:
    return np.repeat(to_8bit(values)[..., None], 3, axis=2)


def _near_is_bright(portrait: Portrait) -> RGB:
    levels = to_8bit(1 - portrait.depth)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.where(portrait.measured.known[..., None], colours, 0).astype(np.uint8)


def _on_checkerboard(rgba: NDArray[np.uint8]) -> RGB:
    height, width = rgba.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    odd = (rows // _SQUARE_SIDE + columns // _SQUARE_SIDE) % 2
    board = np.where(odd, 200, 235).astype(np.float32)[..., None]
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)


def _captioned(tile: RGB, text: str) -> RGB:
    """A tile on paper, at least as wide as any caption, its own under it."""
    height, width = tile.shape[:2]
    paper = np.full(
        (height + _CAPTION_HEIGHT + _TILE_GAP, max(width, _MIN_TILE_WIDTH) + _TILE_GAP, 3),
        _PAPER_LEVEL,
        np.uint8,
    )
    paper[:height, :width] = tile
    baseline = (0, height + _CAPTION_HEIGHT - 8)
    cv2.putText(paper, text, baseline, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK_COLOR, 1, cv2.LINE_AA)
    return paper


def _framed(picture: RGB) -> RGB:
    """Paper at the left and the top too; every tile has its own at the right and below."""
    return np.pad(picture, ((_TILE_GAP, 0), (_TILE_GAP, 0), (0, 0)), constant_values=_PAPER_LEVEL)
