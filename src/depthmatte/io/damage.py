"""Errors that damaged files raise, and a log of what was skipped because of them."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import InputError
from ..system.printable_text import printable_excerpt

_T = TypeVar("_T")

DAMAGE_ERRORS = (
    ValueError,  # CorruptFileError, NumPy, base64, text encodings
    OSError,  # Pillow: unknown format, file cut short
    SyntaxError,  # Pillow: broken PNG or TIFF header; XML
    EOFError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,  # libheif: a limit exceeded; too much recursion
    struct.error,
    zlib.error,
    InputError,  # RawDepth and Camera: numbers that no depth map or camera has
)
"""Errors that parsers and decoders raise on damaged content."""

EXIF_ERRORS = (
    *DAMAGE_ERRORS,
    TypeError,  # Pillow: a tag whose value has another type than its name asks for
    AttributeError,  # the same
)
"""Errors that Pillow's EXIF reader and writer raise on damaged tags."""

_log = logging.getLogger("depthmatte")


class CorruptFileError(ValueError):
    """Embedded data, or its description, is damaged. It counts as absent: users never see it."""


def log_skipped(what: str, error: BaseException) -> None:
    """Log at DEBUG, on one printable line, that `what` was skipped because of `error`.

    Parameters
    ----------
    what : str
        The part of the file, or the function that reads it.
    error : BaseException
        The reason.
    """
    _log.debug("skipped %s: %s: %s", what, type(error).__name__, printable_excerpt(error))


def try_finder(finder: Callable[..., _T | None], *arguments: Any) -> _T | None:
    """Call a finder; damage counts as absent and is logged at DEBUG.

    Parameters
    ----------
    finder : callable
        Looks for one thing in a file; may raise any of `DAMAGE_ERRORS`.
    *arguments
        Passed to `finder`.

    Returns
    -------
    object or None
        What the finder returns, or None where it raised one of `DAMAGE_ERRORS`. Other errors
        are mistakes in the program, not damage. They are not caught.
    """
    try:
        return finder(*arguments)
    except DAMAGE_ERRORS as error:
        log_skipped(f"{finder.__module__}.{finder.__qualname__}", error)
        return None
