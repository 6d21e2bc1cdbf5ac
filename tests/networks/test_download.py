"""Servers that are slow, broken or hostile: a network comes whole, or one clean line is said, in
bounded time and bytes, and nothing is left behind."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import depthmatte
from depthmatte.errors import DepthmatteError, InputError, WeightsError
from depthmatte.networks import download, registry
from depthmatte.system import atomic_write

CONTENT = os.urandom(3_000_000)
SUM = hashlib.sha256(CONTENT).hexdigest()

Say = Callable[[socket.socket], object]


class Server:
    """Says to every caller what a test wants said, byte by byte."""

    def __init__(self, say: Say) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._say, self._done = say, False
        self.calls = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/net.onnx"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._done:
            caller, _ = self._listening.accept()
            self.calls += 1
            with caller:
                try:
                    caller.recv(65536)
                    self._say(caller)
                except OSError:
                    pass  # the caller hung up

    def stop(self) -> None:
        self._done = True
        socket.create_connection(self._listening.getsockname()).close()
        self._thread.join(5)
        self._listening.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Say], Server]]:
    servers: list[Server] = []

    def start(say: Say) -> Server:
        servers.append(Server(say))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTHMATTE_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def head(status: str = "200 OK", *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1")


def said(server: Server, cache: Path) -> str:
    with pytest.raises(DepthmatteError) as caught:
        registry.network_path(f"{server.url}#sha256={SUM}")
    assert str(caught.value).startswith(server.url)
    assert str(caught.value).isprintable()
    assert not cache.exists() or list(cache.iterdir()) == []
    return str(caught.value)


def test_it_comes_whole_and_tells_how_far_it_is(
    serve: Callable[[Say], Server], cache: Path
) -> None:
    size = f"Content-Length: {len(CONTENT)}"
    server = serve(lambda caller: caller.sendall(head("200 OK", size) + CONTENT))
    told: list[tuple[int, int | None]] = []
    file = registry.network_path(f"{server.url}#sha256={SUM}", lambda *far: told.append(far))
    assert file.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [file]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)
    assert registry.network_path(f"{server.url}#sha256={SUM}") == file
    assert server.calls == 1


def test_bytes_without_end(
    serve: Callable[[Say], Server], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(caller: socket.socket) -> None:
        caller.sendall(head())
        while True:
            caller.sendall(bytes(1 << 16))

    monkeypatch.setattr(download, "MAX_FILE_BYTES", 5_000_000)
    assert "sends more than 5000000 bytes" in said(serve(say), cache)


def test_a_size_beyond_all_bounds_is_not_begun(serve: Callable[[Say], Server], cache: Path) -> None:
    size = f"Content-Length: {10**15}"
    server = serve(lambda caller: caller.sendall(head("200 OK", size) + bytes(1000)))
    assert "more than 2147483647" in said(server, cache)


def trickle_head(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1000):
        caller.sendall(b"X: y\r\n")
        time.sleep(0.1)


def trickle_body(caller: socket.socket) -> None:
    caller.sendall(head())
    for _ in range(1000):
        caller.sendall(b"x")
        time.sleep(0.1)


def silence(caller: socket.socket) -> None:
    caller.sendall(head())
    time.sleep(4)


@pytest.mark.parametrize("say", [trickle_head, trickle_body, silence, lambda _: time.sleep(4)])
def test_slowness_has_an_end(
    say: Say, serve: Callable[[Say], Server], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_SILENCE_TIMEOUT_S", 1.0)
    start = time.monotonic()
    assert said(serve(say), cache)
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    "place",
    ["ftp://127.0.0.1/x", "file:///etc/passwd", "data:,x", "gopher://x", "//", "http://[::1/", ""],
)
def test_redirects_lead_to_the_web_only(
    place: str, serve: Callable[[Say], Server], cache: Path
) -> None:
    server = serve(lambda caller: caller.sendall(head("302 Found", f"Location: {place}")))
    assert "cannot be fetched" in said(server, cache)


def test_redirects_have_an_end(serve: Callable[[Say], Server], cache: Path) -> None:
    server = serve(lambda caller: caller.sendall(head("302 Found", "Location: /again")))
    assert "cannot be fetched" in said(server, cache)
    assert server.calls < 20


def test_a_redirect_is_followed(serve: Callable[[Say], Server]) -> None:
    size = f"Content-Length: {len(CONTENT)}"
    good = serve(lambda caller: caller.sendall(head("200 OK", size) + CONTENT))
    server = serve(lambda caller: caller.sendall(head("302 Found", f"Location: {good.url}")))
    assert registry.network_path(f"{server.url}#sha256={SUM}").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "reply",
    [
        head("404 \x1b[2J\x1b]0;you\x07are\x85mine"),
        head("500 " + "x" * 5000),
        head("200 OK", "Content-Length: 100") + b"short",
        head("200 OK", "Content-Length: -5", "Transfer-Encoding: chunked") + b"zz\r\n",
        head("200 OK", "Transfer-Encoding: chunked") + b"ffffffffffffffff\r\nabc",
        b"\x00\xff" * 1000,
        b"HTTP/1.1 abc\r\n\r\n",
        b"",
        head("200 OK", *[f"X{n}: y" for n in range(500)]),
        head("200 OK") + b"something else",
    ],
)
def test_nonsense_is_one_clean_line(
    reply: bytes, serve: Callable[[Say], Server], cache: Path
) -> None:
    assert len(said(serve(lambda caller: caller.sendall(reply)), cache)) < 500


@pytest.mark.parametrize(
    "address",
    [
        "http://[::1",
        "http://",
        "https:///net.onnx",
        "http://host:port/net.onnx",
        "http://host:99999/net.onnx",
        "http://ho st/net.onnx",
        "http://host/\x1b[2J\n.onnx",
        "HTTP://[",
        "http://host:0/n.onnx",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InputError, match="is not an address") as caught:
        registry.network_path(f"{address}#sha256={'0' * 64}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("address", ["http://a..b/n.onnx", f"http://{'a' * 300}/n.onnx"])
def test_a_host_that_cannot_be(address: str) -> None:
    with pytest.raises(DepthmatteError) as caught:
        registry.network_path(f"{address}#sha256={'0' * 64}")
    assert str(caught.value).isprintable()


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        registry.network_path("https://me:secret@host/net.onnx")
    assert "secret" not in str(caught.value)
    assert "https://host/net.onnx" in str(caught.value)


@pytest.mark.parametrize("name", ["../../up.onnx", "a" * 500, "%2e%2e%2f", "con\\x", "ü.onnx"])
def test_no_name_leaves_the_cache(name: str, cache: Path) -> None:
    file = registry._cached_path(f"https://host/{name}", SUM)
    assert file.parent == cache
    assert len(file.name) < 128
    assert not {"/", "\\", "%"} & set(file.name)


def test_a_cache_that_cannot_be(
    serve: Callable[[Say], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DEPTHMATTE_CACHE", str(tmp_path / "file" / "cache"))
    server = serve(lambda caller: caller.sendall(head() + CONTENT))
    with pytest.raises(WeightsError, match="networks cannot be stored there"):
        registry.network_path(f"{server.url}#sha256={SUM}")


def test_drafts_of_the_dead_are_swept(
    serve: Callable[[Say], Server], cache: Path, tmp_path: Path
) -> None:
    """A process that is killed leaves its draft; the next one sweeps it, but none that is alive."""
    if os.name != "posix":
        pytest.skip("needs kill -9")

    def say(caller: socket.socket) -> None:
        caller.sendall(head("200 OK", f"Content-Length: {len(CONTENT)}") + CONTENT[:100_000])
        time.sleep(3)

    server = serve(say)
    code = "import sys; from depthmatte.networks import table; table.network_path(sys.argv[1])"
    env = os.environ | {"PYTHONPATH": str(Path(depthmatte.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"{server.url}#sha256={SUM}"], env=env, cwd=tmp_path
    )
    for _ in range(200):
        if cache.is_dir() and any(file.stat().st_size for file in cache.iterdir()):
            break
        time.sleep(0.05)
    (draft,) = cache.iterdir()
    foreign = cache / "download.part"
    foreign.write_bytes(b"somebody else's")
    atomic_write._sweep_drafts(cache)
    assert draft.exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    atomic_write._sweep_drafts(cache)
    assert list(cache.iterdir()) == [foreign]


def test_nothing_of_the_web_is_imported_without_need() -> None:
    code = "import sys, depthmatte.networks.network; print(*sys.modules)"
    env = {"PYTHONPATH": str(Path(depthmatte.__file__).parent.parent)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert {"urllib.request", "http.client", "tempfile", "ssl"} & set(run.stdout.split()) == set()
