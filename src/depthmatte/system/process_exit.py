"""End the process at once."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import NoReturn


def flush_and_exit(status: int) -> NoReturn:
    """Flush logs and streams and end the process without taking Python down."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
