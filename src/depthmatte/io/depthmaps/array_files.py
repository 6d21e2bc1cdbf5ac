"""Decode depth stored as an array (PFM, NPY, NPZ, EXR), and confidence stored with it."""

from __future__ import annotations

import importlib
import math
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, MissingExtra
from ...system.printable_text import short
from . import pfm
from .downsample import Downsampler
from .picture_files import check_depth_size, to_one_channel

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_MAX_EXR_BYTES = 2**28
"""Limit of sample bytes: an EXR is read in one piece, which takes about four times as much."""

_MAX_ARRAYS = 1000
"""Limit of arrays in an NPZ."""


def decode_pfm_depth(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode a PFM of one channel, or of equal channels.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    ndarray
        float32 (h, w), top row first; downsampled if it is large.

    Raises
    ------
    InputError
        For damaged files, too many pixels and different channels.
    """
    values = pfm.view_pfm(content, name)
    height, width = values.shape[:2]
    check_depth_size(width, height, name, max_pixels)
    plane = Downsampler(height, width).sample_bands(
        lambda top, bottom: to_one_channel(values[top:bottom], name), 3
    )
    return plane.astype(np.float32, copy=False)


def decode_npy_depth(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode an NPY file.

    Parameters
    ----------
    content : bytes
        The file: (h, w), or with a further axis of length 1 or of equal channels.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    ndarray
        (h, w) as stored; downsampled if it is large.

    Raises
    ------
    InputError
        For other shapes and types, too many pixels, and files that are cut short.
    """
    return _numbers(BytesIO(content), len(content), name, max_pixels)


def decode_npz_depth(
    content: bytes, name: str, max_pixels: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Decode an NPZ file.

    Parameters
    ----------
    content : bytes
        The file. Its depth is the array named "depth", or the only array. An array named
        "confidence" is read too.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    depth : ndarray
        (h, w) as stored; downsampled if it is large.
    confidence : ndarray or None
        As stored.

    Raises
    ------
    InputError
        For other contents, and as for `decode_npy_depth`.
    """
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = {
            entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()[:_MAX_ARRAYS]
        }

        def load(key: str) -> NDArray[Any]:
            with archive.open(entries[key]) as stream:
                return _numbers(stream, entries[key].file_size, f"{name}: {short(key)}", max_pixels)

        others = [key for key in entries if key != "confidence"]
        if "depth" not in entries and len(others) != 1:
            held = ", ".join(short(key) for key in list(entries)[:8]) or "nothing"
            raise InputError(f"{name}: holds {held}; name the depth array depth")
        depth = load("depth" if "depth" in entries else others[0])
        return depth, load("confidence") if "confidence" in entries else None


def _numbers(file: IO[bytes], size: int, name: str, max_pixels: int) -> NDArray[Any]:
    """Read one NPY from a stream, in bands of rows, and downsample it."""
    version = np.lib.format.read_magic(file)
    shape, fortran, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise InputError(f"{name}: holds Python objects, which can run code; save plain numbers")
    if dtype.kind not in "uifb":
        raise InputError(f"{name}: holds {short(str(dtype))}, not depth; give numbers")
    height, width, channels = _axes(shape, name)
    check_depth_size(width, height, name, max_pixels)
    if math.prod(shape) * dtype.itemsize > size:
        raise InputError(f"{name}: is cut short; copy it again")
    if channels > 1 and (fortran or shape[0] == channels != shape[-1]):
        raise InputError(f"{name}: has the shape {shape}; save it as (height, width)")
    if fortran:  # stored column by column
        height, width = width, height

    def read(top: int, bottom: int) -> NDArray[Any]:
        count = (bottom - top) * width * channels
        band = file.read(count * dtype.itemsize)
        if len(band) < count * dtype.itemsize:
            raise InputError(f"{name}: is cut short; copy it again")
        values = np.frombuffer(band, dtype).reshape(bottom - top, width, channels)
        return to_one_channel(values, name)

    plane = Downsampler(height, width).sample_bands(read, channels)
    return plane.T if fortran else plane


def _axes(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """(height, width, channels) of an array's shape."""
    flat = shape
    if len(shape) == 4 and shape[0] == 1:  # (1, 1, h, w) and (1, h, w, 1), as networks give it
        flat = shape[1:]
    if len(flat) == 2 and all(flat):
        return flat[0], flat[1], 1
    if len(flat) == 3 and flat[0] == 1 and all(flat):
        return flat[1], flat[2], 1
    if len(flat) == 3 and flat[2] in (1, 3, 4):
        return flat[0], flat[1], flat[2]
    if len(flat) == 3 and flat[0] in (3, 4):
        return flat[1], flat[2], flat[0]
    raise InputError(
        f"{name}: has the shape {short(str(shape))}, depth has (height, width); save one plane"
    )


def decode_exr_depth(content: bytes, name: str, max_pixels: int) -> NDArray[Any]:
    """Decode an EXR file.

    Parameters
    ----------
    content : bytes
        The file. Its depth is the channel Z or depth, the only channel, or equal channels.
    name : str
        Its name for messages.
    max_pixels : int
        Limit of pixels.

    Returns
    -------
    ndarray
        (h, w) as stored; downsampled if it is large.

    Raises
    ------
    InputError
        For other channels and too many pixels.
    MissingExtra
        Without the package OpenEXR.
    """
    try:
        openexr: Any = importlib.import_module("OpenEXR")
    except ImportError as error:
        raise MissingExtra("Reading EXR depth", "exr") from error

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "depth.exr"  # the package opens paths only
        copy.write_bytes(content)
        with openexr.File(str(copy), header_only=True) as file:
            header = file.header()
            low, high = header["dataWindow"]
            width, height = (int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
            check_depth_size(width, height, name, max_pixels)
            if width * height * 4 * len(header["channels"]) > _MAX_EXR_BYTES:
                raise InputError(
                    f"{name}: has {width} x {height} pixels of {len(header['channels'])} channels, "
                    "too many for EXR; save depth as PFM or scale it down"
                )
        with openexr.File(str(copy), separate_channels=True) as file:
            channels = {key: channel.pixels for key, channel in file.channels().items()}
    return Downsampler(height, width).of(_select_channel(channels, name))


def _select_channel(channels: dict[str, Any], name: str) -> NDArray[Any]:
    named = [key for key in channels if key.rpartition(".")[2].lower() in ("z", "depth")]
    wanted = named or list(channels)
    if len(wanted) == 4:  # with opacity
        wanted = [key for key in wanted if key.rpartition(".")[2].upper() != "A"]
    first = np.asarray(channels[wanted[0]]) if wanted else np.zeros(0)
    colors = sorted(key.rpartition(".")[2].upper() for key in wanted) == ["B", "G", "R"]
    equal = colors and all(
        np.array_equal(first, channels[key], equal_nan=True) for key in wanted[1:]
    )
    if len(wanted) != 1 and not equal:
        held = ", ".join(short(key) for key in list(channels)[:8])
        raise InputError(f"{name}: holds {held}; save depth as the channel Z")
    return first
