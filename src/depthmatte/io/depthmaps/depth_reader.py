"""Read depth files.

- Integers (PNG, TIFF and PGM of 16 or 32 bits, NPY, NPZ) are millimeters by default. `scale` is
  the number of units in a meter (1000 for mm; TUM RGB-D 5000, KITTI 256).
- Floats (TIFF, PFM, NPY, NPZ, EXR) are meters by default.
- 8 bits are relative depth by default, 0 nearest and 255 farthest.
- Equal channels count as one.

`kind` states that larger numbers are nearer (`inverse`, `disparity`). `RawDepth.unit` states the
unit that was used. Zero, negative numbers, NaN and infinity are MISSING. So are distances above
1000 km, which renderers write for the sky.

Reading takes at most 12 bytes per pixel, or 2 GB for a file below 5 MB. Planes are read in bands,
and maps above 16 million pixels are downsampled to that number.
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
from ...system.printable_text import describe_os_error, label, short
from ..photo import exif, png_chunks
from ..photo.open_picture import MAX_PHOTO_PIXELS
from ..photo.read_errors import one_line_errors
from . import array_files, picture_files
from .downsample import Downsampler
from .inverse_depth import disparity_to_relative_depth, inverse_to_relative_depth
from .picture_files import to_one_channel

_Decoder = Callable[[bytes, str, int], tuple[NDArray[Any], NDArray[Any] | None]]

_DEPTH_FORMATS = "16-bit PNG, TIFF, PGM, PFM, NPY, NPZ or EXR"

_MIN_MEDIAN_METERS, _MAX_MEDIAN_METERS = 0.05, 200.0
"""Range of the median depth of a plausible file, in meters."""

_SKY_METERS = 1e6
"""Distance from which on depth is missing: renderers write such numbers for the sky."""

_MAX_UNITS_PER_METER = 1e9


def read_depth_file(
    path: str | os.PathLike[str],
    scale: float | None = None,
    max_pixels: int = MAX_PHOTO_PIXELS,
    kind: DepthKind = "auto",
) -> RawDepth:
    """Read a depth file.

    Parameters
    ----------
    path : path
        The file; its format is recognized by content.
    scale : float, optional
        Units per meter. For `disparity`: focal length times baseline, so that `scale` divided
        by a number is in meters.
    max_pixels : int
        Limit of pixels.
    kind : {"auto", "distance", "inverse", "disparity"}
        Meaning of the numbers, see `to_raw_depth`.

    Returns
    -------
    RawDepth
        In meters, or relative, see the module's description.

    Raises
    ------
    InputError
        For what is no depth file, and for values that are not plausible as meters.
    MissingExtra
        For EXR without the package OpenEXR.
    """
    name = label(path)
    _check_options(scale, kind)
    content = _read_bytes(Path(path), name, max_pixels)
    form = _recognize_format(content)
    if form is None:
        raise InputError(f"{name}: is no depth file; give {_DEPTH_FORMATS}")
    with one_line_errors(name, _DEPTH_FORMATS):
        values, confidence = _decode(form, content, name, max_pixels)
    del content
    return to_raw_depth(values, form, scale, name, confidence, kind)


def _decode(
    form: str, content: bytes, name: str, max_pixels: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if form in ("png", "tiff"):  # suppresses warnings itself
        return _DECODERS[form](content, name, max_pixels)
    with exif.quiet_pillow():  # NumPy and OpenEXR warn of odd headers that they can read
        return _DECODERS[form](content, name, max_pixels)


def to_raw_depth(
    values: NDArray[Any],
    form: str,
    scale: float | None = None,
    name: str = "array",
    confidence: NDArray[Any] | None = None,
    kind: DepthKind = "auto",
) -> RawDepth:
    """Convert the numbers of a file or device to RawDepth by the rules of this module.

    Parameters
    ----------
    values : ndarray
        (h, w), or with a further axis of length 1 or of equal channels.
    form : str
        Format of the numbers for reports: "png", "npy", ...
    scale : float, optional
        Units per meter; for `disparity` focal length times baseline.
    name : str
        Name for messages.
    confidence : ndarray, optional
        (h, w): floats in [0, 1], integers up to 255 or 65535, or ARKit's 0, 1, 2 for low,
        medium, high.
    kind : {"auto", "distance", "inverse", "disparity"}
        `distance`: larger is farther. `inverse`: larger is nearer, with an unknown scale and
        shift, as from MiDaS and Depth Anything; the depth is relative. `disparity`: larger is
        nearer and 0 is infinity; the depth is in meters with a `scale`, else relative.
        `auto`: distance, marked as assumed (`RawDepth.direction_assumed`).

    Returns
    -------
    RawDepth
        In meters or relative.

    Raises
    ------
    InputError
        For what is no plane of numbers, and for values that are not plausible as meters.
    """
    _check_options(scale, kind)
    values = _plane(values, name)
    if kind in ("inverse", "disparity"):
        return _inverse_to_depth(values, form, scale, name, confidence, kind)
    assumed = kind == "auto"
    if values.dtype == np.uint8 and scale is None:
        z = values.astype(np.float32) / np.float32(255)
        validity = np.full(z.shape, DepthStatus.VALID, np.uint8)
        unit = "relative, 8 bits: 0 near, 255 far"
        return RawDepth(
            z, validity, False, form, unit=unit, confidence=_confidence(confidence, z, name),
            direction_assumed=assumed,
        )  # fmt: skip
    is_integer = values.dtype.kind in "ui"
    per_meter = scale or (1000.0 if is_integer else 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        z = values.astype(np.float32)
        z /= np.float32(per_meter)
        valid = (z > 0) & (z < _SKY_METERS)
    z[~valid] = 0
    _check_meters(z[valid], per_meter, name)
    validity = np.where(valid, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    unit = f"{per_meter:g} per meter" if scale else ("mm, assumed" if is_integer else "m, assumed")
    return RawDepth(
        z,
        validity,
        True,
        form,
        unit=unit,
        confidence=_confidence(confidence, z, name),
        direction_assumed=assumed,
    )


def _inverse_to_depth(
    values: NDArray[Any],
    form: str,
    scale: float | None,
    name: str,
    confidence: NDArray[Any] | None,
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
        z, valid = inverse_to_relative_depth(numbers)
        unit = "relative, inverse: larger is nearer"
    elif scale is None:
        z, valid = disparity_to_relative_depth(numbers)
        unit = "relative, disparity without a scale"
    else:
        valid = (numbers > 0) & (numbers < np.inf)
        with np.errstate(over="ignore"):
            z = np.asarray(np.float32(scale) / np.where(valid, numbers, 1), np.float32)
        valid &= (z > 0) & (z < _SKY_METERS)
        z[~valid] = 0
        _check_meters(z[valid], scale, name)
        unit = f"disparity, {scale:g} at 1 m"
    validity = np.where(valid, np.uint8(DepthStatus.VALID), np.uint8(DepthStatus.MISSING))
    is_metric = kind == "disparity" and scale is not None
    confidence = _confidence(confidence, z, name)
    return RawDepth(z, validity, is_metric, form, unit=unit, confidence=confidence)


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


def _plane(values: NDArray[Any], name: str) -> NDArray[Any]:
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


def _check_meters(z: NDArray[Any], per_meter: float, name: str) -> None:
    """Raise InputError where the median depth is not plausible, so that the scale is wrong."""
    if not z.size:
        return
    middle = float(np.median(z))
    if not _MIN_MEDIAN_METERS <= middle <= _MAX_MEDIAN_METERS:
        raise InputError(
            f"{name}: its median depth is {middle:.3g} m at {per_meter:g} units per meter, which "
            "is not plausible; give --depth-scale (1000 for mm, 1 for meters, 5000 for TUM)"
        )


def _confidence(
    confidence: NDArray[Any] | None, z: NDArray[Any], name: str
) -> NDArray[np.float32] | None:
    """Confidence as float32 (h, w) in [0, 1]."""
    if confidence is None:
        return None
    plane = np.asarray(confidence)
    if plane.ndim == 3 and 1 in (plane.shape[0], plane.shape[2]):
        plane = plane[0] if plane.shape[0] == 1 else plane[..., 0]
    if plane.ndim == 2 and plane.size:
        plane = Downsampler(*plane.shape).of(plane)
    if plane.shape != z.shape or plane.dtype.kind not in "uifb":
        raise InputError(
            f"{name}: confidence {short(plane.shape)} does not match depth {z.shape}; correct it"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        share = plane.astype(np.float32)
    if plane.dtype.kind in "ui":
        share /= np.float32(_confidence_maximum(int(plane.max())))
    return np.asarray(np.clip(np.nan_to_num(share), 0, 1), np.float32)


def _confidence_maximum(largest: int) -> float:
    """The full scale of integer confidence: 1 (a mask), ARKit's 2, 255 or 65535."""
    return next((top for top in (1, 2, 255) if largest <= top), 65535)


def _read_bytes(path: Path, name: str, max_pixels: int) -> bytes:
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


def _recognize_format(content: bytes) -> str | None:
    for form, starts in _FIRST_BYTES.items():
        if content.startswith(starts):
            return form
    return None


def _without_confidence(decode: Callable[[bytes, str, int], NDArray[Any]]) -> _Decoder:
    return lambda content, name, max_pixels: (decode(content, name, max_pixels), None)


_FIRST_BYTES: dict[str, tuple[bytes, ...]] = {
    "png": (png_chunks.PNG_SIGNATURE,),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "pgm": (b"P5", b"P2"),
    "pfm": (b"Pf", b"PF"),
    "npy": (b"\x93NUMPY",),
    "npz": (b"PK\x03\x04",),
    "exr": (b"\x76\x2f\x31\x01",),
}

_DECODERS: dict[str, _Decoder] = {
    "png": _without_confidence(picture_files.decode_picture_depth),
    "tiff": _without_confidence(picture_files.decode_picture_depth),
    "pgm": _without_confidence(picture_files.decode_pgm_depth),
    "pfm": _without_confidence(array_files.decode_pfm_depth),
    "npy": _without_confidence(array_files.decode_npy_depth),
    "npz": array_files.decode_npz_depth,
    "exr": _without_confidence(array_files.decode_exr_depth),
}
