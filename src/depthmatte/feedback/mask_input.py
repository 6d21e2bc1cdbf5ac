"""Read a corrected mask, and check that it belongs to its photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..canvas import resize
from ..errors import InputError
from ..io.photo.photo_reader import read, read_photo_header
from ..system.printable_text import describe_os_error, label
from ..types import RGB

_MAX_ASPECT_ERROR = 0.01
"""Largest relative difference of the aspect of a mask that is only scaled."""

_MIN_PEAK = 128
"""Smallest largest value of a mask that shows somebody. Less is a mask in other units."""

_MAX_COLOR_SPREAD = 8.0
"""Largest mean difference of the color channels of a picture that counts as gray."""


def read_corrected_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask from a picture.

    Parameters
    ----------
    path : Path
        A gray picture, 255 or white for the person; or a cut-out, whose alpha is the mask.

    Returns
    -------
    ndarray
        uint8 (H, W), 0 background and 255 person.

    Raises
    ------
    InputError
        For a file that is no picture, a color picture, or values in other units.
    """
    shape = read_photo_header(path).shape  # checks format and size before anything is decoded
    try:
        stored = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError):
        stored = None
    if stored is None or stored.shape[:2] != shape:  # a format of its own, or turned by EXIF
        return check_mask_values(
            _color_to_gray(read(path, evidence=False).rgb, label(path)), label(path)
        )
    if stored.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{label(path)}: is no 8- or 16-bit picture; save the mask as gray PNG")
    levels = np.asarray(stored // 257 if stored.dtype == np.uint16 else stored, np.uint8)
    if levels.ndim == 2:
        return check_mask_values(levels, label(path))
    if levels.shape[2] == 4 and levels[..., 3].min() < 255:
        return check_mask_values(np.ascontiguousarray(levels[..., 3]), label(path))
    return check_mask_values(_color_to_gray(levels[..., :3], label(path)), label(path))


def check_mask_values(mask: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Return a mask, uint8 (H, W); InputError for another type, or for values in other units."""
    if mask.dtype != np.uint8 or mask.ndim != 2 or mask.size == 0:
        raise InputError(f"{name}: is {mask.dtype} {mask.shape}; give a mask as uint8 (H, W)")
    peak = int(mask.max())
    if 0 < peak < _MIN_PEAK:
        raise InputError(
            f"{name}: its largest value is {peak}; scale it so that 0 is background and 255 person"
        )
    return mask


def fit_mask_to_photo(
    mask: NDArray[np.uint8],
    shape: tuple[int, int],
    name: str,
    resized: bool = False,
) -> NDArray[np.uint8]:
    """Return the mask at the photo's size.

    Parameters
    ----------
    mask : ndarray
        uint8 (h, w).
    shape : tuple of int
        (H, W) of the upright photo.
    name : str
        Name of the mask for messages.
    resized : bool
        Whether a mask of the same aspect but another size is scaled.

    Returns
    -------
    ndarray
        uint8 (H, W).

    Raises
    ------
    InputError
        For a mask of another size or aspect. The message says what to do.
    """
    if mask.shape == shape:
        return mask
    (rows, columns), (tall, wide) = shape, mask.shape
    sizes = f"is {wide} x {tall} pixels but its photo {columns} x {rows}"
    if not _is_scaled(mask.shape, shape):
        if _is_scaled(mask.shape, (columns, rows)):
            raise InputError(
                f"{name}: {sizes}: it fits the photo lying on its side, as before its EXIF "
                "orientation is applied; turn the mask upright, as viewers show the photo"
            )
        raise InputError(f"{name}: {sizes}; give a mask of the whole photo, not of a part")
    if not resized:
        raise InputError(f"{name}: {sizes}; save it at the photo's size, or add --resize-mask")
    return np.asarray(resize(mask, shape), np.uint8)


def _is_scaled(shape: tuple[int, ...], target: tuple[int, int]) -> bool:
    """Whether two shapes have the same aspect, to rounding by a pixel."""
    aspect, wanted = shape[1] / shape[0], target[1] / target[0]
    slack = _MAX_ASPECT_ERROR + 1 / min(shape[0], shape[1])
    return abs(aspect / wanted - 1) <= slack


def _color_to_gray(rgb: RGB, name: str) -> NDArray[np.uint8]:
    """Return the gray levels of a picture that has color channels; InputError for colors."""
    spread = float((rgb.max(axis=2).astype(np.int16) - rgb.min(axis=2)).mean())
    if spread > _MAX_COLOR_SPREAD:
        raise InputError(
            f"{name}: is a color picture, not a mask; give a gray picture or a cut-out with alpha"
        )
    return np.ascontiguousarray(rgb[..., 1])


def read_small_file(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes`; InputError for a larger or unreadable one."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise InputError(f"{label(path)}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else "no path"
        raise InputError(f"{label(path)}: cannot be read ({reason}); check the path") from None
    if len(content) > max_bytes:
        raise InputError(
            f"{label(path)}: is larger than {max_bytes >> 20} MiB; give a smaller file"
        )
    return content
