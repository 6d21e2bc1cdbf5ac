"""The binocular network's runner: scales a pair to what the network sees, and back (row A9).

The network tells LARGEST disparities apart. A first look at a small pair, where that spans a
third of the width, says roughly how far things are; the look that counts is at a larger
size, once for each band of disparities in which the first one saw anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import cv2
import numpy as np

from ...canvas import resize, scale_shape
from ...networks.network import Network
from ...types import RGB, Float, Mask
from .disparity import Disparity, StereoMatcher, shift_view

MATCH_SIDE_PX = 768
"""Longer side in pixels at which pairs are matched: plenty for a canvas."""

FINE_MATCH_SIDE_PX = 1280
"""The same where disparity itself is the result: thin things need it."""

_COARSE_SIDE_PX = 384
"""The same for the first look."""

_MAX_NETWORK_DISPARITY_PX = 128
"""Pixels of disparity the network can tell apart."""

_BAND_OVERLAP_PX = 32
"""Pixels that two bands of disparities share."""

_MAX_UPSCALE_FACTOR = 2.5
"""Small pairs are enlarged at most this many times."""

_DISPARITY_WINDOW_PX = 9
"""Side of the square, in pixels of the first look, whose disparities a pixel may have."""

_MIN_COARSE_PROB = 0.5
"""I2 from which the first look is believed."""

_MIN_BAND_SHARE = 5e-4
"""A band of which the first look is sure in fewer pixels than this share is left out."""


def create_network_matcher(network: Network, side: int = MATCH_SIDE_PX) -> StereoMatcher:
    """A matcher that asks `network` (task "stereo") for disparity and I2.

    The pair is scaled so that its longer side is `side`. Raises WeightsError for a network
    with another task.
    """
    network.require_task("stereo")

    def match(left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
        whole = left.shape[:2]
        first = _run_network(network, *_resize_pair((left, right), _COARSE_SIDE_PX))
        if max_disparity is not None:
            most = np.float32(max_disparity * first.shape[1] / whole[1])
            first = Disparity(np.minimum(first.pixels, most), first.prob)
        pair = _resize_pair((left, right), side)
        bands = [
            _mask_band(_run_network(network, pair[0], shift_view(pair[1], start)), start, inside)
            for start, inside in _disparity_bands(first, pair[0].shape[:2])
        ]
        return reduce(_keep_more_probable, bands).resized(whole)

    return match


def _resize_pair(pair: tuple[RGB, RGB], side: int) -> tuple[RGB, RGB]:
    shape = pair[0].shape[:2]
    shape = scale_shape(shape, min(side / max(shape), _MAX_UPSCALE_FACTOR))
    return resize(pair[0], shape), resize(pair[1], shape)


def _run_network(network: Network, left: RGB, right: RGB) -> Disparity:
    """What the network says about a pair as it is, without what is no number."""
    height, width = left.shape[:2]
    maps = network.run(_stack_views(left, right, network.contract.multiple))
    pixels, prob = (maps[name][0, 0, :height, :width] for name in ("disparity", "prob"))
    good = np.isfinite(pixels) & np.isfinite(prob)
    return Disparity(
        np.where(good, np.maximum(pixels, 0), 0).astype(np.float32),
        np.where(good, np.clip(prob, 0, 1), 0).astype(np.float32),
    )


def _stack_views(left: RGB, right: RGB, multiple: int) -> Float:
    """Both views as float32 (1, 6, h, w) in [0, 1], their last rows and columns repeated."""
    below, beside = (-size % multiple for size in left.shape[:2])
    planes = [
        cv2.copyMakeBorder(view, 0, below, 0, beside, cv2.BORDER_REPLICATE).transpose(2, 0, 1)
        for view in (left, right)
    ]
    return np.asarray(np.concatenate(planes)[None], np.float32) / np.float32(255)


def _disparity_bands(first: Disparity, shape: tuple[int, int]) -> Iterator[tuple[int, Mask]]:
    """Where each band starts, in pixels of `shape`, and which pixels may belong to it.

    Beside an edge a pixel may belong to either surface. A band far on counts only where the
    first look is sure of something in it.
    """
    square = np.ones((_DISPARITY_WINDOW_PX, _DISPARITY_WINDOW_PX), np.uint8)
    wider = np.float32(shape[1] / first.shape[1])
    low, high = (
        resize(spread(first.pixels, square) * wider, shape, nearest=True)
        for spread in (cv2.erode, cv2.dilate)
    )
    sure = first.pixels[first.prob >= _MIN_COARSE_PROB] * wider
    yield 0, low <= _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX / 4
    for start in range(
        _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX,
        int(high.max()),
        _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX,
    ):
        if (sure > start + _BAND_OVERLAP_PX).sum() > _MIN_BAND_SHARE * first.pixels.size:
            yield (
                start,
                (low <= start + _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX / 4)
                & (high > start + _BAND_OVERLAP_PX / 4),
            )


def _mask_band(found: Disparity, start: int, inside: Mask) -> Disparity:
    """A band's answer, counted from 0, and sure only where the band is."""
    prob = np.where(inside, found.prob, np.float32(0))
    return Disparity(found.pixels + np.float32(start), prob)


def _keep_more_probable(one: Disparity, other: Disparity) -> Disparity:
    """Of two answers the one that is surer of itself, pixel by pixel."""
    better = other.prob > one.prob
    return Disparity(
        np.where(better, other.pixels, one.pixels), np.where(better, other.prob, one.prob)
    )
