"""Backgrounds as callers give them: colors, paths, pictures in memory."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..effects.background import Background
from ..errors import InputError

_COLOR_CHANNELS = 3


def make_background(background: Any) -> Background:
    """Make the effect that places a portrait on a background.

    Parameters
    ----------
    background : Background, str, path, tuple, PIL.Image.Image, Photo or ndarray
        A color in sRGB ("#rrggbb", a name, "transparent", or three integers from 0 to 255), the
        path of a picture, or a picture uint8 (h, w, 3).

    Returns
    -------
    Background
        The effect. A picture keeps its own color profile.

    Raises
    ------
    InputError
        When the picture cannot be read, or the text is neither a file nor a color.
    """
    from ..io.photo.photo_reader import read
    from ..system.printable_text import label

    if isinstance(background, Background):
        return background
    if isinstance(background, tuple | list):
        return Background(color=_hex_color(background))
    if isinstance(background, os.PathLike) or (
        isinstance(background, str) and os.path.isfile(background)
    ):
        return Background(picture=read(background, evidence=False))
    if not isinstance(background, str):
        from ..io.photo.from_memory import to_photo

        return Background(picture=to_photo(background, "background"))
    try:
        return Background(color=background)
    except InputError:
        raise InputError(
            f"background {label(background)}: neither a picture file nor a color; "
            "give a path, #rrggbb, a name such as white, or transparent"
        ) from None


def _hex_color(numbers: Any) -> str:
    values = np.asarray(numbers)
    is_integer_color = values.dtype.kind in "iu" and values.shape == (_COLOR_CHANNELS,)
    if not is_integer_color or values.min() < 0 or values.max() > 255:
        raise InputError(
            f"background {numbers!r}: is not a color; give three integers from 0 to 255"
        )
    return "#{:02x}{:02x}{:02x}".format(*values.tolist())
