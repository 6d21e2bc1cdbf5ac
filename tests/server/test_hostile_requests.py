"""Hundreds of hostile requests: only 4xx, nothing written, nothing hangs, memory bounded."""

from __future__ import annotations

import errno
import re
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import pytest
import skimage.data

from encoded_pictures import encode
from hostile_requests import PROTOCOL_GARBAGE, Hostile, hostile_requests
from http_server import HttpServer, running_http_server

_WORKERS, _MAX_BODY_MB, _MAX_MEGAPIXELS, _KEEP_MB = 2, 2, 3, 64
_CLIENTS = 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The server's home, and where it puts temporary files."""
    return tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(folders: tuple[Path, Path]) -> Iterator[HttpServer]:
    """A server with small limits, for this module alone."""
    home, temporary = folders
    flags = {"workers": _WORKERS, "max-body-mb": _MAX_BODY_MB, "max-megapixels": _MAX_MEGAPIXELS,
             "keep-mb": _KEEP_MB, "queue": 64}  # fmt: skip
    given = [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    with running_http_server(home, *given, TMPDIR=str(temporary)) as found:
        yield found


@pytest.fixture(scope="module")
def requests(server: HttpServer) -> list[Hostile]:
    """All requests, with a photo of 64 x 64 and a portrait that is kept."""
    small = cv2.resize(skimage.data.astronaut(), (64, 64), interpolation=cv2.INTER_AREA)
    photo = encode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    answer = httpx.post(f"{server.address}/v1/portraits", files={"photo": photo}, timeout=60)
    return list(hostile_requests(photo, answer.json()["links"]["self"]))


def _names(folders: tuple[Path, Path]) -> list[Path]:
    return sorted(one for folder in folders for one in folder.rglob("*"))


def _problem(client: httpx.Client, one: Hostile) -> str | None:
    """What is wrong with the answer to a request; None where it was refused as it should be."""
    answer = client.request(one.method, one.path, **one.given)
    text = answer.text
    if not 400 <= answer.status_code < 500:
        return f"{one.name}: {answer.status_code} {text[:200]!r}"
    if tempfile.gettempdir() in text or "Traceback" in text or len(text.splitlines()) > 1:
        return f"{one.name}: tells {text[:300]!r}"
    return None


def test_hostile_requests_are_refused(
    server: HttpServer, requests: list[Hostile], folders: tuple[Path, Path]
) -> None:
    assert len(requests) >= 300
    before = _names(folders)
    with (
        httpx.Client(base_url=server.address, timeout=60) as client,
        ThreadPoolExecutor(_CLIENTS) as threads,
    ):
        problems = list(filter(None, threads.map(lambda one: _problem(client, one), requests)))
        assert not problems, "\n".join(problems)
        counters = client.get("/metrics").text
    assert _names(folders) == before
    for name in ("queue_waiting", "queue_running", "bodies_bytes"):
        assert f"depthmatte_{name} 0.0" in counters


@pytest.mark.parametrize("name", PROTOCOL_GARBAGE)
def test_garbage_is_refused_or_dropped(server: HttpServer, name: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 30) as one:
        try:
            one.sendall(PROTOCOL_GARBAGE[name])
            one.shutdown(socket.SHUT_WR)
            start = one.recv(12)
        except OSError as error:  # the server hung up first
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
            return
    assert start == b"" or start.startswith(b"HTTP/1.1 4"), start


def test_the_server_goes_on_within_its_memory(server: HttpServer, requests: list[Hostile]) -> None:
    """Runs last. The bound is the one in docs/howto/server.md."""
    assert httpx.get(f"{server.address}/readyz", timeout=60).json() == {"status": "ready"}
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found is not None
    worker_mb = max(512, 64 * _MAX_MEGAPIXELS)
    bound_mb = 512 + _KEEP_MB + 8 * _MAX_BODY_MB + _WORKERS * worker_mb
    peak_mb = int(found[1]) / 1000
    assert peak_mb < bound_mb
