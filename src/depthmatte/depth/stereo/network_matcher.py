"""Match pairs with the stereo network, from coarse to fine.

The network finds disparities up to 128 pixels. A coarse pass on a small pair, where this is a third
of the width, finds the rough disparities. The fine pass runs on a larger pair, once for each band
of disparities that the coarse pass found.
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
"""Longer side, in pixels, of pairs matched for depth on a canvas."""

FINE_MATCH_SIDE_PX = 1280
"""Longer side, in pixels, where disparity itself is the result. Thin objects need it."""

_COARSE_SIDE_PX = 384
"""Longer side, in pixels, of the coarse pass."""

_MAX_NETWORK_DISPARITY_PX = 128
"""Largest disparity that the network finds, in pixels of its input."""

_BAND_OVERLAP_PX = 32
"""Overlap of two bands of disparities, in pixels."""

_MAX_UPSCALE_FACTOR = 2.5
"""Largest factor by which small pairs are enlarged."""

_DISPARITY_WINDOW_PX = 9
"""Side, in pixels of the coarse pass, of the square whose disparities a pixel may have."""

_MIN_COARSE_PROB = 0.5
"""Probability from which a disparity of the coarse pass opens a band."""

_MIN_BAND_SHARE = 5e-4
"""Share of pixels with such disparities up to which a band is left out."""


def create_network_matcher(network: Network, side: int = MATCH_SIDE_PX) -> StereoMatcher:
    """Make a matcher that runs the stereo network.

    Parameters
    ----------
    network : Network
        With the task "stereo".
    side : int
        Longer side, in pixels, of the pair in the fine pass.

    Returns
    -------
    StereoMatcher
        The matcher.

    Raises
    ------
    WeightsError
        For a network with another task.
    """
    network.require_task("stereo")

    def match(left: RGB, right: RGB, max_disparity: float | None = None) -> Disparity:
        shape = left.shape[:2]
        coarse = _run_network(network, *_resize_pair((left, right), _COARSE_SIDE_PX))
        if max_disparity is not None:
            limit = np.float32(max_disparity * coarse.shape[1] / shape[1])
            coarse = Disparity(np.minimum(coarse.pixels, limit), coarse.prob)
        pair = _resize_pair((left, right), side)
        bands = [
            _mask_band(_run_network(network, pair[0], shift_view(pair[1], start)), start, inside)
            for start, inside in _disparity_bands(coarse, pair[0].shape[:2])
        ]
        return reduce(_keep_more_probable, bands).resized(shape)

    return match


def _resize_pair(pair: tuple[RGB, RGB], side: int) -> tuple[RGB, RGB]:
    """The pair with `side` as its longer side; small pairs are enlarged by 2.5 at most."""
    shape = pair[0].shape[:2]
    shape = scale_shape(shape, min(side / max(shape), _MAX_UPSCALE_FACTOR))
    return resize(pair[0], shape), resize(pair[1], shape)


def _run_network(network: Network, left: RGB, right: RGB) -> Disparity:
    """Run the network on a pair at its size; values that are not finite become 0."""
    height, width = left.shape[:2]
    maps = network.run(_stack_views(left, right, network.contract.multiple))
    pixels, prob = (maps[name][0, 0, :height, :width] for name in ("disparity", "prob"))
    finite = np.isfinite(pixels) & np.isfinite(prob)
    return Disparity(
        np.where(finite, np.maximum(pixels, 0), 0).astype(np.float32),
        np.where(finite, np.clip(prob, 0, 1), 0).astype(np.float32),
    )


def _stack_views(left: RGB, right: RGB, multiple: int) -> Float:
    """Both views as float32 (1, 6, h, w) in [0, 1], with their last rows and columns repeated."""
    below, beside = (-size % multiple for size in left.shape[:2])
    planes = [
        cv2.copyMakeBorder(view, 0, below, 0, beside, cv2.BORDER_REPLICATE).transpose(2, 0, 1)
        for view in (left, right)
    ]
    return np.asarray(np.concatenate(planes)[None], np.float32) / np.float32(255)


def _disparity_bands(coarse: Disparity, shape: tuple[int, int]) -> Iterator[tuple[int, Mask]]:
    """The start of each band, in pixels of disparity at `shape`, and the pixels that may be in it.

    Next to an edge a pixel may belong to either surface. Bands after the first are used only if
    the coarse pass is certain of disparities in them.
    """
    square = np.ones((_DISPARITY_WINDOW_PX, _DISPARITY_WINDOW_PX), np.uint8)
    width_factor = np.float32(shape[1] / coarse.shape[1])
    low, high = (
        resize(spread(coarse.pixels, square) * width_factor, shape, nearest=True)
        for spread in (cv2.erode, cv2.dilate)
    )
    certain = coarse.pixels[coarse.prob >= _MIN_COARSE_PROB] * width_factor
    yield 0, low <= _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX / 4
    for start in range(
        _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX,
        int(high.max()),
        _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX,
    ):
        if (certain > start + _BAND_OVERLAP_PX).sum() > _MIN_BAND_SHARE * coarse.pixels.size:
            yield (
                start,
                (low <= start + _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX / 4)
                & (high > start + _BAND_OVERLAP_PX / 4),
            )


def _mask_band(found: Disparity, start: int, inside: Mask) -> Disparity:
    """The disparity of a band counted from 0, with probability 0 outside the band."""
    prob = np.where(inside, found.prob, np.float32(0))
    return Disparity(found.pixels + np.float32(start), prob)


def _keep_more_probable(one: Disparity, other: Disparity) -> Disparity:
    """The value with the higher probability, pixel by pixel."""
    better = other.prob > one.prob
    return Disparity(
        np.where(better, other.pixels, one.pixels), np.where(better, other.prob, one.prob)
    )
