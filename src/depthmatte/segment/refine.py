"""Refinement by a network: alpha at up to twice the canvas, along the outline alone.

The portrait network sees a small canvas. A second, small network reads the photo itself around what
is uncertain: as BackgroundMattingV2 does (Lin et al., CVPR 2021), a coarse pass over the whole
and a fine pass over a few patches. It also sees the colors of person and background, continued from
where each is certain, so that it needs to look at a few pixels only.

Patches overlap by more than the network sees. So the result does not depend on how the band is
covered, and there are no seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize, scale_shape
from ..effects.foreground import layer_certainty
from ..errors import InputError, WeightsError
from ..filters import fill_pull_push
from ..networks import registry
from ..networks.network import Network
from ..types import RGB, Float, Mask

DETAIL_INPUTS = 10
"""Channels of the network: photo, alpha, foreground and background colors."""

MAX_DETAIL_SCALE = 2.0
"""Pixels that the network sees per pixel of the canvas, at most.

The cut of a photo of 12 megapixels takes 1.2 to 1.4 times as long with 2, 1.7 to 1.9 times with 4.
On held-out composites of up to 1900 pixels the error in the band is one percent less with 4.
"""

_CELL_PX = 4
"""Side of the cells in which colors are continued and the band is found, in pixels it sees."""

_BLOCK_CELLS = 4
"""Side of the blocks that cover the band, in cells."""

_BLOCK_PX = _BLOCK_CELLS * _CELL_PX

_TILE_BLOCKS = 32
"""Side of the largest tile, in blocks."""

_MARGIN_PX = 24
"""Pixels around a tile that the network sees but that are not used: more than its reach."""

_UNCERTAIN = (5, 250)
"""Levels of alpha, 0 to 255, between which a pixel is uncertain: .02 and .98."""

_REACH, _TAPER = 2.0, 1.5
"""Pixels of the canvas, around what is uncertain, in which the network decides alone, and after
them those in which it fades out."""


@dataclass(frozen=True)
class DetailInput:
    """What the network sees of a photo, and where it is asked.

    Attributes
    ----------
    planes : ndarray
        uint8 (H, W, 10): photo, alpha, foreground and background colors. H and W are multiples of
        a block; beyond the photo its last pixels are repeated.
    weight : ndarray
        How far the network's alpha is used, float32 (H, W) in [0, 1].
    blocks : ndarray
        Blocks in which any weight is above 0, bool (H / 16, W / 16).
    shape : tuple of int
        (height, width) of the photo at this size.
    """

    planes: NDArray[np.uint8]
    weight: Float
    blocks: Mask
    shape: tuple[int, int]


def prepare_detail(
    rgb: RGB,
    alpha: Float,
    factor: float,
    reach: float = _REACH,
    largest: float = MAX_DETAIL_SCALE,
) -> DetailInput | None:
    """Prepare a photo and its coarse alpha for the network.

    Parameters
    ----------
    rgb : ndarray
        The photo, uint8 (H, W, 3).
    alpha : ndarray
        The coarse alpha, float32 (H, W) in [0, 1].
    factor : float
        Pixels of the photo per pixel of the canvas, 1 or more.
    reach : float
        Pixels of the canvas around what is uncertain in which the network decides alone.
    largest : float
        Pixels that it sees per pixel of the canvas, at most.

    Returns
    -------
    DetailInput or None
        None where alpha is certain everywhere.
    """
    if factor > largest:
        shape = scale_shape(alpha.shape, largest / factor)
        rgb, alpha = _shrink(rgb, shape), _shrink(alpha, shape)
        factor = largest
    shape = alpha.shape[0], alpha.shape[1]
    levels = _pad(np.rint(alpha * np.float32(255)).astype(np.uint8))
    weight = _blend_weight(levels, factor, reach)
    if weight is None:
        return None
    photo = _pad(rgb)
    front, back = _layer_colors(photo, levels)
    rows, columns = levels.shape
    planes = cv2.merge([*cv2.split(photo), levels, *cv2.split(front), *cv2.split(back)])
    near = cv2.dilate((weight > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    inside = near.reshape(rows // _BLOCK_PX, _BLOCK_CELLS, columns // _BLOCK_PX, _BLOCK_CELLS)
    return DetailInput(
        np.asarray(planes, np.uint8),
        np.asarray(resize(weight, (rows, columns)), np.float32),
        np.asarray(inside.any(axis=(1, 3))),
        shape,
    )


def _shrink(picture: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Halve a picture as often as it can be, which is fast, before the rest."""
    while True:
        height, width = picture.shape[:2]
        if height % 2 or width % 2 or height < 2 * shape[0] or width < 2 * shape[1]:
            return resize(picture, shape)
        picture = resize(picture, (height // 2, width // 2))


def _pad(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last pixels up to whole blocks."""
    down, across = (-side % _BLOCK_PX for side in picture.shape[:2])
    padded = cv2.copyMakeBorder(picture, 0, down, 0, across, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)


def _blend_weight(levels: NDArray[np.uint8], factor: float, reach: float) -> Float | None:
    """Return the weight of each cell; None where all of them are certain."""
    window, first = np.ones((_CELL_PX + 1, _CELL_PX + 1), np.uint8), _CELL_PX // 2
    high = cv2.dilate(levels, window)[first::_CELL_PX, first::_CELL_PX]
    low = cv2.erode(levels, window)[first::_CELL_PX, first::_CELL_PX]
    uncertain = (high > _UNCERTAIN[0]) & (low < _UNCERTAIN[1])
    if not uncertain.any():
        return None
    away = cv2.distanceTransform((~uncertain).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    canvas_px = np.asarray(away, np.float32) * np.float32(_CELL_PX / factor)
    return np.asarray(np.clip((reach + _TAPER - canvas_px) / _TAPER, 0, 1), np.float32)


def _layer_colors(photo: RGB, levels: NDArray[np.uint8]) -> tuple[RGB, RGB]:
    """Colors of person and background, continued from where each is certain."""
    rows, columns = photo.shape[:2]
    small = rows // _CELL_PX, columns // _CELL_PX
    color = resize(photo, small).astype(np.float32)
    cover = resize(levels, small).astype(np.float32) / np.float32(255)
    layers = (fill_pull_push(color, layer_certainty(share)) for share in (cover, 1 - cover))
    front, back = (
        np.asarray(resize(np.rint(layer).astype(np.uint8), (rows, columns)), np.uint8)
        for layer in layers
    )
    return front, back


def cover_blocks(blocks: Mask, largest: int = _TILE_BLOCKS) -> Iterator[tuple[slice, slice]]:
    """Cover blocks with few rectangles.

    Parameters
    ----------
    blocks : ndarray
        Blocks to cover, bool (h, w).
    largest : int
        Longest side of a rectangle.

    Yields
    ------
    tuple of slice
        Rows and columns. Rectangles do not overlap.
    """
    for top in range(0, blocks.shape[0], largest):
        for left in range(0, blocks.shape[1], largest):
            yield from _split(blocks, (top, top + largest, left, left + largest))


def _split(blocks: Mask, edges: tuple[int, int, int, int]) -> Iterator[tuple[slice, slice]]:
    """Cover the marked part of a rectangle by itself or, where that costs less, by two."""
    found = _trim(blocks, edges)
    if found is None:
        return
    top, bottom, left, right = found
    best, parts = _cost(found), None
    for row in range(top + 1, bottom):
        pair = _trim(blocks, (top, row, left, right)), _trim(blocks, (row, bottom, left, right))
        cost = sum(_cost(one) for one in pair if one)
        if cost < best:
            best, parts = cost, pair
    for column in range(left + 1, right):
        pair = (
            _trim(blocks, (top, bottom, left, column)),
            _trim(blocks, (top, bottom, column, right)),
        )
        cost = sum(_cost(one) for one in pair if one)
        if cost < best:
            best, parts = cost, pair
    if parts is None:
        yield slice(top, bottom), slice(left, right)
        return
    for part in parts:
        if part:
            yield from _split(blocks, part)


def _trim(blocks: Mask, edges: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    top, bottom, left, right = edges
    part = blocks[top:bottom, left:right]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not rows.size:
        return None
    return (
        top + int(rows[0]), top + int(rows[-1]) + 1, left + int(columns[0]),
        left + int(columns[-1]) + 1,
    )  # fmt: skip


def _cost(edges: tuple[int, int, int, int]) -> int:
    """Pixels that the network sees."""
    top, bottom, left, right = edges
    height, width = (_BLOCK_PX * count + 2 * _MARGIN_PX for count in (bottom - top, right - left))
    return height * width


def predict_detail(network: Network, seen: DetailInput, largest: int = _TILE_BLOCKS) -> Float:
    """Run the network where the weight is above 0.

    Parameters
    ----------
    network : Network
        With the task "detail".
    seen : DetailInput
        What it sees.
    largest : int
        Side of the largest tile in blocks. It decides memory and time, not the result.

    Returns
    -------
    ndarray
        How much alpha changes, float32 (h, w) of `seen.shape`.
    """
    margin = _MARGIN_PX
    change = np.zeros(seen.weight.shape, np.float32)
    for rows, columns in cover_blocks(seen.blocks, largest):
        here = tuple(slice(one.start * _BLOCK_PX, one.stop * _BLOCK_PX) for one in (rows, columns))
        tile = _cut(seen.planes, here, margin)
        alpha = network.run(np.ascontiguousarray(tile.transpose(2, 0, 1))[None])["alpha"][0, 0]
        inside = alpha[margin:-margin, margin:-margin]
        change[here] = (inside - tile[margin:-margin, margin:-margin, 3]) * seen.weight[here]
    return change[: seen.shape[0], : seen.shape[1]]


def _cut(planes: NDArray[np.uint8], here: tuple[slice, ...], margin: int) -> Float:
    """A tile and a margin around it as float32 in [0, 1]; pixels of the border are repeated."""
    height, width = planes.shape[:2]
    rows, columns = here
    top, left = max(0, rows.start - margin), max(0, columns.start - margin)
    bottom, right = min(height, rows.stop + margin), min(width, columns.stop + margin)
    part = planes[top:bottom, left:right]
    lacking = (
        top - rows.start + margin, rows.stop + margin - bottom,
        left - columns.start + margin, columns.stop + margin - right,
    )  # fmt: skip
    if any(lacking):
        pads = (lacking[:2], lacking[2:], (0, 0))
        part = np.pad(part, pads, mode="edge")
    return np.multiply(part, np.float32(1 / 255), dtype=np.float32)


@cache
def load_detail_network(source: Path | bytes | None) -> Network:
    """Return the network of a file, loaded once, on all cores; None means the shipped one."""
    file = registry.network_path("shipped:detail") if source is None else source
    return Network(file).require_task("detail")


@dataclass(frozen=True)
class DetailRefiner:
    """Refine alpha with the network `detail`. It can be pickled.

    Parameters
    ----------
    load : callable, optional
        Returns the network. It is called only where alpha is uncertain. By default the shipped
        network is used.
    """

    load: Callable[[], Network] = field(
        default_factory=lambda: partial(load_detail_network, None), compare=False
    )

    def __call__(self, rgb: RGB, alpha: Float, factor: float) -> Float:
        """Refine alpha along the outline.

        Parameters
        ----------
        rgb : ndarray
            The photo, uint8 (H, W, 3).
        alpha : ndarray
            The coarse alpha, float32 (H, W) in [0, 1].
        factor : float
            Pixels of the photo per pixel of the canvas, 1 or more.

        Returns
        -------
        ndarray
            float32 (H, W) in [0, 1]; `alpha` itself where it is certain everywhere.

        Raises
        ------
        InputError
            When sizes or types do not fit.
        WeightsError
            When the network cannot be used.
        """
        _check(rgb, alpha)
        if factor <= 1:
            return alpha  # the network on the canvas has seen every pixel
        seen = prepare_detail(rgb, alpha, factor)
        if seen is None:
            return alpha
        change = predict_detail(_check_channels(self.load()), seen)
        refined = resize(change, (alpha.shape[0], alpha.shape[1]))
        refined += alpha
        return np.clip(refined, 0, 1, out=refined)

    def __reduce__(self) -> tuple[Any, ...]:
        load: Any = self.load
        is_by_file = isinstance(load, partial) and load.func is load_detail_network
        return DetailRefiner, (load if is_by_file else partial(load_detail_network, load().source),)


def _check(rgb: RGB, alpha: Float) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise InputError(f"photo: must be uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    if alpha.dtype != np.float32 or alpha.shape != rgb.shape[:2]:
        raise InputError(
            f"matte: must be float32 {rgb.shape[:2]} like the photo, got {alpha.dtype} "
            f"{alpha.shape}"
        )


def _check_channels(network: Network) -> Network:
    if network.contract.channels != DETAIL_INPUTS:
        raise WeightsError(f"{network.name}: made for other inputs; reinstall depthmatte")
    return network
