"""The compositor: layers painted from far to near, so that order and occlusion are exact.

Depth scenes and the renderer of hard scenes paint through it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import Float
from ..cutout_image import overlap
from .layer import Layer


@dataclass
class Composite:
    """A picture of a scene of (h, w) pixels.

    Attributes
    ----------
    rgb : ndarray
        float32 (h, w, 3), colors in [0, 255].
    meters : ndarray
        float32 (h, w), depth along the camera's axis.
    alpha : ndarray
        float32 (h, w), how much of each pixel is the subject.
    owner : ndarray
        int16 (h, w), the index of the layer in front, -1 for the backdrop.
    missing : ndarray
        float32 (h, w), how likely a depth sensor gets nothing back.
    """

    rgb: Float
    meters: Float
    alpha: Float
    owner: NDArray[np.int16]
    missing: Float

    @classmethod
    def of_backdrop(cls, rgb: Float, meters: Float, missing: Float | None = None) -> Composite:
        """A scene without layers."""
        alpha, owner = np.zeros(meters.shape, np.float32), np.full(meters.shape, -1, np.int16)
        return cls(rgb, meters, alpha, owner, np.zeros_like(meters) if missing is None else missing)

    def paint(self, index: int, layer: Layer) -> int:
        """Paint a layer as the photo's own camera sees it; the number of pixels it covers.

        Nothing is searched or interpolated, so alpha stays exact.
        """
        found = overlap(self.meters.shape, layer.rgba.shape, layer.corner)
        if found is None:
            return 0
        here, part = found
        surface = np.float32(layer.meters) - layer.relief[part]
        return self.over(
            here, index, layer.is_subject, layer.rgba[part], surface, layer.missing[part]
        )

    def over(
        self,
        here: tuple[slice, slice],
        index: int,
        is_subject: bool,
        rgba: Float,
        meters: Float,
        missing: Float,
    ) -> int:
        """Paint over a part of the picture; a pixel belongs to what covers more than half of it.

        Returns the number of pixels that the layer covers.
        """
        alpha = rgba[..., 3]
        rest = 1 - alpha
        self.rgb[here] = self.rgb[here] * rest[..., None] + rgba[..., :3]
        self.alpha[here] = self.alpha[here] * rest + (alpha if is_subject else 0)
        solid = alpha > 0.5
        self.meters[here][solid] = meters[solid]
        self.owner[here][solid] = index
        self.missing[here][solid] = missing[solid]
        return int(solid.sum())

    def blur(self, sigma: float) -> None:
        """Put what is painted so far out of focus; later layers stay sharp."""
        self.rgb = np.asarray(cv2.GaussianBlur(self.rgb, (0, 0), sigma), np.float32)
