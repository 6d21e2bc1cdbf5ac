"""Pictures out: the format by suffix, the file whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..photo import Meta
from .label import Place, label
from .replace import refuse_inputs, replacing

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 95
"""JPEG and WebP quality unless the caller says otherwise: differences are hard to see."""

_EXIF_LIMIT = 65_533
"""Bytes of EXIF that one JPEG segment holds."""


@dataclass(frozen=True)
class Format:
    """What a file format can hold; `side` is the longest width or height."""

    name: str
    alpha: bool = True
    deep: bool = False
    side: int = 2**31 - 1


_PNG = Format("PNG", deep=True)
_TIFF = Format("TIFF", deep=True)
_JPEG = Format("JPEG", alpha=False, side=65_500)
_WEBP = Format("WEBP", side=16_383)
_FORMATS = {
    ".png": _PNG,
    ".webp": _WEBP,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
}
SUFFIXES = tuple(_FORMATS)


def to_8bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """[0, 1] (or boolean) -> uint8 of the same shape: the nearest of 256 levels, ties to even.

    Values outside [0, 1] are clipped. Raises InputError where a value is not finite.
    """
    return _levels(values, 255).astype(np.uint8)


def to_16bit(values: NDArray[Any]) -> NDArray[np.uint16]:
    """[0, 1] (or boolean) -> uint16 of the same shape: the nearest of 65536 levels.

    Rounds and raises as `to_8bit` does.
    """
    return _levels(values, 65_535).astype(np.uint16)


def _levels(values: NDArray[Any], top: int) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise InputError("a map with values that are not finite cannot be written; mend it first")
    levels: NDArray[np.float32] = np.multiply(values, np.float32(top), dtype=np.float32)
    np.clip(levels, 0, top, out=levels)
    return np.rint(levels, out=levels)


def write(
    array: NDArray[np.uint8] | NDArray[np.uint16],
    path: Place,
    meta: Meta | None = None,
    quality: int = QUALITY,
    forbid: Place | Iterable[Place] = (),
) -> Path:
    """Write a picture in the format its suffix names; returns the path (SPEC row B4).

    `array` is uint8 (H, W), (H, W, 3) or (H, W, 4) with straight alpha, or for PNG and TIFF
    also uint16 (H, W). EXIF and ICC of `meta` are kept, the profile only beside colour, and
    EXIF over a JPEG segment's 64 KB is left out. `quality` 1 to 100 is for JPEG and colour
    WebP; all else loses nothing. Folders are made as needed, an older file is replaced only
    once the new one is whole, and no file of `forbid` (the photo itself) is ever replaced.

    Raises InputError for a picture, suffix or place that does not work.
    """
    path = Path(path)
    form = form_of(path)
    _check(array, form, path)
    if not 1 <= quality <= 100:
        raise InputError(f"{label(path)}: quality {quality} is out of range; use 1 to 100")
    refuse_inputs(path, [forbid] if isinstance(forbid, str | os.PathLike) else forbid)
    options = _options(array, form, meta or Meta(), quality)
    with replacing(path, folders=True) as draft:
        _save(array, draft, path, form.name, options)
    return path


def form_of(path: Path) -> Format:
    """The format that the suffix names; InputError for one that cannot be written."""
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(
            f"{label(path)}: suffix {label(path.suffix) or '(none)'} cannot be written; "
            f"use one of {' '.join(SUFFIXES)}"
        )
    return form


def _check(array: NDArray[Any], form: Format, path: Path) -> None:
    shape, name = np.shape(array), label(path)
    colour = array.dtype == np.uint8 and len(shape) == 3 and shape[2] in (3, 4)
    if not colour and not (array.dtype in (np.uint8, np.uint16) and len(shape) == 2):
        raise InputError(
            f"{name}: cannot write {array.dtype} {shape}; give uint8 (H, W), (H, W, 3), "
            "(H, W, 4) or uint16 (H, W), see to_8bit and to_16bit"
        )
    if min(shape) < 1:
        raise InputError(f"{name}: the picture has no pixels; give another")
    if max(shape[:2]) > form.side:
        raise InputError(
            f"{name}: {form.name} holds at most {form.side} pixels a side, this has "
            f"{max(shape[:2])}; use .png or .tif"
        )
    if colour and shape[2] == 4 and not form.alpha:
        raise InputError(f"{name}: {form.name} has no transparency; use .png, .webp or .tif")
    if array.dtype == np.uint16 and not form.deep:
        raise InputError(f"{name}: {form.name} holds no 16 bits; use .png or .tif")


def _save(array: NDArray[Any], draft: Path, path: Path, name: str, options: Any) -> None:
    """Encode into `draft`; `path` stands in messages."""
    try:
        _image(array).save(draft, name, **options)
    except OSError:
        raise
    except Exception as error:  # metadata of photos from anywhere makes encoders raise anything
        raise InputError(
            f"{label(path)}: cannot be written ({label(str(error))}); try another suffix"
        ) from error


def _image(array: NDArray[Any]) -> Image:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(array))


def _options(array: NDArray[Any], form: Format, meta: Meta, quality: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if meta.icc and array.ndim == 3:
        options["icc_profile"] = meta.icc
    if meta.exif and not (form is _JPEG and len(meta.exif) > _EXIF_LIMIT):
        options["exif"] = meta.exif
    if form is _PNG:
        # Of 12 megapixels this took a quarter of the default level's time, for a fifth more file.
        options["compress_level"] = 2
    elif form is _TIFF:
        # The library that compresses for Pillow cannot write EXIF.
        options["compression"] = "raw" if "exif" in options else "tiff_adobe_deflate"
    elif form is _JPEG:
        # Full colour resolution: a subject's outline is where halved colour shows.
        options |= {"quality": quality, "subsampling": 0}
    else:
        # Maps are measurements: only pictures may lose something.
        options |= {"lossless": True} if array.ndim == 2 else {"quality": quality}
    return options
