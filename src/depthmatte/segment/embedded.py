"""The matte that a phone stored in the photo, joined with the network's own."""

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
"""Intersection over union of both mattes from which the stored one is of this photo and of its
people: one of a crop, or of a pet, is not."""

_MIN_MATTE_AREA_SHARE = 0.005
"""Share of the photo that a stored matte must cover to show somebody."""

_MIN_OPAQUE_ALPHA = 0.5
"""Opacity from which a pixel counts as somebody's."""

_MIN_OVERLAP_SHARE = 0.1
"""Share of a piece that the stored matte must cover to know of it."""


def merge_embedded_matte(photo: Photo, canvas: Canvas, matte: Matte) -> Matte:
    """The network's opinion, and the phone's where it is sure.

    Both are estimates. The stored matte was made by a larger network from two cameras or
    depth, but fades where it does not know. So each pixel moves toward it by as much as it is
    decided, (2 s - 1)^2: where it is clear the phone decides, along edges and in its doubts the
    network does. It says nothing of people whom it does not know: a piece that the network
    holds for the portrait (mean I1 of `maps.LIKELY` and more) and that the stored matte does
    not touch stays.

    Parameters
    ----------
    photo : Photo
        Its `evidence.matte` is uint8 (h, w), upright, of the whole photo at any size.
    canvas : Canvas
        Of the photo, or a part of it.
    matte : Matte
        The network's, on the canvas.

    Returns
    -------
    Matte
        The very same where there is no stored matte, where it shows nobody, or where it does
        not agree with the network at all.
    """
    plane = photo.evidence.matte
    if plane is None or not is_same_aspect(photo.shape, plane.shape):
        return matte
    fit = canvas.fit.resized((plane.shape[0], plane.shape[1]))
    stored: Float = to_canvas(plane, fit).astype(np.float32) / np.float32(255)
    ours, theirs = matte.alpha >= _MIN_OPAQUE_ALPHA, stored >= _MIN_OPAQUE_ALPHA
    if (plane >= 128).mean() < _MIN_MATTE_AREA_SHARE or (
        ours & theirs
    ).sum() < _MIN_AGREEMENT_IOU * (ours | theirs).sum():
        return matte
    sure = (2 * stored - 1) ** 2
    sure[_people_without_embedded_matte(ours, theirs, matte.prob) | ~canvas.fit.inside()] = 0
    alpha, prob = (
        np.clip(own + sure * (stored - own), 0, 1).astype(np.float32)
        for own in (matte.alpha, matte.prob)
    )
    return replace(matte, alpha=alpha, prob=prob)


def _people_without_embedded_matte(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_], prob: Float
) -> NDArray[np.bool_]:
    """Pieces of the network's people, and their edges, of which the stored matte knows nothing."""
    count, labels = cv2.connectedComponents(ours.astype(np.uint8))
    kept = np.zeros(ours.shape, np.uint8)
    for index in range(1, count):
        piece = labels == index
        if theirs[piece].mean() < _MIN_OVERLAP_SHARE and prob[piece].mean() >= MIN_MEAN_PROB:
            kept |= piece.astype(np.uint8)
    return np.asarray(cv2.dilate(kept, np.ones((9, 9), np.uint8)) > 0)
