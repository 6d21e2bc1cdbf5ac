"""The layers of a scene: cut-outs at their size, place and distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...types import Float
from ..cutout_image import premultiply
from ..types import RGBA


@dataclass(frozen=True)
class Layer:
    """One thing in a scene, as the photo's camera sees it.

    Attributes
    ----------
    kind : str
        What it is, such as "person" or "poster".
    rgba : ndarray
        float32 (h, w, 4): colors times alpha in [0, 255], alpha in [0, 1].
    corner : tuple of int
        (row, column) of its first pixel in the photo; it may lie outside.
    meters : float
        Its distance along the camera's axis. The surface is `meters - relief` away.
    relief : ndarray
        float32 (h, w) >= 0, how far the surface comes forward.
    missing : ndarray
        float32 (h, w) in [0, 1], how likely a depth sensor gets nothing back.
    is_subject : bool
        Whether it belongs to the alpha that is asked for.
    """

    kind: str
    rgba: Float
    corner: tuple[int, int]
    meters: float
    relief: Float
    missing: Float
    is_subject: bool = False

    @classmethod
    def flat(cls, kind: str, rgba: RGBA, corner: tuple[int, int], meters: float) -> Layer:
        """A flat layer of a straight RGBA at its size, uint8 (h, w, 4)."""
        zeros = np.zeros(rgba.shape[:2], np.float32)
        return cls(kind, premultiply(rgba), corner, meters, zeros, zeros)


def blur_layer(layer: Layer, sigma: float) -> Layer:
    """A layer out of focus: colors and alpha together, on a sheet large enough."""
    if sigma < 0.4:
        return layer
    pad = int(np.ceil(2.5 * sigma))
    sheet = cv2.copyMakeBorder(layer.rgba, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    rgba = np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma), np.float32)
    relief, missing = (
        np.asarray(cv2.copyMakeBorder(m, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.float32)
        for m in (layer.relief, layer.missing)
    )
    corner = (layer.corner[0] - pad, layer.corner[1] - pad)
    return replace(layer, rgba=rgba, corner=corner, relief=relief, missing=missing)
