"""Read EXIF, ICC profile and resolution of a photo, and prepare them for an upright RGB picture.

Damaged metadata counts as absent. What was skipped is logged at DEBUG.
"""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from ...camera import Camera
from ...errors import InputError
from ...options import StripMode
from ...photo import Meta
from ..damage import EXIF_ERRORS, log_skipped

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

_ORIENTATION, _DETAILS, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003
_FOCAL_35MM, _MAKER = 0xA405, 0x927C
_MAY_REPEAT_GPS = (0x02BC, 0x83BB, 0x8649)  # XMP, IPTC, Photoshop's blocks
_MAX_DPI = 100_000  # pixels per inch
_DIAGONAL_35MM = math.hypot(36, 24)
# Tags of a TIFF that describe the photo; its other tags describe the file's own layout.
_TIFF_KEPT = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432)

_lock = threading.Lock()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Suppress warnings about odd headers that Pillow can read.

    Only one thread at a time is inside: warning filters belong to the whole process.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_exif(image: Image) -> Exif:
    """Read the EXIF tags of a picture.

    Parameters
    ----------
    image : PIL.Image.Image
        An opened picture.

    Returns
    -------
    PIL.Image.Exif
        Empty where the tags are damaged.
    """
    from PIL import Image

    with quiet_pillow():
        try:
            return image.getexif()
        except EXIF_ERRORS as error:
            log_skipped("EXIF", error)
            return Image.Exif()


def empty_exif() -> Exif:
    """Return EXIF without tags."""
    from PIL import Image

    return Image.Exif()


def copy_exif(exif: Exif) -> Exif:
    """Copy EXIF tags, so that changes do not reach the picture that they came from.

    Parameters
    ----------
    exif : PIL.Image.Exif
        Any tags.

    Returns
    -------
    PIL.Image.Exif
        Empty where the tags cannot be written.
    """
    copy = empty_exif()
    with quiet_pillow():
        try:
            copy.load(exif.tobytes())
        except EXIF_ERRORS as error:
            log_skipped("EXIF", error)
    return copy


def read_orientation(exif: Exif) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where the tag is missing or invalid."""
    value = exif.get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def camera_from_exif(exif: Exif, shape: tuple[int, int]) -> Camera | None:
    """Make a camera from the 35 mm equivalent focal length.

    This length compares the diagonals of two pictures (CIPA DCG-001).

    Parameters
    ----------
    exif : PIL.Image.Exif
        Tags of the photo.
    shape : tuple of int
        (h, w) of the stored pixels.

    Returns
    -------
    Camera or None
        A pinhole camera of the stored pixels; None where the tag is missing or invalid.
    """
    with quiet_pillow():
        try:
            focal = exif.get_ifd(_DETAILS).get(_FOCAL_35MM) if _DETAILS in exif else None
        except EXIF_ERRORS as error:
            log_skipped("EXIF", error)
            return None
    if not isinstance(focal, int) or not 1 <= focal <= 10_000:
        return None
    height, width = shape
    pixels = focal / _DIAGONAL_35MM * math.hypot(height, width)
    return Camera(shape, pixels, pixels, (width - 1) / 2, (height - 1) / 2)


def encode_upright_exif(exif: Exif, image: Image, shape: tuple[int, ...]) -> bytes | None:
    """Encode EXIF for an upright picture made from a photo.

    Orientation becomes 1 and the size tags follow `shape`, in `exif` itself too. The thumbnail
    is dropped: it shows the photo before.

    Parameters
    ----------
    exif : PIL.Image.Exif
        Tags of the photo; changed in place.
    image : PIL.Image.Image
        The photo as opened.
    shape : tuple of int
        (H, W, ...) of the new picture.

    Returns
    -------
    bytes or None
        None where the photo has no EXIF, or damaged EXIF.
    """
    with quiet_pillow():
        try:
            details = exif.get_ifd(_DETAILS) if _DETAILS in exif else {}
            details.update({_WIDTH: shape[1], _HEIGHT: shape[0]} if _WIDTH in details else {})
            if image.format == "TIFF":
                exif = _drop_tiff_layout(exif)
            if not len(exif):
                return None
            exif[_ORIENTATION] = 1
            return exif.tobytes()
        except EXIF_ERRORS as error:
            log_skipped("EXIF", error)
            return None


def _drop_tiff_layout(exif: Exif) -> Exif:
    """Keep the tags of a TIFF that describe the photo, not the file's own layout."""
    from PIL import Image

    kept: dict[int, Any] = {tag: exif[tag] for tag in _TIFF_KEPT if tag in exif}
    for directory in (_DETAILS, _GPS):
        if directory in exif:
            tags = exif.get_ifd(directory).items()
            kept[directory] = {tag: value for tag, value in tags if tag != _INTEROP}
    result = Image.Exif()
    result.update(kept)
    return result


def read_rgb_profile(image: Image) -> bytes | None:
    """Return the ICC profile of a picture; None unless it is for RGB pixels."""
    icc = image.info.get("icc_profile")
    return icc if isinstance(icc, bytes) and icc[16:20] == b"RGB " else None


def read_dpi(image: Image, orientation: int = 1) -> tuple[float, float] | None:
    """Return the resolution that JFIF, pHYs or TIFF tags state.

    Parameters
    ----------
    image : PIL.Image.Image
        An opened picture.
    orientation : int
        EXIF orientation of its stored pixels.

    Returns
    -------
    tuple of float or None
        Pixels per inch (across, down) of the upright picture; None where they are missing or
        invalid.
    """
    dpi: Any = image.info.get("dpi")
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not all(1 <= value <= _MAX_DPI for value in (across, down)):
        return None
    return (down, across) if orientation >= 5 else (across, down)


def strip_metadata(meta: Meta, mode: StripMode) -> Meta:
    """Remove private metadata of a photo.

    Parameters
    ----------
    meta : Meta
        Of a photo that was read.
    mode : {"none", "gps", "all"}
        `none` keeps everything. `gps` removes the location: the GPS directory, and the blocks
        that may repeat it (XMP, IPTC, Photoshop's blocks, the maker's note). Camera, lens,
        exposure, date and texts stay. `all` removes all EXIF. Profile and resolution always
        stay: without them the picture looks different.

    Returns
    -------
    Meta
        Without any EXIF where it is too damaged to be cleaned.

    Raises
    ------
    InputError
        For another `mode`.
    """
    if mode not in get_args(StripMode):
        raise InputError(f"strip {mode!r} is unknown; use {', '.join(get_args(StripMode))}")
    if mode == "none":
        return meta
    if mode == "all" or meta.exif is None:
        return replace(meta, exif=None)
    from PIL import Image

    with quiet_pillow():
        try:
            tags = Image.Exif()
            tags.load(meta.exif)
            tags.get_ifd(_DETAILS).pop(_MAKER, None)
            for tag in (_GPS, *_MAY_REPEAT_GPS):
                tags.pop(tag, None)
            return replace(meta, exif=tags.tobytes())
        except EXIF_ERRORS as error:  # what cannot be read cannot be cleaned
            log_skipped("EXIF", error)
            return replace(meta, exif=None)
