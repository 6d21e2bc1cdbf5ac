"""Open a photo given as a path, as bytes or as an open binary file."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from ...errors import InputError
from ...system.printable_text import describe_os_error, label

PhotoSource = str | os.PathLike[str] | bytes | BinaryIO
"""What a photo can be read from."""

_PIPE_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for the first byte of a named pipe."""


@contextlib.contextmanager
def open_source(source: PhotoSource, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """Open a source.

    Parameters
    ----------
    source : path, bytes or binary file
        The photo.
    name : str or None
        Its name in messages; by default the path, the file's own name, "bytes" or "stream".

    Yields
    ------
    file : BinaryIO
        At its start; a given file is used from where it stands.
    name : str
        Printable.

    Raises
    ------
    InputError
        For what cannot be opened or read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        yield BytesIO(source), label(name or "bytes")
    elif isinstance(source, str | os.PathLike):
        shown = label(name or source)
        with _file(Path(source), shown) as file:
            yield file, shown
    elif hasattr(source, "read"):
        given = getattr(source, "name", None)
        shown = label(name or (given if isinstance(given, str) else "stream"))
        yield read_stream(source, shown), shown
    else:
        raise InputError(
            f"{type(source).__name__}: not something to read a photo from; "
            "give a path, bytes or an open binary file"
        )


@contextlib.contextmanager
def _file(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{name}: is a folder; give a photo")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise InputError(f"{name}: is not a file; give a photo")
        file = _pipe(path, name) if stat.S_ISFIFO(mode) else path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name}: there is no such file; check the path") from error
    except OSError as error:
        raise InputError(
            f"{name}: cannot be opened ({describe_os_error(error)}); "
            "check the path and its permissions"
        ) from error
    except ValueError as error:
        raise InputError(f"{name}: is not a path; check it") from error
    with file:
        yield file


def _pipe(path: Path, name: str) -> BinaryIO:
    """Open a named pipe once it has content; InputError after a time limit."""
    import select

    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    poll = select.poll()
    poll.register(file, select.POLLIN)
    if not poll.poll(_PIPE_TIMEOUT_SECONDS * 1000):
        file.close()
        raise InputError(f"{name}: is a pipe without a writer; give a file")
    os.set_blocking(file.fileno(), True)
    return file


def read_stream(stream: BinaryIO, name: str) -> BytesIO:
    """Read the rest of a stream, which need not be seekable.

    Parameters
    ----------
    stream : BinaryIO
        An open binary file.
    name : str
        Its name in messages.

    Returns
    -------
    BytesIO

    Raises
    ------
    InputError
        Where it cannot be read, or gives text.
    """
    try:
        content = stream.read()
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read ({error}); open it again") from error
    if not isinstance(content, bytes):
        raise InputError(f"{name}: gives text, not bytes; open it in binary mode")
    return BytesIO(content)
