"""Read strokes of a brush from a transparent picture, and attach them to a photo."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..photo import Photo
from ..system.printable_text import describe_os_error, label
from .photo.photo_reader import read_photo_header

_PAINTED = 128
"""Alpha from which a pixel is painted."""

_COLORED = 60
"""Difference between green and red from which a color is one of them; grays are less."""

_MIDDLE = 128
"""Level that divides white from black."""

_MAX_BYTES = 64 << 20


def attach_strokes(photo: Photo, strokes: Any) -> Photo:
    """Attach strokes to a photo as evidence.

    Parameters
    ----------
    photo : Photo
        The photo.
    strokes : path, ndarray or None
        A picture with transparency, of the size of the upright photo; an array is uint8
        (H, W, 4) RGBA. Green or white keeps, red or black drops. None attaches nothing.

    Returns
    -------
    Photo
        With `evidence.strokes`.

    Raises
    ------
    InputError
        For a picture that cannot be read, has another size, or has no strokes.
    """
    if strokes is None:
        return photo
    if isinstance(strokes, str | os.PathLike):
        rgba: Any = _read_rgba(Path(strokes), photo.shape)
        name = label(strokes)
    else:
        rgba, name = strokes, "strokes"
    if not isinstance(rgba, np.ndarray) or rgba.dtype != np.uint8 or rgba.shape[2:] != (4,):
        raise InputError(f"{name}: is no picture with transparency; give an RGBA picture, 8 bits")
    _check_size(rgba.shape[:2], photo.shape, name)
    values = read_stroke_colors(rgba)
    if not values.any():
        raise InputError(f"{name}: has no strokes; paint green or white to keep, red to drop")
    return replace(photo, evidence=replace(photo.evidence, strokes=values))


def read_stroke_colors(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert colors to strokes.

    Parameters
    ----------
    rgba : ndarray
        uint8 (H, W, 4), straight alpha.

    Returns
    -------
    ndarray
        uint8 (H, W): 1 keeps, 2 drops, 0 where nothing is painted.
    """
    red, green = rgba[..., 0].astype(np.int16), rgba[..., 1].astype(np.int16)
    lean = green - red
    keeps = np.where(np.abs(lean) >= _COLORED, lean > 0, green >= _MIDDLE)
    painted = rgba[..., 3] >= _PAINTED
    return np.where(painted, np.where(keeps, np.uint8(1), np.uint8(2)), np.uint8(0))


def _check_size(given: tuple[int, ...], photo: tuple[int, int], name: str) -> None:
    if given != photo:
        raise InputError(
            f"{name}: is {given[1]} x {given[0]} pixels but the upright photo "
            f"{photo[1]} x {photo[0]}; paint on a layer of the photo's size"
        )


def _read_rgba(path: Path, photo: tuple[int, int]) -> NDArray[np.uint8]:
    shape = read_photo_header(path).shape  # checks format and size before anything is decoded
    _check_size(shape, photo, label(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{label(path)}: is larger than {_MAX_BYTES >> 20} MiB; reduce it")
        stored = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except OSError as error:
        reason = describe_os_error(error)
        raise InputError(f"{label(path)}: cannot be read ({reason}); check the path") from None
    except cv2.error:
        stored = None
    if stored is None or stored.shape[:2] != shape or stored.ndim != 3 or stored.shape[2] != 4:
        raise InputError(f"{label(path)}: is no picture with transparency; save it as RGBA PNG")
    if stored.dtype != np.uint8:
        raise InputError(f"{label(path)}: has not 8 bits; save it as RGBA PNG with 8 bits")
    return np.ascontiguousarray(stored[..., [2, 1, 0, 3]])
