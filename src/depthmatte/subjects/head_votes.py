"""Give every pixel of the people in a picture to one of them, by the votes of a network.

The network of people shows heads, and every pixel votes for the middle of its own head
(Panoptic-DeepLab, Cheng et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Float, Mask

_CELL_PX = 4
"""Pixels between the cells in which heads are looked for, as in the network."""

_LEAST_HEAD = 0.3
"""Least value of the map of heads at a head."""

_BLOCK_ROWS = 64
"""Rows that are assigned at once, which bounds memory."""


@dataclass(frozen=True, eq=False)
class HeadVotes:
    """What the network of people says of a canvas.

    Parameters
    ----------
    person : ndarray
        Probability that a pixel shows somebody, float32 (h, w) in [0, 1].
    head : ndarray
        How likely the middle of a head is there, float32 (h, w) in [0, 1].
    vote : ndarray
        The way from each pixel to the middle of its head, float32 (2, h, w): x and y in pixels.
    """

    person: Float
    head: Float
    vote: Float

    def find_heads(self) -> Float:
        """Return the middles of the heads, float32 (n, 2): x and y in pixels, the surest first."""
        rows, columns = (max(1, side // _CELL_PX) for side in self.head.shape)
        small = cv2.resize(self.head, (columns, rows), interpolation=cv2.INTER_AREA)
        peak = (small >= cv2.dilate(small, np.ones((3, 3), np.uint8))) & (small >= _LEAST_HEAD)
        y, x = np.nonzero(peak)
        order = np.argsort(-small[y, x], kind="stable")
        scale = np.array([self.head.shape[1] / columns, self.head.shape[0] / rows])
        return np.asarray((np.stack([x, y], 1)[order] + 0.5) * scale, np.float32)

    def assign(self, inside: Mask) -> NDArray[np.int32]:
        """Number the people in a mask.

        Parameters
        ----------
        inside : ndarray
            bool (h, w): where anybody is.

        Returns
        -------
        ndarray
            int32 (h, w): the head, from 1, that each pixel of the mask votes for; 0 outside it,
            and everywhere where no head is seen.
        """
        heads = self.find_heads()
        label = np.zeros(inside.shape, np.int32)
        if not len(heads):
            return label
        for top in range(0, inside.shape[0], _BLOCK_ROWS):
            y, x = np.nonzero(inside[top : top + _BLOCK_ROWS])
            y = y + top
            at = np.stack([x + 0.5 + self.vote[0][y, x], y + 0.5 + self.vote[1][y, x]], 1)
            far = np.square(at[:, None] - heads[None]).sum(axis=2)
            label[y, x] = 1 + far.argmin(axis=1)
        return label
