"""Merge the matte that a phone stored in the photo with the network's matte."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..camera import is_same_aspect
from ..canvas import Canvas, to_canvas
from ..photo import Photo
from ..types import Float
from ..values import MIN_MEAN_PROB, Matte

_MIN_AGREEMENT_IOU = 0.5
"""Intersection over union of both mattes from which the stored one is used. The matte of a crop or
of a pet stays below."""

_MIN_MATTE_AREA_SHARE = 0.005
"""Share of the photo that a stored matte must cover at least to show a person."""

_MIN_OPAQUE_ALPHA = 0.5
"""Alpha from which a pixel belongs to a person."""

_MIN_OVERLAP_SHARE = 0.1
"""Share of a connected region that the stored matte covers if it knows of that person."""


def merge_embedded_matte(photo: Photo, canvas: Canvas, matte: Matte) -> Matte:
    """The network's matte, replaced by the stored one where that is certain.

    Phones make their matte with a larger network, from two cameras or depth. It fades where it is
    uncertain. Each pixel moves toward the stored value s by the weight (2 s - 1)^2: the stored
    matte decides where it is near 0 or 1, the network along edges. People of whom the stored
    matte knows nothing stay as the network found them, if their mean probability is at least
    `values.MIN_MEAN_PROB`.

    Parameters
    ----------
    photo : Photo
        Its `evidence.matte` is uint8 (h, w), upright, of the whole photo at any size.
    canvas : Canvas
        The photo, or a crop of it.
    matte : Matte
        The network's matte on the canvas.

    Returns
    -------
    Matte
        On the canvas. The same object where there is no stored matte, where the stored matte
        shows no person, or where the two do not agree.
    """
    plane = photo.evidence.matte
    if plane is None or not is_same_aspect(photo.shape, plane.shape):
        return matte
    fit = canvas.fit.resized((plane.shape[0], plane.shape[1]))
    stored: Float = to_canvas(plane, fit).astype(np.float32) / np.float32(255)
    network_mask, stored_mask = matte.alpha >= _MIN_OPAQUE_ALPHA, stored >= _MIN_OPAQUE_ALPHA
    if (plane >= 128).mean() < _MIN_MATTE_AREA_SHARE or (
        network_mask & stored_mask
    ).sum() < _MIN_AGREEMENT_IOU * (network_mask | stored_mask).sum():
        return matte
    weight = (2 * stored - 1) ** 2
    unknown_people = _people_without_embedded_matte(network_mask, stored_mask, matte.prob)
    weight[unknown_people | ~canvas.fit.inside()] = 0
    alpha, prob = (
        np.clip(values + weight * (stored - values), 0, 1).astype(np.float32)
        for values in (matte.alpha, matte.prob)
    )
    return replace(matte, alpha=alpha, prob=prob)


def _people_without_embedded_matte(
    network_mask: NDArray[np.bool_], stored_mask: NDArray[np.bool_], prob: Float
) -> NDArray[np.bool_]:
    """Regions of the network's matte, and their edges, that the stored matte does not cover."""
    count, labels = cv2.connectedComponents(network_mask.astype(np.uint8))
    kept = np.zeros(network_mask.shape, np.uint8)
    for index in range(1, count):
        region = labels == index
        if stored_mask[region].mean() < _MIN_OVERLAP_SHARE and prob[region].mean() >= MIN_MEAN_PROB:
            kept |= region.astype(np.uint8)
    return np.asarray(cv2.dilate(kept, np.ones((9, 9), np.uint8)) > 0)
