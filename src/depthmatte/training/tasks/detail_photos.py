"""Real photos for the detail network: what it sees of them, and where their outline lies.

Composites are soft nearly everywhere, and a network that learns from them alone makes the outlines
of clothes soft too. A hand-made mask knows where those lie, but not which share of a pixel is hair.
A teacher's matte knows that. So the mask is the truth where the outline is sharp, the matte where
it is wide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...evaluation.metrics import iou
from ...segment.refine import DetailInput, prepare_detail
from ...session import Session
from ...types import Float
from ..data.folders import LabeledPhoto, label_file, read_gray
from ..data.teacher_band import refine_outline
from ..types import Rng

_SOFT_LEVELS = (12, 243)
"""Levels of alpha, 0 to 255, between which a pixel is soft."""

_HAIR_PX = 7
"""Width of what is soft, in pixels, from which it is hair rather than an outline of cloth."""

_HAIR_FADE = 2.0
"""Standard deviation over which the matte fades into the mask around hair, in pixels."""

_SHARP_SIGMA = 0.6
"""Blur of a binary mask, in pixels: as soft as an edge in a sharp photo."""


def photo_truth(mask: NDArray[np.uint8], teacher: NDArray[np.uint8]) -> Float:
    """Mix a hand-made mask and a teacher's matte of the same photo.

    Parameters
    ----------
    mask : ndarray
        uint8 (H, W), 0 to 255; its outline counts where that is sharp.
    teacher : ndarray
        A matte, uint8 of any size, 0 to 255; it counts in hair, where it agrees with the mask.

    Returns
    -------
    ndarray
        float32 (H, W) in [0, 1].
    """
    soft = refine_outline(mask, teacher)
    binary = np.where(mask > 127, 255, 0).astype(np.uint8)
    sharp = cv2.GaussianBlur(binary, (0, 0), _SHARP_SIGMA).astype(np.float32)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_HAIR_PX, _HAIR_PX))
    low, high = _SOFT_LEVELS
    between = ((soft > low) & (soft < high)).astype(np.uint8)
    wide = cv2.dilate(cv2.morphologyEx(between, cv2.MORPH_OPEN, disk), disk)
    hair = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), _HAIR_FADE)
    return np.asarray((sharp + hair * (soft - sharp)) / np.float32(255), np.float32)


def see_photo(
    item: LabeledPhoto, labels: Path, session: Session, reach: float, least_iou: float
) -> tuple[DetailInput, Float] | None:
    """What the detail network sees of a photo, at the size of a cut, and the truth.

    Parameters
    ----------
    item : LabeledPhoto
        The photo and its mask.
    labels : Path
        Mattes of a teacher, as `train labels matte` writes them.
    session : Session
        Its portrait network makes the coarse alpha.
    reach : float
        As that of `prepare_detail`.
    least_iou : float
        IoU of coarse alpha and truth below which the photo is left out.

    Returns
    -------
    tuple or None
        None for a photo that the canvas shows whole, which is not refined, for one that the
        portrait network does not cut well enough, and for one without an outline.
    """
    rgb, mask = item.read()
    truth = photo_truth(mask, read_gray(label_file(labels, item.photo, ".png")))
    cut = session.cut(rgb, refine="none", depth_source="none")
    factor = 1 / cut.fit.scale
    coarse: Any = cut.alpha
    if factor <= 1 or iou(coarse, truth) < least_iou:
        return None
    seen = prepare_detail(rgb, np.asarray(coarse), factor, reach)
    return None if seen is None else (seen, truth)


def shuffle_photos(rng: Rng, photos: list[LabeledPhoto], count: int) -> list[LabeledPhoto]:
    """`count` of the photos, or all, in an order that the generator decides."""
    return [photos[int(at)] for at in rng.permutation(len(photos))[:count]]
