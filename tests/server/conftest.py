"""One server for each module of the server's tests, and small photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

for needed in ("uvicorn", "fastapi", "httpx", "prometheus_client"):
    pytest.importorskip(needed, reason="needs the extra server and httpx")
pytest.importorskip("skimage.data", reason="needs scikit-image")

import httpx
import skimage.data

from encoded_pictures import encode
from http_server import HttpServer, running_http_server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's home: training samples land here."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[HttpServer]:
    """A server with small limits."""
    flags = ("--max-body-mb", "2", "--max-megapixels", "3", "--keep-count", "8")
    with running_http_server(home, *flags) as found:
        yield found


@pytest.fixture(scope="module")
def client(server: HttpServer) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=server.address, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of one person, 256 x 256."""
    small = cv2.resize(skimage.data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)
    return encode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
