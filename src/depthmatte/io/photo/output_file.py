"""A file for encoders: every byte is written, or an OSError is raised."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO


class CheckedWriter:
    """An open binary file without its file descriptor.

    Encoders written in C write to the descriptor directly, and some do not notice a full disk.
    Without a descriptor they write through this class, which checks every write.

    Parameters
    ----------
    file : BinaryIO
        Open for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.flush = file.seek, file.tell, file.flush

    def write(self, content: bytes) -> int:
        """Write all of `content`.

        Parameters
        ----------
        content : bytes
            Any bytes-like object.

        Returns
        -------
        int
            Number of bytes in `content`.

        Raises
        ------
        OSError
            Where the file takes no more bytes.
        """
        rest = memoryview(content).cast("B")
        while rest:
            count = self._file.write(rest)
            if not count:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[count:]
        return len(content)
