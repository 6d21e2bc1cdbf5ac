"""Keep the choice of the subject: it must not jump from person to person between frames.

Segmentation and fusion decide about each frame alone, so a person behind may come and go. A
decision counts only after it has held for a while: a person who was there and is only left out
by the fusion stays, and another person who appears is left out at first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...canvas import resize
from ...portrait import Portrait
from ...types import Float, Mask
from .optical_flow import Motion, shrink_for_motion, warp

_PATIENCE_S = 0.5
"""Seconds for which a new decision must hold."""

_MIN_AREA_SHARE = 0.1
"""Area, as a share of the subject's, from which a region is a person and not an arm or a speck."""

_SOLID_ALPHA = 0.5


@dataclass
class SubjectTrack:
    """Remembers who the subject is, from frame to frame of a scene.

    Parameters
    ----------
    rate : float
        Frames per second.
    patience : float
        Seconds for which a new decision must hold before it counts.
    """

    rate: float
    patience: float = _PATIENCE_S

    def __post_init__(self) -> None:
        self.begin_scene()

    def begin_scene(self) -> None:
        """Forget the subject; the next frame decides freely."""
        self._subject: Mask | None = None
        self._lost = self._gained = 0

    def follow(self, portrait: Portrait, segmented: Float, motion: Motion | None) -> Portrait:
        """Return the portrait of the next frame with the subject of the frames before.

        Parameters
        ----------
        portrait : Portrait
            As it was cut.
        segmented : ndarray
            Alpha of the segmentation before fusion, float32 (h, w), on the portrait's canvas.
        motion : Motion, optional
            From this frame to the previous one; None where a scene begins.

        Returns
        -------
        Portrait
            The same object where nothing is changed.
        """
        alpha = portrait.matte.alpha
        solid = shrink_for_motion(alpha) >= _SOLID_ALPHA
        if motion is None or self._subject is None or self._subject.shape != solid.shape:
            self.begin_scene()
        else:
            before = warp(self._subject.astype(np.float32), motion.flow) >= _SOLID_ALPHA
            alpha = self._hold_decisions(alpha, solid, segmented, before)
        if alpha is portrait.matte.alpha:
            self._subject = solid
            return portrait
        self._subject = shrink_for_motion(alpha) >= _SOLID_ALPHA
        return replace(portrait, matte=replace(portrait.matte, alpha=alpha))

    def _hold_decisions(self, alpha: Float, solid: Mask, segmented: Float, before: Mask) -> Float:
        """Return alpha with lost people kept and new people left out while both are recent.

        The decision is made on masks of the reduced size: `solid`, the person in this frame, and
        `before`, the person in the frame before.
        """
        limit = max(1, round(self.patience * self.rate))
        min_area = _MIN_AREA_SHARE * max(int(before.sum()), 1)
        seen = shrink_for_motion(segmented) >= _SOLID_ALPHA
        lost = _large_regions(before & ~solid & seen, min_area)
        gained = _separate_regions(solid, before, min_area)
        self._lost = self._lost + 1 if lost.any() else 0
        self._gained = self._gained + 1 if gained.any() and before.any() else 0
        result = alpha
        if 0 < self._lost <= limit:
            result = np.where(_soft_region(lost, segmented), np.maximum(alpha, segmented), result)
        if 0 < self._gained <= limit:
            result = np.where(_soft_region(gained, alpha), np.float32(0), result)
        return np.asarray(result, np.float32)


def _large_regions(mask: Mask, min_area: float) -> Mask:
    """Return the connected regions of a mask that have at least this area."""
    if np.count_nonzero(mask) < min_area:
        return np.zeros_like(mask)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    return np.asarray(keep[labels])


def _separate_regions(mask: Mask, before: Mask, min_area: float) -> Mask:
    """Return the large regions of a mask that touch nothing of the subject before."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False
    keep[np.unique(labels[before])] = False
    return np.asarray(keep[labels])


def _soft_region(region: Mask, alpha: Float) -> Mask:
    """Return a region of the reduced size with its soft outline, at the size of alpha.

    The outline is what is visible within a few pixels.
    """
    large = resize(region.astype(np.uint8), (alpha.shape[0], alpha.shape[1]), nearest=True)
    grown = cv2.dilate(large, np.ones((_OUTLINE_PX, _OUTLINE_PX), np.uint8))
    return np.asarray((grown > 0) & (alpha > 0))


_OUTLINE_PX = 9
"""Side of the window by which a region grows to hold its soft outline, in canvas pixels."""
