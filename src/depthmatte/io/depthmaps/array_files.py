"""Depth as numbers: PFM, NPY, NPZ and EXR -> one plane, and confidence where it is beside it."""

from __future__ import annotations

import importlib
import math
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...errors import InputError, MissingExtra
from ...system.text import short
from ...types import _Values
from . import pfm
from .downsample import Downsampler
from .picture_files import check_depth_size, to_one_channel

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_LARGEST_EXR = 2**28
"""Bytes of samples: an EXR can only be read as a whole, and needs about four times as much."""

_MEMBERS = 1000
"""Arrays that an NPZ may hold."""


def decode_pfm_depth(content: bytes, name: str, max_pixels: int) -> _Values:
    """A PFM of one channel, or of equal ones."""
    values = pfm.view_pfm(content, name)
    height, width = values.shape[:2]
    check_depth_size(width, height, name, max_pixels)
    plane = Downsampler(height, width).sample_bands(
        lambda top, bottom: to_one_channel(values[top:bottom], name), 3
    )
    return plane.astype(np.float32, copy=False)


def decode_npy_depth(content: bytes, name: str, max_pixels: int) -> _Values:
    """An NPY of (h, w), or with an axis of 1 or of equal channels."""
    return _numbers(BytesIO(content), len(content), name, max_pixels)


def decode_npz_depth(content: bytes, name: str, max_pixels: int) -> tuple[_Values, _Values | None]:
    """An NPZ: the array named depth, or the only one; `confidence` beside it is taken too."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = {
            entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()[:_MEMBERS]
        }

        def load(key: str) -> _Values:
            with archive.open(entries[key]) as stream:
                return _numbers(stream, entries[key].file_size, f"{name}: {short(key)}", max_pixels)

        others = [key for key in entries if key != "confidence"]
        if "depth" not in entries and len(others) != 1:
            held = ", ".join(short(key) for key in list(entries)[:8]) or "nothing"
            raise InputError(f"{name}: holds {held}; name the depth array depth")
        depth = load("depth" if "depth" in entries else others[0])
        return depth, load("confidence") if "confidence" in entries else None


def _numbers(file: IO[bytes], size: int, name: str, max_pixels: int) -> _Values:
    """One NPY out of a stream, read in bands of rows and thinned."""
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
    if fortran:  # its columns lie one after another
        height, width = width, height

    def read(top: int, bottom: int) -> _Values:
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


def decode_exr_depth(content: bytes, name: str, max_pixels: int) -> _Values:
    """The channel Z or depth of an EXR, the only one, or that of equal ones."""
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
            if width * height * 4 * len(header["channels"]) > _LARGEST_EXR:
                raise InputError(
                    f"{name}: has {width} x {height} pixels of {len(header['channels'])} channels, "
                    "too many for EXR; save depth as PFM or scale it down"
                )
        with openexr.File(str(copy), separate_channels=True) as file:
            channels = {key: channel.pixels for key, channel in file.channels().items()}
    return Downsampler(height, width).of(_wanted(channels, name))


def _wanted(channels: dict[str, Any], name: str) -> _Values:
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
