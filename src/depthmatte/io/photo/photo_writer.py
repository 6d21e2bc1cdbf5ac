"""Write pictures atomically, in the format that the suffix names."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, MissingExtra
from ...photo import Meta
from ...system.atomic_write import atomic_draft, refuse_inputs
from ...system.printable_text import Place, describe_os_error, label
from . import png_writer
from .output_file import CheckedWriter

_File = TypeVar("_File", bound=BinaryIO)

_DEFAULT_QUALITY = 95
"""Default JPEG and WebP quality: differences are hard to see."""

_EXIF_LIMIT = 65_533
"""Bytes of EXIF that fit one JPEG segment."""


@dataclass(frozen=True)
class _FileFormat:
    """What a file format can hold; `max_side` is the longest width or height in pixels."""

    name: str
    has_alpha: bool = True
    has_16bit: bool = False
    has_gray: bool = True
    max_side: int = 2**31 - 1


_PNG = _FileFormat("PNG", has_16bit=True)
_TIFF = _FileFormat("TIFF", has_16bit=True)
_JPEG = _FileFormat("JPEG", has_alpha=False, max_side=65_500)
_WEBP = _FileFormat("WEBP", max_side=16_383)
_AVIF = _FileFormat("AVIF", max_side=65_535)
_EXR = _FileFormat("EXR", has_gray=False)
_FORMATS = {
    ".png": _PNG,
    ".webp": _WEBP,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".avif": _AVIF,
    ".exr": _EXR,
}
WRITABLE_SUFFIXES = tuple(_FORMATS)
"""Suffixes of pictures that can be written, with their dots."""


def to_8bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert a map in [0, 1] to 8 bits: the nearest of 256 levels, ties to even.

    Parameters
    ----------
    values : ndarray
        Floats or booleans of any shape; values outside [0, 1] are clipped.

    Returns
    -------
    ndarray
        uint8 of the same shape.

    Raises
    ------
    InputError
        Where a value is not finite.
    """
    return _levels(values, 255).astype(np.uint8)


def to_16bit(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Convert a map in [0, 1] to uint16, as `to_8bit` does to uint8.

    Returns
    -------
    ndarray
        uint16 of the same shape: the nearest of 65536 levels.
    """
    return _levels(values, 65_535).astype(np.uint16)


def _levels(values: NDArray[Any], top: int) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise InputError(
            "a map with values that are not finite cannot be written; replace them first"
        )
    levels: NDArray[np.float32] = np.multiply(values, np.float32(top), dtype=np.float32)
    np.clip(levels, 0, top, out=levels)
    return np.rint(levels, out=levels)


@overload
def write(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    path: Place,
    meta: Meta | None = None,
    quality: int = _DEFAULT_QUALITY,
    forbid: Place | Iterable[Place] = (),
    format: str | None = None,
    threads: int = 1,
) -> Path: ...
@overload
def write(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    path: _File,
    meta: Meta | None = None,
    quality: int = _DEFAULT_QUALITY,
    forbid: Place | Iterable[Place] = (),
    format: str | None = None,
    threads: int = 1,
) -> _File: ...
def write(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    path: Place | BinaryIO,
    meta: Meta | None = None,
    quality: int = _DEFAULT_QUALITY,
    forbid: Place | Iterable[Place] = (),
    format: str | None = None,
    threads: int = 1,
) -> Path | BinaryIO:
    """Write a picture in the format that its suffix names.

    Missing folders are made. An older file is replaced only once the new one is complete. A
    failure leaves no file behind.

    Parameters
    ----------
    array : ndarray
        uint8 (H, W), (H, W, 3) or (H, W, 4) with straight alpha; for PNG and TIFF also uint16
        (H, W).
    path : path or binary file
        Where to write; an open file is left open.
    meta : Meta, optional
        EXIF, profile and resolution to keep. The profile is kept only for color pictures. EXIF
        that does not fit a JPEG segment (64 KB) is dropped.
    quality : int
        1 to 100, for JPEG, AVIF and color WebP. Other formats, and gray WebP, are lossless.
    forbid : path or iterable of paths
        Files that are never replaced, in addition to the photo's own file (`meta.path`).
    format : {"png", "jpg", "webp", "tiff", "avif", "exr"}, optional
        Used instead of the suffix. An open file gets PNG by default.
    threads : int
        Threads that compress a PNG.

    Returns
    -------
    Path or binary file
        Where it was written.

    Raises
    ------
    InputError
        For a picture, suffix or place that does not work, and for a full disk.
    MissingExtra
        For EXR without the package OpenEXR.
    """
    if not isinstance(path, str | os.PathLike):
        return write_to_file(array, path, format or "png", meta, quality, threads)
    path = Path(path)
    form = format_from_suffix(path) if format is None else _format_from_name(format, label(path))
    job = _Job.of(array, form, label(path), meta, quality, threads)
    refuse_inputs(path, forbid)
    if meta is not None and meta.path:
        refuse_inputs(path, meta.path)
    with atomic_draft(path, folders=True) as draft, draft.open("wb") as file:
        job.run(file)
    return path


def write_to_file(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    file: _File,
    format: str = "png",
    meta: Meta | None = None,
    quality: int = _DEFAULT_QUALITY,
    threads: int = 1,
) -> _File:
    """Write a picture into an open binary file, which is left open.

    Parameters
    ----------
    array, meta, quality, threads
        As for `write`.
    file : binary file
        Open for writing.
    format : {"png", "jpg", "webp", "tiff", "avif"}
        The file format.

    Returns
    -------
    binary file
        The same file.

    Raises
    ------
    InputError
        Where the file does not take bytes, and as for `write`.
    """
    content = encode_picture(array, format, meta, quality, threads)
    given = getattr(file, "name", None)
    name = label(given) if isinstance(given, str) else "stream"
    try:
        CheckedWriter(file).write(content)
        file.flush()
    except OSError as error:
        raise InputError(
            f"{name}: cannot be written ({describe_os_error(error)}); make room or write elsewhere"
        ) from error
    except (AttributeError, TypeError, ValueError) as error:  # closed, text, or not a file
        raise InputError(f"{name}: takes no bytes; give a path or an open binary file") from error
    return file


def encode_picture(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    format: str = "png",
    meta: Meta | None = None,
    quality: int = _DEFAULT_QUALITY,
    threads: int = 1,
) -> bytes:
    """Encode a picture to the bytes of a file.

    Parameters
    ----------
    array, meta, quality, threads
        As for `write`.
    format : {"png", "jpg", "webp", "tiff", "avif"}
        The file format.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        As for `write`.
    """
    file = io.BytesIO()
    _Job.of(array, _format_from_name(format, "picture"), "picture", meta, quality, threads).run(
        file
    )
    return file.getvalue()


def write_file_bytes(content: bytes, path: Place, forbid: Place | Iterable[Place] = ()) -> Path:
    """Write the bytes of a complete file atomically; path, forbid and errors as for `write`."""
    path = Path(path)
    refuse_inputs(path, forbid)
    with atomic_draft(path, folders=True) as draft:
        draft.write_bytes(content)
    return path


def format_from_suffix(path: Path) -> _FileFormat:
    """Return the format that a suffix names.

    Raises
    ------
    InputError
        For a suffix that cannot be written.
    """
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(
            f"{label(path)}: suffix {label(path.suffix) or '(none)'} cannot be written; "
            f"use one of {' '.join(WRITABLE_SUFFIXES)}"
        )
    return form


def _format_from_name(format: str, name: str) -> _FileFormat:
    """The format of a name such as "png" or ".png"."""
    form = _FORMATS.get(f".{format.lower().removeprefix('.')}")
    if form is None:
        raise InputError(
            f"{name}: format {label(format)} cannot be written; use png, webp, jpg, tiff, avif or "
            "exr"
        )
    return form


@dataclass(frozen=True)
class _Job:
    """A checked picture and how it is encoded; `name` is for messages."""

    array: NDArray[Any]
    form: _FileFormat
    name: str
    meta: Meta
    quality: int
    threads: int

    @classmethod
    def of(
        cls,
        array: NDArray[Any],
        form: _FileFormat,
        name: str,
        meta: Meta | None,
        quality: int,
        threads: int,
    ) -> _Job:
        """Raises InputError for what the format cannot hold."""
        _check(array, form, name)
        if not 1 <= quality <= 100:
            raise InputError(f"{name}: quality {quality} is out of range; use 1 to 100")
        return cls(array, form, name, meta or Meta(), quality, threads)

    def run(self, file: BinaryIO) -> None:
        """Encode into an open file that is empty."""
        meta, sink = self.meta, CheckedWriter(file)
        try:
            if self.form is _PNG:
                icc = meta.icc if self.array.ndim == 3 else None
                png_writer.write_png(self.array, sink, icc, meta.exif, _dpi(meta), self.threads)
            elif self.form is _EXR:
                # Imported late, because it loads OpenCV.
                from ..files.exr_file import encode_exr

                sink.write(encode_exr(self.array, meta.icc))
            else:
                from PIL import Image

                options = _options(self.array, self.form, meta, self.quality)
                picture = Image.fromarray(np.ascontiguousarray(self.array))
                picture.save(cast(Any, sink), self.form.name, **options)
        except MissingExtra:
            raise
        except Exception as error:  # damaged metadata makes encoders raise errors of any kind
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(
                f"{self.name}: cannot be written ({label(str(error))}); try another suffix"
            ) from error


def _dpi(meta: Meta) -> tuple[float, float] | None:
    """Pixels per inch, if files can hold such numbers."""
    return meta.dpi if meta.dpi and all(0 < number < 65_535 for number in meta.dpi) else None


def _check(array: Any, form: _FileFormat, name: str) -> None:
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name}: cannot write {type(array).__name__}; give an array of pixels")
    shape = np.shape(array)
    is_color = array.dtype == np.uint8 and len(shape) == 3 and shape[2] in (3, 4)
    if not is_color and not (array.dtype in (np.uint8, np.uint16) and len(shape) == 2):
        raise InputError(
            f"{name}: cannot write {array.dtype} {shape}; give uint8 (H, W), (H, W, 3), "
            "(H, W, 4) or uint16 (H, W), see to_8bit and to_16bit"
        )
    if not is_color and not form.has_gray:
        raise InputError(f"{name}: {form.name} holds colors here; write maps as .png or .tif")
    if min(shape) < 1:
        raise InputError(f"{name}: the picture has no pixels; give another")
    if max(shape[:2]) > form.max_side:
        raise InputError(
            f"{name}: {form.name} holds at most {form.max_side} pixels a side, this has "
            f"{max(shape[:2])}; use .png or .tif"
        )
    if is_color and shape[2] == 4 and not form.has_alpha:
        raise InputError(f"{name}: {form.name} has no transparency; use .png, .webp or .tif")
    if array.dtype == np.uint16 and not form.has_16bit:
        raise InputError(f"{name}: {form.name} holds no 16 bits; use .png or .tif")


def _options(array: NDArray[Any], form: _FileFormat, meta: Meta, quality: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if meta.icc and array.ndim == 3:
        options["icc_profile"] = meta.icc
    if meta.exif and not (form is _JPEG and len(meta.exif) > _EXIF_LIMIT):
        options["exif"] = meta.exif
    if dpi := _dpi(meta):
        options["dpi"] = dpi
    if form is _TIFF:
        # libtiff, which compresses for Pillow, cannot write EXIF.
        options["compression"] = "raw" if "exif" in options else "tiff_adobe_deflate"
    elif form is _AVIF:
        options |= {"quality": quality, "subsampling": "4:4:4"}
    elif form is _JPEG:
        # Full color resolution: subsampled color is visible at the outline of a subject.
        options |= {"quality": quality, "subsampling": 0}
    else:
        # Maps are measurements, so they are lossless.
        options |= {"lossless": True} if array.ndim == 2 else {"quality": quality}
    return options
