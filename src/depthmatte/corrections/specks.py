"""Remove specks beside a person and fill pinholes in her."""

from __future__ import annotations

import cv2
import numpy as np

from ..types import Float, Mask

_VISIBLE_ALPHA = 0.1
"""Alpha from which a pixel counts as visible."""

_SOLID_ALPHA = 0.5
"""Alpha below which a pixel is part of a hole."""

_MAX_SPECK_SHARE = 0.02
"""Area of a speck over that of the largest piece, at most."""

_MAX_PINHOLE_SHARE = 0.0005
"""Area of a pinhole over that of the largest piece, at most. A hole between arm and body is
larger."""


def remove_specks(alpha: Float) -> Float:
    """Remove specks and fill pinholes.

    Parameters
    ----------
    alpha : ndarray
        float32 (H, W) in [0, 1].

    Returns
    -------
    ndarray
        float32 (H, W). Pieces below 2 percent of the largest one's area are 0, holes below
        0.05 percent of it are 1. All other pixels are unchanged.
    """
    visible = alpha >= _VISIBLE_ALPHA
    count, label, stats, _ = cv2.connectedComponentsWithStats(visible.astype(np.uint8))
    if count < 2:
        return np.zeros_like(alpha)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    largest = area[1:].max()
    is_speck = area < _MAX_SPECK_SHARE * largest
    is_speck[0] = False
    cleaned = np.where(is_speck[label], np.float32(0), alpha)
    # The faint rim of a speck goes, too; the rim of what stays stays.
    kept = np.asarray(visible & ~is_speck[label], np.uint8)
    near = cv2.dilate(kept, np.ones((5, 5), np.uint8)) > 0
    cleaned[~visible & ~near] = 0
    cleaned[_pinholes(cleaned, _MAX_PINHOLE_SHARE * largest)] = 1
    return cleaned


def _pinholes(alpha: Float, largest: float) -> Mask:
    """Holes of at most this area that the person surrounds."""
    _, label, stats, _ = cv2.connectedComponentsWithStats(
        (alpha < _SOLID_ALPHA).astype(np.uint8), connectivity=4
    )
    small = stats[:, cv2.CC_STAT_AREA] <= largest
    small[0] = False
    border = np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])
    small[border] = False
    return np.asarray(small[label])
