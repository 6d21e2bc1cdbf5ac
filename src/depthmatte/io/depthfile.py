"""Depth files in: one file -> RawDepth (SPEC row B3).

- PNG and TIFF of 16 or 32 bits and NPY/NPZ of whole numbers hold millimetres unless told
  otherwise: `scale` is the number of units in a metre (1000; TUM RGB-D 5000, KITTI 256).
- Floats (TIFF, PFM, NPY/NPZ, EXR) are metres unless told otherwise.
- 8 bits hold relative depth, 0 nearest and 255 farthest: no camera measures so coarsely.

`RawDepth.unit` says which it was. Zero, negative numbers, NaN and infinity are MISSING, and
so is what lies beyond a thousand kilometres: renderers write such numbers for the sky.
"""

from __future__ import annotations

import importlib
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MissingExtra
from ..evidence import RawDepth, Reason
from . import exif, pfm
from .label import label, reason

Values = NDArray[Any]

MAX_PIXELS = 250_000_000
"""Pixels a depth file may have unless the caller allows more."""

KINDS = "16-bit PNG, TIFF, PFM, NPY, NPZ or EXR"

NEAREST, FARTHEST = 0.05, 200.0
"""Metres between which the median depth of a sensible file lies."""

_SKY = 1e6


def read(
    path: str | os.PathLike[str], scale: float | None = None, max_pixels: int = MAX_PIXELS
) -> RawDepth:
    """A depth file as RawDepth in metres, or relative for 8 bits without a `scale`.

    `scale` is how many of the file's units make a metre. Raises InputError for what is no
    depth file, and where the values make no sense as metres; MissingExtra for EXR without
    the package that reads it.
    """
    name = label(path)
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise InputError(f"depth scale {scale:g}: must be positive; give units per metre")
    content = _content(Path(path), name, max_pixels)
    kind = _kind(content)
    if kind is None:
        raise InputError(f"{name}: is no depth file; give {KINDS}")
    try:
        values, confidence = _DECODERS[kind](content, name, max_pixels)
    except (InputError, MissingExtra):
        raise
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory; scale it down") from error
    except Exception as error:  # on hostile bytes the decoders raise anything there is
        raise InputError(
            f"{name}: cannot be decoded (damaged, cut short or of a rare kind); "
            f"copy it again or export it as {KINDS}"
        ) from error
    return raw_depth(values, kind, scale, name, confidence)


def raw_depth(
    values: Values,
    kind: str,
    scale: float | None = None,
    name: str = "array",
    confidence: Values | None = None,
) -> RawDepth:
    """Numbers (h, w) as a file or device gives them -> RawDepth, by the rules above."""
    values = _plane(values, name)
    if values.dtype == np.uint8 and scale is None:
        z = values.astype(np.float32) / np.float32(255)
        validity = np.full(z.shape, Reason.VALID, np.uint8)
        unit = "relative, 8 bits: 0 near, 255 far"
        return RawDepth(z, validity, False, kind, unit=unit, confidence=_sure(confidence, z, name))
    whole = values.dtype.kind in "ui"
    per_metre = scale or (1000.0 if whole else 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        metres = values.astype(np.float32) / np.float32(per_metre)
        seen = (metres > 0) & (metres < _SKY)
    z = np.where(seen, metres, np.float32(0))
    _check_metres(z[seen], per_metre, name)
    validity = np.where(seen, np.uint8(Reason.VALID), np.uint8(Reason.MISSING))
    unit = f"{per_metre:g} per metre" if scale else ("mm, assumed" if whole else "m, assumed")
    return RawDepth(z, validity, True, kind, unit=unit, confidence=_sure(confidence, z, name))


def _plane(values: Values, name: str) -> Values:
    values = np.asarray(values)
    if values.dtype.kind not in "uif":
        raise InputError(f"{name}: holds {values.dtype}, not depth; give numbers")
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2 or not values.size:
        raise InputError(
            f"{name}: has the shape {values.shape}, depth has (height, width); save one plane"
        )
    return values


def _check_metres(z: Values, per_metre: float, name: str) -> None:
    """A wrong scale must not pass quietly."""
    if not z.size:
        return
    middle = float(np.median(z))
    if not NEAREST <= middle <= FARTHEST:
        raise InputError(
            f"{name}: its median depth is {middle:.3g} m at {per_metre:g} units per metre, which "
            "makes no sense; give --depth-scale (1000 for mm, 1 for metres, 5000 for TUM)"
        )


def _sure(confidence: Values | None, z: Values, name: str) -> NDArray[np.float32] | None:
    if confidence is None:
        return None
    plane = np.asarray(confidence)
    if plane.shape != z.shape or plane.dtype.kind not in "uif":
        raise InputError(
            f"{name}: confidence {plane.shape} does not match depth {z.shape}; mend it"
        )
    share = plane / np.float32(255) if plane.dtype == np.uint8 else plane.astype(np.float32)
    return np.asarray(np.clip(np.nan_to_num(share), 0, 1), np.float32)


def _content(path: Path, name: str, max_pixels: int) -> bytes:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{name}: is a folder; give a depth file")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{name}: is not a file; give a depth file")
        if found.st_size > max_pixels * 16 + 2**20:
            raise InputError(f"{name}: is larger than any depth file; scale it down")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({reason(error)}); check the path") from error
    except ValueError as error:
        raise InputError(f"{name}: is not a path; check it") from error
    if not content:
        raise InputError(f"{name}: is empty; copy it again")
    return content


def _kind(content: bytes) -> str | None:
    """The format, by content."""
    for kind, starts in _STARTS.items():
        if content.startswith(starts):
            return kind
    return None


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise InputError(
            f"{name}: has {width} x {height} pixels, more than the {max_pixels} allowed; "
            "scale it down"
        )


def _picture(content: bytes, name: str, max_pixels: int) -> tuple[Values, None]:
    from PIL import Image

    with exif.quiet():  # and so alone with Pillow's pixel limit, which is global
        allowed, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(BytesIO(content), formats=("PNG", "TIFF"))
        finally:
            Image.MAX_IMAGE_PIXELS = allowed
        _check_size(*image.size, name, max_pixels)
        if image.mode not in ("L", "I", "F") and not image.mode.startswith("I;16"):
            raise InputError(
                f"{name}: is a picture (mode {image.mode}), not depth; "
                "give one grey channel of 16 bits"
            )
        return np.asarray(image), None


def _portable(content: bytes, name: str, max_pixels: int) -> tuple[Values, None]:
    values = pfm.decode(content, name)
    _check_size(values.shape[1], values.shape[0], name, max_pixels)
    return values, None


def _array(content: bytes, name: str, max_pixels: int) -> tuple[Values, None]:
    return _numbers(BytesIO(content), len(content), name, max_pixels), None


def _arrays(content: bytes, name: str, max_pixels: int) -> tuple[Values, Values | None]:
    """NPZ: the array named depth, or the only one; `confidence` beside it is taken too."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        sizes = {
            entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.infolist()
        }

        def load(key: str) -> Values:
            if sizes[key] > max_pixels * 16 + 2**20:
                raise InputError(f"{name}: {key} is larger than any depth; scale it down")
            return _numbers(
                BytesIO(archive.read(f"{key}.npy")), sizes[key], f"{name}: {key}", max_pixels
            )

        others = [key for key in sizes if key != "confidence"]
        if "depth" not in sizes and len(others) != 1:
            raise InputError(
                f"{name}: holds {', '.join(sizes) or 'nothing'}; name the depth array depth"
            )
        depth = load("depth" if "depth" in sizes else others[0])
        return depth, load("confidence") if "confidence" in sizes else None


def _numbers(file: BytesIO, size: int, name: str, max_pixels: int) -> Values:
    version = np.lib.format.read_magic(file)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise InputError(f"{name}: holds Python objects, which can run code; save plain numbers")
    if len(shape) in (2, 3):
        _check_size(shape[-1], shape[-2] * (shape[0] if len(shape) == 3 else 1), name, max_pixels)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > size - file.tell():
        raise InputError(f"{name}: is cut short; copy it again")
    file.seek(0)
    return np.asarray(np.load(file, allow_pickle=False))


def _exr(content: bytes, name: str, max_pixels: int) -> tuple[Values, None]:
    """The channel Z or depth, or the only one."""
    try:
        openexr: Any = importlib.import_module("OpenEXR")
    except ImportError as error:
        raise MissingExtra("Reading EXR depth", "exr") from error

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "depth.exr"  # the package opens paths only
        copy.write_bytes(content)
        with openexr.File(str(copy), header_only=True) as file:
            low, high = file.header()["dataWindow"]
            width, height = (int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
            _check_size(width, height, name, max_pixels)
        with openexr.File(str(copy), separate_channels=True) as file:
            channels = {key: channel.pixels for key, channel in file.channels().items()}
    named = [key for key in channels if key.rpartition(".")[2].lower() in ("z", "depth")]
    wanted = named or list(channels)
    if len(wanted) != 1:
        raise InputError(f"{name}: holds {', '.join(channels)}; save depth as the channel Z")
    return np.asarray(channels[wanted[0]]), None


_STARTS: dict[str, tuple[bytes, ...]] = {
    "png": (b"\x89PNG\r\n\x1a\n",),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "pfm": (b"Pf", b"PF"),
    "npy": (b"\x93NUMPY",),
    "npz": (b"PK\x03\x04",),
    "exr": (b"\x76\x2f\x31\x01",),
}

_DECODERS: dict[str, Callable[[bytes, str, int], tuple[Values, Values | None]]] = {
    "png": _picture,
    "tiff": _picture,
    "pfm": _portable,
    "npy": _array,
    "npz": _arrays,
    "exr": _exr,
}
