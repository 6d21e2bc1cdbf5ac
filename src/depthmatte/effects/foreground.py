"""Estimate foreground colors: edge pixels without the color of the old background.

A photo is alpha * foreground + (1 - alpha) * background, on encoded values. Both layers are
continued smoothly from pixels that show one layer alone. Then a correction makes them agree with
the photo: the last step of Forte and Denis, "Approximate Fast Foreground Colour Estimation", ICIP
2021.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..filters import fill_pull_push, repeat_channels
from ..system.row_strips import row_strips
from ..types import RGB, Float
from .effect import PortraitLike

_LAYER_SIDE_PX = 640
"""Longest side at which the two layers are continued; they are smooth there."""

MIN_VISIBLE_ALPHA = 0.5 / 255
"""Smallest alpha that 8 bits do not round to 0. Alpha above 1 minus this value rounds to 1."""

_CERTAIN_ALPHA_RANGE = (0.8, 0.99)
"""Share of a layer in a pixel up to which the pixel is uncertain, and from which it is certain."""

_UNCERTAIN_WEIGHT = 1e-3
"""Weight of uncertain pixels relative to certain ones, so that every layer has some color."""

_MARGIN_PX = 2
"""Margin, in pixels, around visible pixels. Resizing the cut-out mixes in its colors."""

STRIP_ROWS = 64
"""Rows that are processed together: few enough to stay in the processor's cache."""


_PixelIndex = NDArray[np.int32]
"""Flat indices of pixels in a strip of rows."""


class EdgeStrip(NamedTuple):
    """The foreground colors of a strip of rows.

    `positions` int32 (n,) holds the flat indices, within the strip, of pixels in the transition
    band. `colors` uint8 (n, 3) holds their foreground colors.
    """

    rows: slice
    positions: _PixelIndex
    colors: RGB

    def paint(self, picture: NDArray[np.uint8]) -> None:
        """Write the colors to a whole picture, uint8 (H, W, 3 or 4)."""
        strip = picture[self.rows].reshape(-1, picture.shape[2])
        if strip.shape[1] == 3:
            strip[self.positions] = self.colors
            return
        words = strip.view(np.uint32)  # four bytes at once are faster
        pixels = words.take(self.positions, axis=0)
        pixels.view(np.uint8)[:, :3] = self.colors
        words[self.positions] = pixels


def estimate_foreground(rgb: RGB, alpha: Float) -> RGB:
    """Foreground colors of a photo.

    On 32 composites with known foreground the error in the transition band is 0.021 to 0.024.
    The photo's own pixels have 0.085. With a blurred alpha the error is 0.029 to 0.039.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        float32 (H, W) in [0, 1].

    Returns
    -------
    ndarray
        uint8 (H, W, 3). Pixels outside the transition band are the photo's own.
    """
    edges = estimate_edge_colors(rgb, alpha)
    colors = rgb.copy()
    for edge in edges:
        edge.paint(colors)
    return colors


def portrait_foreground(portrait: PortraitLike) -> RGB:
    """Foreground colors of a portrait: those it keeps as `foreground`, else estimated now.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), to be read only.
    """
    kept: RGB | None = getattr(portrait, "foreground", None)
    return estimate_foreground(portrait.photo.rgb, portrait.opacity) if kept is None else kept


def estimate_edge_colors(
    rgb: RGB, alpha: Float, layer_side: int = _LAYER_SIDE_PX
) -> list[EdgeStrip]:
    """Foreground colors of the transition band alone.

    Only one layer at a time is in memory at full size.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        float32 (H, W) in [0, 1].
    layer_side : int
        Longest side, in pixels, at which foreground and background are continued.

    Returns
    -------
    list of EdgeStrip
        One for each strip of rows that holds pixels of the transition band.
    """
    bands = list(_transition_bands(alpha))
    if not bands:
        return []
    shape = alpha.shape[0], alpha.shape[1]
    front, back = _estimate_layers(rgb, alpha, layer_side)
    buffer = np.empty(rgb.shape, np.uint8)
    layer = resize(front, shape, out=buffer)
    edges = [EdgeStrip(rows, index, _take_pixels(layer, rows, index)) for rows, index in bands]
    layer = resize(back, shape, out=buffer)
    for rows, index, colors in edges:
        share = repeat_channels(alpha[rows].reshape(-1, 1)[index], 3).reshape(-1, 3)
        residual = _take_pixels(rgb, rows, index) - share * colors.astype(np.float32)
        residual -= (1 - share) * _take_pixels(layer, rows, index)
        corrected = np.clip(colors.astype(np.float32) + share * residual, 0, 255)
        colors[:] = np.rint(corrected, out=corrected)
    return edges


def _take_pixels(picture: RGB, rows: slice, index: _PixelIndex) -> RGB:
    """Pixels of a strip of rows, (n, 3)."""
    return picture[rows].reshape(-1, 3).take(index, axis=0)


def _transition_bands(alpha: Float) -> Iterator[tuple[slice, _PixelIndex]]:
    """Strips of rows with pixels in the transition band, and the flat indices of those pixels."""
    for rows, visible in visible_strips(alpha):
        index = np.flatnonzero(visible & (alpha[rows] < 1 - MIN_VISIBLE_ALPHA))
        if index.size:
            yield rows, index.astype(np.int32)


def visible_strips(alpha: Float) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Visible pixels and a margin around them, in strips of rows.

    Parameters
    ----------
    alpha : ndarray
        float32 (H, W) in [0, 1].

    Yields
    ------
    tuple of slice and ndarray
        The rows of the strip, and a boolean (h, W). The strips cover the whole picture.
    """
    window = np.ones((2 * _MARGIN_PX + 1, 2 * _MARGIN_PX + 1), np.uint8)
    for rows in row_strips(alpha.shape[0], STRIP_ROWS):
        start = max(rows.start - _MARGIN_PX, 0)
        visible = (alpha[start : rows.stop + _MARGIN_PX] > MIN_VISIBLE_ALPHA).view(np.uint8)
        inside = slice(rows.start - start, rows.stop - start)
        yield rows, cv2.dilate(visible, window)[inside].view(bool)


def _estimate_layers(rgb: RGB, alpha: Float, layer_side: int = _LAYER_SIDE_PX) -> tuple[RGB, RGB]:
    """Foreground and background, continued over the whole photo, at most `layer_side` long."""
    shape = alpha.shape[0], alpha.shape[1]
    small = scale_shape(shape, min(1.0, layer_side / max(shape)))
    color, cover = _shrink(rgb, small).astype(np.float32), _shrink(alpha, small)
    free = 1 - cover
    front, back = (
        fill_pull_push(color, layer_certainty(cover)),
        fill_pull_push(color, layer_certainty(free)),
    )
    # Nearly certain pixels still hold a little of the other layer, which is now known.
    refined = fill_pull_push(_remove_other_layer(color, cover, back), layer_certainty(cover))
    back = fill_pull_push(_remove_other_layer(color, free, front), layer_certainty(free))
    return _to_bytes(refined), _to_bytes(back)


def _shrink(picture: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """The picture at a smaller size.

    Halving it first is faster. It rounds once more, which smooth layers do not show.
    """
    height, width = picture.shape[:2]
    if height % 2 == 0 and width % 2 == 0 and height >= 4 * shape[0] and width >= 4 * shape[1]:
        picture = resize(picture, (height // 2, width // 2))
    return resize(picture, shape)


def layer_certainty(share: Float) -> Float:
    """How surely each pixel shows one layer alone.

    Parameters
    ----------
    share : ndarray
        Share of the layer in each pixel, float32 (h, w) in [0, 1].

    Returns
    -------
    ndarray
        Weights, float32 (h, w) in [0, 1]: 1 where the share is 0.99 or more, nearly 0 where
        layers mix.
    """
    low, high = _CERTAIN_ALPHA_RANGE
    sure = np.clip((share - low) / (high - low), 0, 1) ** 2
    return np.asarray(np.maximum(sure, share * np.float32(_UNCERTAIN_WEIGHT)), np.float32)


def _remove_other_layer(color: Float, share: Float, other: Float) -> Float:
    """`color` in [0, 255] without the (1 - share) of the layer `other`."""
    rest = color - repeat_channels(1 - share, 3) * other
    return np.clip(rest / repeat_channels(np.maximum(share, np.float32(0.5)), 3), 0, 255)


def _to_bytes(values: Float) -> RGB:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
