"""Pictures as the bytes of files."""

from __future__ import annotations

import cv2
import numpy as np


def encode(suffix: str, picture: np.ndarray) -> bytes:
    """The bytes of a picture file."""
    return cv2.imencode(suffix, picture)[1].tobytes()
