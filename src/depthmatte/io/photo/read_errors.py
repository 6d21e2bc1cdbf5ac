"""Error messages for photos that cannot be read: one line that names the file and the remedy."""

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
    """Make the error for bytes that no decoder recognizes.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name for the message.

    Returns
    -------
    InputError
    """
    if raw.has_raw_suffix(name):
        return camera_raw_error(name)
    is_jxl = content.startswith(_JXL)
    what = (
        "is JPEG XL, which is not read" if is_jxl else "is not a photo, or is damaged at its start"
    )
    return InputError(f"{name}: {what}; give {_PHOTO_FORMATS}")


def camera_raw_error(name: str) -> InputError:
    """Make the error for a camera's raw file."""
    return InputError(f"{name}: is a camera's raw file; develop it to JPEG or TIFF first")


@contextlib.contextmanager
def one_line_errors(name: str, kinds: str = "JPEG or PNG") -> Iterator[None]:
    """Turn every error of a decoder into an InputError with a message of one line.

    Parameters
    ----------
    name : str
        Name of the file for the message.
    kinds : str
        Formats to export instead.

    Raises
    ------
    InputError
        For any error inside the `with` block. The original error is its cause.
    """
    try:
        yield
    except DepthmatteError:
        raise
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory; scale it down") from error
    except Exception as error:  # decoders raise errors of any kind on damaged bytes
        if raw.has_raw_suffix(name):
            raise camera_raw_error(name) from error
        raise InputError(
            f"{name}: cannot be decoded (damaged, cut short or of a rare kind); "
            f"copy it again or export it as {kinds}"
        ) from error


def check_pixel_mode(image: Image, name: str) -> None:
    """Refuse float and 32-bit pixels: the file does not say which value is white.

    Parameters
    ----------
    image : PIL.Image.Image
        An opened picture.
    name : str
        Its name for the message.

    Raises
    ------
    InputError
        For such pixels.
    """
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise InputError(
            f"{name}: has float or 32-bit pixels without a known white; export it with 8 or 16 bits"
        )
