"""How tests read photos: what comes out, and the one line of what is refused."""

import numpy as np
import pytest

from depthmatte.errors import InputError
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo


def refused(source: object, **options: object) -> str:
    """The one line that reading this gives."""
    with pytest.raises(InputError) as caught:
        read(source, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message
    return message


def near(photo: Photo, pixels: np.ndarray, levels: float) -> bool:
    assert photo.rgb.shape == pixels.shape
    return bool(np.abs(photo.rgb.astype(int) - pixels).mean() <= levels)
