"""The real server as a process on a free port of loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS, _STOP_SECONDS = 90.0, 30.0
_READY = re.compile(r"depthmatte serves (http://127\.0\.0\.1:(\d+))\n")


@dataclass
class HttpServer:
    """A running server: its address, its process and its log."""

    address: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def running_http_server(
    home: Path, *flags: str, start_seconds: float = _START_SECONDS, **environment: str
) -> Iterator[HttpServer]:
    """Run `depthmatte serve` and yield it once it has printed its line."""
    log, out = home / "serve.log", home / "serve.out"
    command = [sys.executable, "-m", "depthmatte", "serve", "--port", "0", *flags]
    variables = {**os.environ, "DEPTHMATTE_HOME": str(home), **environment}
    with log.open("wb") as errors, out.open("wb") as lines:
        process = subprocess.Popen(command, stdout=lines, stderr=errors, env=variables)
    try:
        end = time.monotonic() + start_seconds
        while not (found := _READY.fullmatch(out.read_text("utf-8"))):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.05)
        yield HttpServer(found[1], int(found[2]), process, log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
