"""Which part of a person each pixel is: hair, face skin, body skin, clothes, things.

The network sees the person cut from the photo with a margin, and her alpha. It is independent of
the canvas on which she was segmented, so that a small person is seen as large as possible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Canvas, prepare_canvas, to_canvas
from ..networks.network import Network, shared_network
from ..photo import Photo
from ..types import Float
from ..values import PART_NAMES, PartShares

PERSON_MARGIN = 0.1
"""Margin around the person, as a share of the longer side of her box."""

_SOLID_ALPHA = 0.5
"""Alpha from which a pixel counts for the box of the person."""


def person_box(mask: NDArray[np.bool_], margin: float) -> Box | None:
    """Return the box of a person with a margin.

    Parameters
    ----------
    mask : ndarray
        Where she is, bool (H, W).
    margin : float
        As a share of the longer side of her box.

    Returns
    -------
    Box or None
        Within the picture; None for an empty mask.
    """
    tight = Box.bounding(mask, 0)
    if not tight.height:
        return None
    return Box.bounding(mask, round(margin * max(tight.shape)))


def prepare_part_canvas(
    photo: Photo, alpha: Float, preset: tuple[int, int]
) -> tuple[Canvas, Float] | None:
    """Lay the person on a canvas.

    Parameters
    ----------
    photo : Photo
        The photo.
    alpha : ndarray
        Her opacity, float32 (H, W) in [0, 1].
    preset : tuple of int
        (height, width) of an upright canvas.

    Returns
    -------
    tuple of Canvas and ndarray, or None
        The canvas and her opacity on it, float32 (h, w); None where alpha shows nobody.
    """
    box = person_box(alpha >= _SOLID_ALPHA, PERSON_MARGIN)
    if box is None:
        return None
    canvas = prepare_canvas(photo, preset, crop=box)
    return canvas, np.asarray(to_canvas(alpha, canvas.fit), np.float32)


def measure_parts(canvas: Canvas, alpha: Float, network: Network) -> PartShares:
    """Measure which part of the person each pixel of a canvas is.

    Parameters
    ----------
    canvas : Canvas
        The picture.
    alpha : ndarray
        Her opacity, float32 (h, w) in [0, 1].
    network : Network
        With the task "parts".

    Returns
    -------
    PartShares
        The mean of the answers on the canvas and on its mirror image.

    Raises
    ------
    WeightsError
        For a network with another task, and when it fails.
    """
    network.require_task("parts")
    image = np.concatenate([canvas.rgb, alpha[None, None]], axis=1)
    answer, mirrored = network.run(image), network.run(np.ascontiguousarray(image[..., ::-1]))
    maps = np.stack(
        [np.maximum(answer[name][0, 0] + mirrored[name][0, 0, :, ::-1], 0) for name in PART_NAMES]
    )
    maps += np.float32(1e-6)
    return PartShares(maps / maps.sum(axis=0), canvas.fit, canvas.rgb[0])


class PartsFinder:
    """Finds the parts of the person of a photo; the network loads at the first call.

    It can be pickled. In another process it uses the parts network of that installation.

    Parameters
    ----------
    load : callable, optional
        Returns the network. By default the network "parts" loads once.
    """

    def __init__(self, load: Callable[[], Network] | None = None) -> None:
        self._load = load or _default_network

    def __reduce__(self) -> tuple[Any, ...]:
        return PartsFinder, ()

    def __call__(self, photo: Photo, alpha: Float) -> PartShares | None:
        """Return the parts; None where alpha, float32 (H, W), shows nobody."""
        if not (alpha >= _SOLID_ALPHA).any():
            return None
        network = self._load()
        prepared = prepare_part_canvas(photo, alpha, network.contract.preset)
        return None if prepared is None else measure_parts(*prepared, network)


def _default_network() -> Network:
    """Return the network "parts", loaded once in this process."""
    return shared_network("parts")
