"""Binary standard input and output. A shell may have closed either (`<&-`, `>&-`)."""

from __future__ import annotations

import sys
from typing import BinaryIO, TextIO

from ..errors import InputError


def binary_stdin() -> BinaryIO:
    """Return binary standard input; InputError when it is closed."""
    return _binary_stream(sys.stdin, "stdin: is closed; send a photo through it")


def binary_stdout() -> BinaryIO:
    """Return binary standard output; InputError when it is closed."""
    return _binary_stream(sys.stdout, "stdout: is closed; open it, or name a file with -o")


def _binary_stream(stream: TextIO | None, problem: str) -> BinaryIO:
    if stream is None or stream.closed:
        raise InputError(problem)
    return stream.buffer
