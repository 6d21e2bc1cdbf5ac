"""What keeps a photo from being read, on one line that names the file and the remedy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import DepthmatteError, InputError
from . import camera_raw as raw

if TYPE_CHECKING:
    from PIL.Image import Image

_PHOTO_FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, PPM or JPEG 2000"

_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")


def unknown_format_error(content: bytes, name: str) -> InputError:
    """For bytes that no decoder takes for a picture."""
    if raw.has_raw_suffix(name):
        return camera_raw_error(name)
    jxl = content.startswith(_JXL)
    what = "is JPEG XL, which is not read" if jxl else "is not a photo, or is damaged at its start"
    return InputError(f"{name}: {what}; give {_PHOTO_FORMATS}")


def camera_raw_error(name: str) -> InputError:
    """For a file of a camera's raw data."""
    return InputError(f"{name}: is a camera's raw file; develop it to JPEG or TIFF first")


@contextlib.contextmanager
def one_line_errors(name: str, kinds: str = "JPEG or PNG") -> Iterator[None]:
    """Whatever decoders raise becomes one line; `kinds` are what to export instead."""
    try:
        yield
    except DepthmatteError:
        raise
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory; scale it down") from error
    except Exception as error:  # on hostile bytes the decoders raise anything there is
        if raw.has_raw_suffix(name):
            raise camera_raw_error(name) from error
        raise InputError(
            f"{name}: cannot be decoded (damaged, cut short or of a rare kind); "
            f"copy it again or export it as {kinds}"
        ) from error


def check_pixel_mode(image: Image, name: str) -> None:
    """Refuse pixels that do not say which value is white."""
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise InputError(
            f"{name}: has float or 32-bit pixels without a known white; export it with 8 or 16 bits"
        )
