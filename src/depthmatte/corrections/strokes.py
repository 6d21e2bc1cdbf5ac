"""Spread strokes of a brush over what they mean: by color, near the stroke."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import Box, Letterbox, resize, scale_shape
from ..types import RGB, Float, Mask
from .matte_edit import MatteEdit

KEEP_STROKE = 1
DROP_STROKE = 2
"""Values of strokes: what they cover is the person, or is not."""

_SIDE = 512
"""Longer side, in pixels, at which strokes spread."""

_REACH = 0.12
"""Distance from a stroke, as a share of the longer side, up to which it spreads."""

_ROUNDS = 3
"""Rounds of fitting colors and cutting."""

_SOLID = 0.5
_EDGE_PX = 0.7
"""Standard deviation of the Gaussian that softens the edge of what changes, in pixels."""


def find_stroke_edits(rgb: RGB, alpha: Float, strokes: NDArray[np.uint8]) -> tuple[MatteEdit, ...]:
    """Return edits that make a matte obey strokes.

    Pixels under a stroke are certain. Near a stroke colors decide (GrabCut; Rother, Kolmogorov
    and Blake, 2004) how far it goes. Only what hangs together with a stroke changes.

    Parameters
    ----------
    rgb : ndarray
        The photo at any size, uint8 (h, w, 3).
    alpha : ndarray
        Its matte at any size, float32 (h, w) in [0, 1].
    strokes : ndarray
        uint8 (H, W): 1 keeps, 2 drops, 0 says nothing.

    Returns
    -------
    tuple of MatteEdit
        What is added and removed around the strokes, and the strokes themselves. Their memory is
        that of the box of the strokes.
    """
    if not strokes.any():
        return ()
    photo = (strokes.shape[0], strokes.shape[1])
    shape = scale_shape(photo, min(1.0, _SIDE / max(photo)))
    fit = Letterbox(photo, shape, shape, (0, 0))
    small_rgb = np.asarray(resize(rgb, shape), np.uint8)
    small_alpha = np.asarray(resize(alpha, shape), np.float32)
    kept, dropped = (
        np.asarray(resize((strokes == value).astype(np.float32), shape)) > 0
        for value in (KEEP_STROKE, DROP_STROKE)
    )
    person = _cut_near_strokes(small_rgb, small_alpha >= _SOLID, kept, dropped & ~kept)
    solid = small_alpha >= _SOLID
    added = _touching(person & ~solid, kept)
    removed = _touching(~person & solid, dropped)
    # What is added joins what is there without a seam; what is removed takes its rim along.
    joined = np.where(_grow(added), _soften(solid | added), np.float32(0))
    rim = _grow(removed) & ~(solid & ~removed)
    box = Box.bounding(strokes > 0, 0)
    exact = Letterbox(photo, box.shape, box.shape, (0, 0), crop=box)
    painted = strokes[box.slices]
    return (
        MatteEdit(joined, fit, True),
        MatteEdit(_soften(rim), fit, False),
        MatteEdit((painted == KEEP_STROKE).astype(np.float32), exact, True),
        MatteEdit((painted == DROP_STROKE).astype(np.float32), exact, False),
    )


def _cut_near_strokes(rgb: RGB, solid: Mask, kept: Mask, dropped: Mask) -> Mask:
    """The person after the strokes, bool (h, w); unchanged far from them."""
    reach = max(3, round(_REACH * max(solid.shape)))
    distance = cv2.distanceTransform((~(kept | dropped)).astype(np.uint8), cv2.DIST_L2, 5)
    near = np.asarray(distance <= reach)
    box = Box.bounding(near, reach)
    state = np.where(
        near,
        np.where(solid, cv2.GC_PR_FGD, cv2.GC_PR_BGD),
        np.where(solid, cv2.GC_FGD, cv2.GC_BGD),
    ).astype(np.uint8)
    state[kept], state[dropped] = cv2.GC_FGD, cv2.GC_BGD
    part = np.ascontiguousarray(state[box.slices])
    colors = np.ascontiguousarray(rgb[box.slices])
    found = solid.copy()
    if ((part == cv2.GC_FGD) | (part == cv2.GC_PR_FGD)).any() and (
        (part == cv2.GC_BGD) | (part == cv2.GC_PR_BGD)
    ).any():
        models = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
        cv2.setRNGSeed(0)
        cv2.grabCut(colors, part, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
        found[box.slices] = (part == cv2.GC_FGD) | (part == cv2.GC_PR_FGD)
    found[kept], found[dropped] = True, False
    return found


def _touching(changed: Mask, strokes: Mask) -> Mask:
    """The pieces of what changed that a stroke touches."""
    count, label = cv2.connectedComponents((changed | strokes).astype(np.uint8))
    touched = np.zeros(count, bool)
    touched[label[strokes]] = True
    touched[0] = False
    return np.asarray(touched[label] & changed)


def _grow(mask: Mask) -> Mask:
    """A mask grown by as much as edges are wide."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)


def _soften(mask: Mask) -> Float:
    """A mask with a soft edge, float32 (h, w)."""
    return np.asarray(
        np.clip(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _EDGE_PX), 0, 1), np.float32
    )
