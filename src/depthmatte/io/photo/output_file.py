"""A file as encoders see it: every byte is written, or an OSError says why not."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO


class CheckedWriter:
    """An open binary file without its number.

    Given a file's number, encoders written in C write past Python, and some do not look whether
    a full disk took all of it. Through here every write is looked after.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.flush = file.seek, file.tell, file.flush

    def write(self, content: bytes) -> int:
        """Write all of it, however many turns the file below takes."""
        rest = memoryview(content).cast("B")
        while rest:
            count = self._file.write(rest)
            if not count:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[count:]
        return len(content)
