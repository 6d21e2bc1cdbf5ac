"""What a photo's file says about the photo: EXIF and ICC, ready for an upright RGB picture.

Damage here never costs the photo: what cannot be understood counts as absent.
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

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

_ORIENTATION, _DETAILS, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003
_FOCAL_35MM, _MAKER = 0xA405, 0x927C
_MAY_REPEAT = (0x02BC, 0x83BB, 0x8649)  # XMP, IPTC, Photoshop's blocks
_MAX_DPI = 100_000  # pixels per inch
_DIAGONAL_35MM = math.hypot(36, 24)
# What describes the photo in a TIFF; its other tags describe the file's own layout.
_TIFF_KEPT = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 33432)

_lock = threading.Lock()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hold back Pillow's warnings about odd headers that it then copes with.

    One thread at a time: warning filters belong to the whole process.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_exif(image: Image) -> Exif:
    """The EXIF tags of a loaded picture."""
    from PIL import Image

    with quiet_pillow():
        try:
            return image.getexif()
        except Exception:  # on hostile bytes the parser raises anything there is
            return Image.Exif()


def empty_exif() -> Exif:
    """No EXIF."""
    from PIL import Image

    return Image.Exif()


def copy_exif(exif: Exif) -> Exif:
    """The same tags once more, for the picture that they came from keeps its own."""
    copy = empty_exif()
    with quiet_pillow(), contextlib.suppress(Exception):  # as in tags
        copy.load(exif.tobytes())
    return copy


def read_orientation(exif: Exif) -> int:
    """1 to 8, and 1 where the tag is missing or nonsense."""
    value = exif.get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def camera_from_exif(exif: Exif, shape: tuple[int, int]) -> Camera | None:
    """The camera of stored pixels of `shape` (h, w) by its 35 mm equivalent focal length.

    Such a length compares diagonals (CIPA DCG-001). None where the tag is missing.
    """
    with quiet_pillow():
        focal = exif.get_ifd(_DETAILS).get(_FOCAL_35MM) if _DETAILS in exif else None
    if not isinstance(focal, int) or not 1 <= focal <= 10_000:
        return None
    height, width = shape
    pixels = focal / _DIAGONAL_35MM * math.hypot(height, width)
    return Camera(shape, pixels, pixels, (width - 1) / 2, (height - 1) / 2)


def encode_upright_exif(exif: Exif, image: Image, shape: tuple[int, ...]) -> bytes | None:
    """EXIF bytes for a written picture of `shape` (H, W, ...) that stands upright.

    Orientation becomes 1 and the size tags follow `shape`, in `exif` itself too; the thumbnail
    is left behind, for it shows the photo as it was. None where the file had no EXIF.
    """
    with quiet_pillow():
        try:
            details = exif.get_ifd(_DETAILS) if _DETAILS in exif else {}
            details.update({_WIDTH: shape[1], _HEIGHT: shape[0]} if _WIDTH in details else {})
            if image.format == "TIFF":
                exif = _described(exif)
            if not len(exif):
                return None
            exif[_ORIENTATION] = 1
            return exif.tobytes()
        except Exception:  # as in tags
            return None


def _described(exif: Exif) -> Exif:
    """The tags of a TIFF that describe the photo, not the file they came from."""
    from PIL import Image

    found: dict[int, Any] = {tag: exif[tag] for tag in _TIFF_KEPT if tag in exif}
    for place in (_DETAILS, _GPS):
        if place in exif:
            found[place] = {t: v for t, v in exif.get_ifd(place).items() if t != _INTEROP}
    described = Image.Exif()
    described.update(found)
    return described


def read_rgb_profile(image: Image) -> bytes | None:
    """The ICC profile, where it describes RGB pixels."""
    icc = image.info.get("icc_profile")
    return icc if isinstance(icc, bytes) and icc[16:20] == b"RGB " else None


def read_dpi(image: Image, orientation: int = 1) -> tuple[float, float] | None:
    """Pixels per inch (across, down) of the upright picture, as JFIF, pHYs or TIFF state them."""
    stated: Any = image.info.get("dpi")
    try:
        across, down = (float(value) for value in stated)
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not all(1 <= value <= _MAX_DPI for value in (across, down)):
        return None
    return (down, across) if orientation >= 5 else (across, down)


def strip_metadata(meta: Meta, mode: StripMode) -> Meta:
    """What travels beside the pixels, without what says where or by whom they were taken.

    Parameters
    ----------
    meta : Meta
        Of a photo that was read.
    what : {"none", "gps", "all"}
        `none` leaves everything in. `gps` takes the place out: the GPS directory, and the
        blocks that may repeat it in forms of their own (XMP, IPTC, Photoshop's, the maker's
        note). Camera, lens, exposure, date and texts stay. `all` takes all EXIF out. Profile
        and dpi stay with both: without them the picture looks different.

    Returns
    -------
    Meta

    Raises
    ------
    InputError
        For another `what`.
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
            for tag in (_GPS, *_MAY_REPEAT):
                tags.pop(tag, None)
            return replace(meta, exif=tags.tobytes())
        except Exception:  # what cannot be understood cannot be cleaned either
            return replace(meta, exif=None)
