"""Damage, slow clients, limits and keys: only 4xx, and the server goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoded_pictures import encode
from http_server import HttpServer, running_http_server


@pytest.fixture(scope="module", autouse=True)
def _goes_on(client: httpx.Client, photo: bytes) -> Iterator[None]:
    """After all of this the server still cuts, and wrote nothing."""
    yield
    answer = client.post("/v1/portraits", files={"photo": photo})
    assert answer.status_code == 200


@given(cut=st.integers(0, 5000), at=st.integers(0, 5000), byte=st.integers(0, 255))
@settings(max_examples=15)
def test_damaged_photos(client: httpx.Client, photo: bytes, cut: int, at: int, byte: int) -> None:
    damaged = bytearray(photo[: len(photo) - cut])
    damaged[at % len(damaged)] = byte
    answer = client.post("/v1/portraits?view=mask", files={"photo": bytes(damaged)})
    assert answer.status_code in (200, 400)


def test_large_bodies_are_refused_before_they_are_read(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as one:
        one.sendall(
            b"POST /v1/portraits HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert one.recv(100).startswith(b"HTTP/1.1 413 ")


def test_large_chunked_bodies_are_refused(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield bytes(100_000)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        answer = client.post("/v1/portraits", content=pieces(), headers=headers)
    except httpx.TransportError:  # the server closes while the rest is on its way
        return
    assert answer.status_code == 413


def test_answers_carry_security_headers_and_an_id(client: httpx.Client) -> None:
    for path in ("/healthz", "/nothing"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert len(headers["X-Request-Id"]) == 16


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server with a key, one worker, one waiting request and a short time limit."""
    flags = ("--workers", "1", "--queue", "1", "--time-limit", "4")
    flags += ("--allow-origin", "https://friend.example")
    home = tmp_path_factory.mktemp("strict")
    with running_http_server(home, *flags, DEPTHMATTE_API_KEY="secret") as found:
        yield found


def test_the_key_is_demanded(strict: HttpServer, photo: bytes) -> None:
    with httpx.Client(base_url=strict.address, timeout=60) as client:
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            answer = client.post("/v1/portraits", files={"photo": photo}, headers=headers)
            assert answer.status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").status_code == 401
        for headers in ({"X-API-Key": "secret"}, {"Authorization": "Bearer secret"}):
            assert client.get("/v1/schema", headers=headers).status_code == 200
        friend = {"Origin": "https://friend.example", "X-API-Key": "secret"}
        allowed = client.get("/v1/schema", headers=friend).headers["Access-Control-Allow-Origin"]
        assert allowed == "https://friend.example"


def test_slow_clients_hold_slots_for_a_bounded_time(strict: HttpServer, photo: bytes) -> None:
    start = (
        b"POST /v1/portraits HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: secret\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x"
    )
    slow = [socket.create_connection(("127.0.0.1", strict.port), 30) for _ in range(2)]
    slower = [socket.create_connection(("127.0.0.1", strict.port), 30) for _ in range(4)]
    try:
        for k, one in enumerate(slower):  # their headers do not even end
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"[: 9 * k])
        for one in slow:
            one.sendall(start)
        with httpx.Client(
            base_url=strict.address, timeout=60, headers={"X-API-Key": "secret"}
        ) as client:
            end = time.monotonic() + 30
            while client.get("/readyz").status_code != 503:
                assert time.monotonic() < end, "the slots were not taken"
            refused = client.post("/v1/portraits", files={"photo": photo})
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) >= 1
            assert all(one.recv(100).startswith(b"HTTP/1.1 408 ") for one in slow)
            assert client.get("/readyz").status_code == 200
            assert 'refused_total{reason="queue"}' in client.get("/metrics").text
        assert [one.recv(100) for one in slower] == [b""] * 4
    finally:
        for one in slow + slower:
            one.close()


def test_slow_readers_are_dropped(strict: HttpServer) -> None:
    """Their answers are larger than what the machine takes in their place."""
    noise = np.random.default_rng(3).integers(0, 256, (1600, 1800, 3), np.uint8)
    with (
        httpx.Client(
            base_url=strict.address, timeout=60, headers={"X-API-Key": "secret"}
        ) as client,
        socket.socket() as slow,
    ):
        picture = encode(".jpg", noise)
        root = client.post("/v1/portraits", files={"photo": picture}).json()["links"]["self"]
        request = f"GET {root}/beautify HTTP/1.1\r\nHost: a\r\nX-API-Key: secret\r\n\r\n"
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(30)
        slow.connect(("127.0.0.1", strict.port))
        slow.sendall(request.encode())
        start = slow.recv(600)  # nothing more of the answer is taken
        size = int(start.lower().split(b"content-length: ")[1].split(b"\r")[0])
        end = time.monotonic() + 40
        while "depthmatte_queue_waiting 0.0" not in client.get("/metrics").text:
            assert time.monotonic() < end, "the slot is held"
            time.sleep(0.1)
        assert len(start) + _count_rest(slow) < size


def _count_rest(one: socket.socket) -> int:
    """Bytes that still come until the connection closes."""
    count = 0
    with suppress(ConnectionError):
        while piece := one.recv(1 << 20):
            count += len(piece)
    return count


def test_a_gray_wall_has_nobody(client: httpx.Client) -> None:
    wall = cv2.imencode(".png", np.full((64, 64, 3), 128, np.uint8))[1].tobytes()
    found = client.post("/v1/portraits", files={"photo": wall}).json()
    assert (found["found"], found["people"]) == (False, [])
