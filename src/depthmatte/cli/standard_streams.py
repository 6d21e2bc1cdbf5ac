"""Standard input and output as bytes; either may be closed before the start (`<&-`, `>&-`)."""

from __future__ import annotations

import sys
from typing import BinaryIO, TextIO

from ..errors import InputError


def binary_stdin() -> BinaryIO:
    """Standard input; InputError where it is closed."""
    return _binary_stream(sys.stdin, "stdin: is closed; send a photo through it")


def binary_stdout() -> BinaryIO:
    """Standard output; InputError where it is closed."""
    return _binary_stream(sys.stdout, "stdout: is closed; open it, or name a file with -o")


def _binary_stream(stream: TextIO | None, problem: str) -> BinaryIO:
    if stream is None or stream.closed:
        raise InputError(problem)
    return stream.buffer
