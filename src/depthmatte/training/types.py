"""Names of the array types and generators that training uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator

RGBA = NDArray[np.uint8]
"""Colors with straight alpha, uint8 (H, W, 4)."""

TrainingSample = dict[str, NDArray[np.float32]]
"""What one step learns from: float32 arrays by name."""

SampleKey = tuple[int, bool, int]
"""(index, landscape, random seed): decides a sample."""
