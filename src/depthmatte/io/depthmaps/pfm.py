"""Read and write PFM, the float picture format of stereo benchmarks.

A file is a short text header and then rows from the bottom up. Format:
https://www.pauldebevec.com/Research/HDR/PFM/ . Middlebury's files hold disparity in pixels, and
infinity where it is unknown. Numbers are not changed here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.atomic_write import atomic_draft, refuse_inputs
from ...system.printable_text import Place, describe_os_error, label
from ..photo.open_picture import MAX_PHOTO_PIXELS

_HEADER = re.compile(rb"(PF|Pf)\s+(\d{1,9})\s+(\d{1,9})\s+([-+.\deE]{1,32})[ \t\r]*\n")


def decode_pfm(content: bytes, name: str = "bytes") -> NDArray[np.float32]:
    """Decode the bytes of a PFM file.

    The sign of the scale in the header gives the byte order; its amount is ignored.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for messages.

    Returns
    -------
    ndarray
        float32 (h, w), or (h, w, 3) for color, top row first. Infinity and NaN are kept.

    Raises
    ------
    InputError
        For what is no complete PFM file.
    """
    return np.ascontiguousarray(view_pfm(content, name), np.float32)


def view_pfm(content: bytes, name: str = "bytes") -> NDArray[np.floating[Any]]:
    """Decode the bytes of a PFM file without a copy.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for messages.

    Returns
    -------
    ndarray
        A read-only view in the byte order of the file; else as for `decode_pfm`.

    Raises
    ------
    InputError
        For what is no complete PFM file.
    """
    header = _HEADER.match(content)
    if header is None:
        raise InputError(f"{name}: is not a PFM file, or its header is damaged; export it again")
    width, height, scale = int(header[2]), int(header[3]), _number(header[4])
    shape = (height, width, 3) if header[1] == b"PF" else (height, width)
    if not width * height or not scale:
        raise InputError(f"{name}: PFM header says {width} x {height}, scale {scale:g}; correct it")
    if width * height > MAX_PHOTO_PIXELS:
        raise InputError(f"{name}: {width} x {height} pixels are too many; scale it down")
    body = memoryview(content)[header.end() :]
    if len(body) < 4 * math.prod(shape):
        raise InputError(f"{name}: is cut short; copy it again")
    values = np.frombuffer(body, "<f4" if scale < 0 else ">f4", math.prod(shape))
    return values.reshape(shape)[::-1]


def encode_pfm(values: NDArray[Any]) -> bytes:
    """Encode an array as a little-endian PFM file.

    Parameters
    ----------
    values : ndarray
        (h, w) or (h, w, 3), top row first.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        For another shape.
    """
    shape = np.shape(values)
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
        raise InputError(f"a PFM file holds (h, w) or (h, w, 3), got {shape}; reshape it")
    kind = "PF" if len(shape) == 3 else "Pf"
    header = f"{kind}\n{shape[1]} {shape[0]}\n-1.0\n".encode("ascii")
    return header + np.ascontiguousarray(values[::-1], "<f4").tobytes()


def read_pfm(path: Place) -> NDArray[np.float32]:
    """Read a PFM file.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray
        As for `decode_pfm`.

    Raises
    ------
    InputError
        For what cannot be read or decoded.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{label(path)}: cannot be read ({describe_os_error(error)}); check the path"
        ) from error
    return decode_pfm(content, label(path))


def write_pfm(
    values: NDArray[Any],
    path: Place,
    forbid: Iterable[Place] = (),
) -> Path:
    """Write an array as a PFM file, atomically.

    Parameters
    ----------
    values : ndarray
        (h, w) or (h, w, 3), top row first.
    path : path
        Where to write; missing folders are made.
    forbid : iterable of paths
        Files that are never replaced.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        For a shape or place that does not work.
    """
    path, content = Path(path), encode_pfm(values)
    refuse_inputs(path, forbid)
    with atomic_draft(path, folders=True) as draft:
        draft.write_bytes(content)
    return path


def _number(text: bytes) -> float:
    """The scale of the header; 0 where it is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
