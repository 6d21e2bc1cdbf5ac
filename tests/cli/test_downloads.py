"""Networks named by a URL are downloaded once, before any work, and the download is shown."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import depthmatte
import tinynets
from depthmatte.cli.downloads import fetch_networks
from depthmatte.cli.output import Reporter
from depthmatte.errors import InputError, WeightsError
from depthmatte.networks import registry

SRC = Path(depthmatte.__file__).parent.parent
CONTENT = tinynets.model("matte")


class Server:
    """Serves one file on the loopback interface and counts the requests."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                if self.path != "/net.onnx":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT)

            def log_message(self, *_: Any) -> None:
                pass

        self.requests = 0
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.network = f"{self.address}/net.onnx#sha256={hashlib.sha256(CONTENT).hexdigest()}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DEPTHMATTE_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Server()
    yield served
    served.http.shutdown()
    served.http.server_close()


def test_workers_share_one_download(server: Server, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    words = ["cut", "a.png", "b.png", "c.png", "--fusion", "none", "--jobs", "2"]
    words += ["--matte-network", server.network]
    errors = []
    for quiet in ([], ["--quiet"], []):
        run = subprocess.run(
            [sys.executable, "-m", "depthmatte", *words, *quiet],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SRC)},
            check=True,
        )
        errors.append(run.stderr)
    note = f"depthmatte: note: downloading {server.address}/net.onnx\n"
    assert errors[0].count(note) == 1
    assert errors[1] == ""
    assert note not in errors[2]
    assert server.requests == 1


def test_a_name_that_stands_twice_is_fetched_once(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_networks(["matte", "missing.onnx", "sgbm", server.network, server.network], Reporter())
    assert server.requests == 1
    assert capsys.readouterr().err.count("downloading") == 1
    assert registry.pending_download(server.network) is None


def test_quiet_says_nothing(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    fetch_networks([server.network], Reporter("quiet"))
    assert server.requests == 1
    assert capsys.readouterr() == ("", "")


def test_errors_come_before_the_work(server: Server) -> None:
    with pytest.raises(InputError, match="append #sha256=HEX"):
        fetch_networks([f"{server.address}/net.onnx"], Reporter("quiet"))
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch_networks([f"{server.address}/gone#sha256={'0' * 64}"], Reporter("quiet"))


def test_a_terminal_shows_a_bar(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("pty", reason="this platform has no pseudo-terminals")
    code = (
        "from depthmatte.cli.downloads import fetch_networks\n"
        "from depthmatte.cli.output import Reporter\n"
        f"fetch_networks([{server.network!r}], Reporter())\n"
    )
    words = [sys.executable, "-c", code]
    run = subprocess.run(
        [sys.executable, "-c", f"import pty, sys; sys.exit(pty.spawn({words!r}) >> 8)"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SRC), "TERM": "xterm", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    shown = run.stdout.decode()
    assert f"downloading {server.address}/net.onnx" in shown
    assert "note:" not in shown
    assert "bytes" in shown or "kB" in shown
