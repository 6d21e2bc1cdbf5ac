"""Depth files in: one file -> RawDepth.

- PNG, TIFF and PGM of 16 or 32 bits and NPY/NPZ of whole numbers hold millimeters unless told
  otherwise: `scale` is the number of units in a meter (1000; TUM RGB-D 5000, KITTI 256).
- Floats (TIFF, PFM, NPY/NPZ, EXR) are meters unless told otherwise.
- 8 bits hold relative depth, 0 nearest and 255 farthest: no camera measures so coarsely.
- Channels that are equal count as one.

`kind` says that larger numbers are nearer instead (`inverse`, `disparity`). `RawDepth.unit`
says what was taken. Zero, negative numbers, NaN and infinity are MISSING, and so is what lies
beyond a thousand kilometers: renderers write such numbers for the sky.

Reading takes at most 12 bytes a pixel, or 2 GB for a file under 5 MB, whatever it claims to
hold: planes are read in bands, and of maps above 16 million pixels a grid of these is kept.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...evidence import DepthStatus, RawDepth
from ...options import DepthKind
from ...system.text import describe_os_error, label, short
from ...types import _Values
from ..photo import exif, png_chunks
from ..photo.open_picture import MAX_PHOTO_PIXELS
from ..photo.read_errors import one_line_errors
from . import array_files, picture_files
from .downsample import Downsampler
from .inverse_depth import disparity_to_relative_depth, inverse_to_relative_depth
from .picture_files import to_one_channel

_Decoder = Callable[[bytes, str, int], tuple[_Values, _Values | None]]

_DEPTH_FORMATS = "16-bit PNG, TIFF, PGM, PFM, NPY, NPZ or EXR"

_MIN_MEDIAN_METERS, _MAX_MEDIAN_METERS = 0.05, 200.0
"""Meters between which the median depth of a sensible file lies."""

_SKY_METERS = 1e6

_MAX_UNITS_PER_METER = 1e9
"""Most units per meter."""


def read_depth_file(
    path: str | os.PathLike[str],
    scale: float | None = None,
    max_pixels: int = MAX_PHOTO_PIXELS,
    kind: DepthKind = "auto",
) -> RawDepth:
    """A depth file as RawDepth in meters, or relative for 8 bits without a `scale`.

    Parameters
    ----------
    path : path
        The file; its format is told by its content.
    scale : float, optional
        How many of the file's units make a meter. For `disparity`: what divided by a number of
        the file gives meters, that is focal length times baseline.
    max_pixels : int
        How many pixels it may have.
    kind : {"auto", "distance", "inverse", "disparity"}
        What the numbers are, see `raw_depth`.

    Raises
    ------
    InputError
        For what is no depth file, and where the values make no sense as meters.
    MissingExtra
        For EXR without the package that reads it.
    """
    name = label(path)
    _check_options(scale, kind)
    content = _content(Path(path), name, max_pixels)
    form = _kind(content)
    if form is None:
        raise InputError(f"{name}: is no depth file; give {_DEPTH_FORMATS}")
    with one_line_errors(name, _DEPTH_FORMATS):
        values, confidence = _decoded(form, content, name, max_pixels)
    del content
    return to_raw_depth(values, form, scale, name, confidence, kind)


def _decoded(
    form: str, content: bytes, name: str, max_pixels: int
) -> tuple[_Values, _Values | None]:
    if form in ("png", "tiff"):  # keeps Pillow's warnings back itself
        return _DECODERS[form](content, name, max_pixels)
    with exif.quiet_pillow():  # NumPy and OpenEXR warn of odd headers that they then cope with
        return _DECODERS[form](content, name, max_pixels)


def to_raw_depth(
    values: _Values,
    form: str,
    scale: float | None = None,
    name: str = "array",
    confidence: _Values | None = None,
    kind: DepthKind = "auto",
) -> RawDepth:
    """Numbers as a file or device gives them -> RawDepth, by the rules of this module.

    Parameters
    ----------
    values : array (h, w)
        Or with an axis of 1, or of equal channels.
    form : str
        What the numbers came in, for reports: "png", "npy", ...
    scale : float, optional
        Units per meter; of a disparity, focal length times baseline.
    name : str
        For messages.
    confidence : array (h, w), optional
        Floats in [0, 1], 8 bits of 255, or ARKit's 0, 1, 2 for low, medium, high.
    kind : {"auto", "distance", "inverse", "disparity"}
        `distance`: larger is farther. `inverse`: larger is nearer, as networks such as MiDaS
        and Depth Anything give it, up to an unknown scale and shift; relative depth.
        `disparity`: larger is nearer and 0 infinitely far; meters with a `scale`, else relative.
        `auto`: distance, and whoever uses it may find that it cannot be (`RawDepth.assumed`).

    Raises
    ------
    InputError
        For what is no plane of numbers, and where they make no sense as meters.
    """
    _check_options(scale, kind)
    values = _plane(values, name)
    if kind in ("inverse", "disparity"):
        return _inverse(values, form, scale, name, confidence, kind)
    assumed = kind == "auto"
    if values.dtype == np.uint8 and scale is None:
        z = values.astype(np.float32) / np.float32(255)
        validity = np.full(z.shape, DepthStatus.VALID, np.uint8)
        unit = "relative, 8 bits: 0 near, 255 far"
        return RawDepth(
            z, validity, False, form, unit=unit, confidence=_confidence(confidence, z, name),
            direction_assumed=assumed,
        )  # fmt: skip
    whole = values.dtype.kind in "ui"
    per_meter = scale or (1000.0 if whole else 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        z = values.astype(np.float32)
        z /= np.float32(per_meter)
        seen = (z > 0) & (z < _SKY_METERS)
    z[~seen] = 0
    _check_meters(z[seen], per_meter, name)
    validity = np.where(seen, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    unit = f"{per_meter:g} per metre" if scale else ("mm, assumed" if whole else "m, assumed")
    return RawDepth(
        z,
        validity,
        True,
        form,
        unit=unit,
        confidence=_confidence(confidence, z, name),
        direction_assumed=assumed,
    )


def _inverse(
    values: _Values,
    form: str,
    scale: float | None,
    name: str,
    confidence: _Values | None,
    kind: DepthKind,
) -> RawDepth:
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = values.astype(np.float32)
    if kind == "inverse":
        if scale is not None:
            raise InputError(
                f"{name}: inverse depth of unknown scale has no units per meter; leave the scale "
                "out, or say that it is a disparity"
            )
        z, seen = inverse_to_relative_depth(numbers)
        unit = "relative, inverse: larger is nearer"
    elif scale is None:
        z, seen = disparity_to_relative_depth(numbers)
        unit = "relative, disparity without a scale"
    else:
        seen = (numbers > 0) & (numbers < np.inf)
        with np.errstate(over="ignore"):
            z = np.asarray(np.float32(scale) / np.where(seen, numbers, 1), np.float32)
        seen &= (z > 0) & (z < _SKY_METERS)
        z[~seen] = 0
        _check_meters(z[seen], scale, name)
        unit = f"disparity, {scale:g} at 1 m"
    validity = np.where(seen, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    sure = _confidence(confidence, z, name)
    return RawDepth(
        z, validity, kind == "disparity" and scale is not None, form, unit=unit, confidence=sure
    )


def _check_options(scale: float | None, kind: str) -> None:
    number: Any = scale
    if scale is not None and not (
        isinstance(number, Real) and 0 < float(number) <= _MAX_UNITS_PER_METER
    ):
        raise InputError(
            f"depth scale {short(scale)}: must be positive and at most {_MAX_UNITS_PER_METER:g}; "
            "give units per meter"
        )
    if kind not in get_args(DepthKind):
        raise InputError(f"depth kind {short(kind)}: use {', '.join(get_args(DepthKind))}")


def _plane(values: _Values, name: str) -> _Values:
    values = np.asarray(values)
    if values.dtype.kind not in "uif":
        raise InputError(f"{name}: holds {short(values.dtype)}, not depth; give numbers")
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[2] in (1, 3, 4):
        values = to_one_channel(values, name)
    if values.ndim != 2 or not values.size:
        raise InputError(
            f"{name}: has the shape {short(values.shape)}, depth has (height, width); "
            "save one plane"
        )
    return Downsampler(*values.shape).of(values)


def _check_meters(z: _Values, per_meter: float, name: str) -> None:
    """A wrong scale must not pass quietly."""
    if not z.size:
        return
    middle = float(np.median(z))
    if not _MIN_MEDIAN_METERS <= middle <= _MAX_MEDIAN_METERS:
        raise InputError(
            f"{name}: its median depth is {middle:.3g} m at {per_meter:g} units per metre, which "
            "makes no sense; give --depth-scale (1000 for mm, 1 for metres, 5000 for TUM)"
        )


def _confidence(confidence: _Values | None, z: _Values, name: str) -> NDArray[np.float32] | None:
    """Confidence in [0, 1]."""
    if confidence is None:
        return None
    plane = np.asarray(confidence)
    if plane.ndim == 3 and 1 in (plane.shape[0], plane.shape[2]):
        plane = plane[0] if plane.shape[0] == 1 else plane[..., 0]
    if plane.ndim == 2 and plane.size:
        plane = Downsampler(*plane.shape).of(plane)
    if plane.shape != z.shape or plane.dtype.kind not in "uifb":
        raise InputError(
            f"{name}: confidence {short(plane.shape)} does not match depth {z.shape}; mend it"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        share = plane.astype(np.float32)
    if plane.dtype.kind in "ui":
        share /= np.float32(_confidence_maximum(int(plane.max())))
    return np.asarray(np.clip(np.nan_to_num(share), 0, 1), np.float32)


def _confidence_maximum(largest: int) -> float:
    """What whole numbers of confidence are parts of: 1 (a mask), ARKit's 2, 255 or 65535."""
    return next((top for top in (1, 2, 255) if largest <= top), 65535)


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
        raise InputError(
            f"{name}: cannot be read ({describe_os_error(error)}); check the path"
        ) from error
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


def _alone(decode: Callable[[bytes, str, int], _Values]) -> _Decoder:
    return lambda content, name, most: (decode(content, name, most), None)


_STARTS: dict[str, tuple[bytes, ...]] = {
    "png": (png_chunks.PNG_SIGNATURE,),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "pgm": (b"P5", b"P2"),
    "pfm": (b"Pf", b"PF"),
    "npy": (b"\x93NUMPY",),
    "npz": (b"PK\x03\x04",),
    "exr": (b"\x76\x2f\x31\x01",),
}

_DECODERS: dict[str, _Decoder] = {
    "png": _alone(picture_files.decode_picture_depth),
    "tiff": _alone(picture_files.decode_picture_depth),
    "pgm": _alone(picture_files.decode_pgm_depth),
    "pfm": _alone(array_files.decode_pfm_depth),
    "npy": _alone(array_files.decode_npy_depth),
    "npz": array_files.decode_npz_depth,
    "exr": _alone(array_files.decode_exr_depth),
}
