"""What stands behind a portrait: a color, a picture's file, an image, pixels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .effects.background import Background
from .errors import InputError
from .photo import Photo

COLOR = 3
"""Numbers of a color given as a tuple."""


def backdrop(background: Any) -> Background:
    """The effect that places a portrait before `background`.

    Parameters
    ----------
    background
        A color (`#rrggbb`, a name, `transparent`, or three whole numbers 0 to 255, sRGB), a
        picture's path, a PIL image, a Photo, or pixels uint8 (h, w, 3).

    Returns
    -------
    A Background; a picture brings its own color profile.

    Raises
    ------
    InputError
        For a picture that cannot be read, and for text that is neither file nor color.
    """
    from .io.image import read
    from .io.label import label

    if isinstance(background, Background):
        return background
    if isinstance(background, tuple | list):
        return Background(color=_hex(background))
    if isinstance(background, os.PathLike) or (
        isinstance(background, str) and os.path.isfile(background)
    ):
        return _of(read(background, evidence=False))
    if not isinstance(background, str):
        from .io.memory import photo_of

        return _of(photo_of(background, "background"))
    try:
        return Background(color=background)
    except InputError:
        raise InputError(
            f"background {label(background)}: neither a picture file nor a color; "
            "give a path, #rrggbb, a name such as white, or transparent"
        ) from None


def _of(photo: Photo) -> Background:
    return Background(picture=photo)


def _hex(numbers: Any) -> str:
    values = np.asarray(numbers)
    whole = values.dtype.kind in "iu" and values.shape == (COLOR,)
    if not whole or values.min() < 0 or values.max() > 255:
        raise InputError(
            f"background {numbers!r}: is no color; give three whole numbers from 0 to 255"
        )
    return "#{:02x}{:02x}{:02x}".format(*values.tolist())
