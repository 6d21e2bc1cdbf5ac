"""Hostile bodies, slow clients, limits and keys: only 4xx, and the server goes on."""

from __future__ import annotations

import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_server import HttpServer, running_http_server


def png_bomb(side: int) -> bytes:
    """A PNG that claims side x side pixels in a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 10_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


HOSTILE = {
    "empty": b"",
    "bomb": png_bomb(40_000),
    "large for this server": png_bomb(2000),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "zeros": bytes(10_000),
}


@pytest.fixture(scope="module", autouse=True)
def _goes_on(client: httpx.Client, photo: bytes) -> Iterator[None]:
    """After all of this the server still cuts, and wrote nothing."""
    yield
    answer = client.post("/v1/portraits", files={"photo": photo})
    assert answer.status_code == 200


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("path", ["/v1/portraits", "/v1.0/removebg", "/api/remove"])
def test_hostile_photos(client: httpx.Client, path: str, content: bytes) -> None:
    field = {"/v1/portraits": "photo", "/v1.0/removebg": "image_file"}.get(path, "file")
    answer = client.post(path, files={field: ("../../etc/x.svg", content)})
    assert 400 <= answer.status_code < 500, answer.text
    assert len(answer.text.splitlines()) == 1
    assert "/tmp" not in answer.text


@pytest.mark.parametrize("field", ["depth", "calib", "right"])
@pytest.mark.parametrize("name", ["../../etc/x", "a\0b.png", "\n.exr", "x" * 5000 + ".npy"])
def test_hostile_inputs_beside_the_photo(
    client: httpx.Client, photo: bytes, home: Path, field: str, name: str
) -> None:
    before = sorted(home.rglob("*"))
    files = {"photo": photo, field: (name, b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}")}
    answer = client.post("/v1/portraits", files=files)
    assert 400 <= answer.status_code < 500
    assert "/tmp" not in answer.text
    assert sorted(home.rglob("*")) == before


@given(cut=st.integers(0, 5000), at=st.integers(0, 5000), byte=st.integers(0, 255))
@settings(max_examples=15)
def test_damaged_photos(client: httpx.Client, photo: bytes, cut: int, at: int, byte: int) -> None:
    damaged = bytearray(photo[: len(photo) - cut])
    damaged[at % len(damaged)] = byte
    answer = client.post("/v1/portraits?view=mask", files={"photo": bytes(damaged)})
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    "options",
    ["[", "[]", "1e999", "[" * 9999, '{"fusion": "x"}', '{"sensor": {"near": {}}}',
     '{"subject": [1]}',
     '{"depth_scale": NaN}', '{"fusion": {"a": 1}}', '{"nothing": 1}', '{"subject": "9999,9999"}'],
)  # fmt: skip
def test_bad_options(client: httpx.Client, photo: bytes, options: str) -> None:
    answer = client.post("/v1/portraits", files={"photo": photo}, data={"options": options})
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    ["view=../../x", "view=nothing", "effect=blur:strength=9", "effect=nothing", "width=0",
     "effect=background:picture=/etc/passwd", "format=exe", "view=" + "a," * 2000],
)  # fmt: skip
def test_bad_queries(client: httpx.Client, photo: bytes, query: str) -> None:
    answer = client.post(f"/v1/portraits?{query}", files={"photo": photo})
    assert answer.status_code == 400


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


def test_huge_headers_are_refused(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000)
        assert one.recv(100).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "attacker.example"}, {"Origin": "https://attacker.example"}, {"Origin": "null"}],
)
def test_other_sites_may_not_call(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.get("/v1/schema", headers=headers).status_code == 403


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
    try:
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
    finally:
        for one in slow:
            one.close()


def test_a_gray_wall_has_nobody(client: httpx.Client) -> None:
    wall = cv2.imencode(".png", np.full((64, 64, 3), 128, np.uint8))[1].tobytes()
    found = client.post("/v1/portraits", files={"photo": wall}).json()
    assert (found["found"], found["people"]) == (False, [])
