"""Decode Android's DEPTH16: millimeters and confidence in one 16-bit sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...evidence import RawDepth
from .depth_encoding import distance_to_depth


def decode_depth16(samples: NDArray[Any]) -> RawDepth:
    """Decode samples of `ImageFormat.DEPTH16`.

    The low 13 bits are millimeters, 0 where nothing was measured. The high 3 bits are the
    confidence: 0 stands for 100 %, and 1 to 7 for (c - 1) / 7.

    Parameters
    ----------
    samples : ndarray
        uint16 (h, w).

    Returns
    -------
    RawDepth
        In meters, with confidence in [0, 1].

    Raises
    ------
    InputError
        For another shape or type.
    """
    if samples.ndim != 2 or samples.dtype != np.uint16 or not samples.size:
        raise InputError(f"DEPTH16 samples must be uint16 (h, w), got {samples.dtype}")
    z, validity = distance_to_depth((samples & 0x1FFF).astype(np.float32) / np.float32(1000))
    code = samples >> 13
    confidence = np.where(code == 0, 1, (code - np.float32(1)) / np.float32(7))
    return RawDepth(
        z,
        validity,
        True,
        "depth16",
        near=0.001,
        far=8.191,
        unit="m",
        confidence=confidence.astype(np.float32),
    )
