"""Turn frames upright as the display matrix of a video says."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from ...types import RGB


class Turn(NamedTuple):
    """How a stored frame becomes upright: transposed first, then rows and columns reversed."""

    transpose: bool = False
    reverse_rows: bool = False
    reverse_columns: bool = False

    def apply(self, rgb: RGB) -> RGB:
        """Return the upright pixels, uint8 (H, W, 3), contiguous."""
        if self == Turn():
            return rgb
        turned = rgb.transpose(1, 0, 2) if self.transpose else rgb
        turned = turned[::-1] if self.reverse_rows else turned
        turned = turned[:, ::-1] if self.reverse_columns else turned
        return np.ascontiguousarray(turned)

    def shape(self, stored: tuple[int, int]) -> tuple[int, int]:
        """Return (H, W) upright of a stored frame (h, w)."""
        return (stored[1], stored[0]) if self.transpose else stored


def read_display_matrix(matrix: bytes) -> Turn | None:
    """Read a display matrix: nine int32, of which four are a 2 x 2 matrix.

    The matrix takes a stored pixel (p, q), p to the right, to (a p + c q, b p + d q).

    Parameters
    ----------
    matrix : bytes
        36 bytes in the order of this machine.

    Returns
    -------
    Turn or None
        None for an angle that is no multiple of 90 degrees, and for damaged numbers.
    """
    if len(matrix) < 36:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    if b == c == 0 and a and d:
        return Turn(False, d < 0, a < 0)
    if a == d == 0 and b and c:
        return Turn(True, b < 0, c < 0)
    return None
