"""`networks pull`: a network comes whole, verified and under its name, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

import depthmatte
import tinynets
from depthmatte.cli.app import app
from depthmatte.errors import DepthmatteError, InputError, OptionError, WeightsError
from depthmatte.networks import download, registry
from depthmatte.networks.installed import find_installed, installed_folder, list_installed
from depthmatte.networks.pull import pull_network, remove_network
from depthmatte.system.folder_lock import folder_lock


def large_matte() -> bytes:
    """A usable network of 3 MB: most of it is a constant that nothing uses."""
    proto = onnx.load_from_string(tinynets.model("matte"))
    weights = np.random.default_rng(4).random(750_000, np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "ballast"))
    return bytes(proto.SerializeToString())


CONTENT = large_matte()
SUM = hashlib.sha256(CONTENT).hexdigest()


class FileServer(ThreadingHTTPServer):
    """Serves `content` at every path. It sends `most` bytes per answer, then hangs up."""

    daemon_threads = True

    def __init__(self) -> None:
        self.content, self.most, self.knows_ranges = CONTENT, len(CONTENT), True
        self.pause = 0.0
        self.starts: list[int] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/my portrait.onnx".replace(" ", "%20")

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are no news."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        content = self.server.content
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.server.knows_ranges else 0
        self.server.starts.append(start)
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start : start + self.server.most])
        self.wfile.flush()
        time.sleep(self.server.pause)

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture
def server() -> Iterator[FileServer]:
    running = FileServer()
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(download, "_RETRY_WAIT_S", 0.01)
    return tmp_path / "home"


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["networks", *words])
    return done.exit_code, done.stdout, done.stderr


def files() -> set[str]:
    """What lies in the folder of pulled networks, apart from locks."""
    return {path.name for path in installed_folder().glob("*") if path.suffix != ".lock"}


def test_a_file_gets_a_name(tmp_path: Path) -> None:
    file = Path(tinynets.save(tmp_path)["matte"])
    status, out, _ = run("pull", str(file))
    assert (status, out.split(":")[0]) == (0, "tiny-matte")
    file.unlink()
    photo = np.random.default_rng(2).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    file.write_bytes(tinynets.model("matte"))
    expected = depthmatte.Session(matte_network=file).cut(photo, fusion="none")
    for options in ({"matte_network": "tiny-matte"}, {"network": ("tiny-matte",)}):
        found = depthmatte.Session(**options).cut(photo, fusion="none")
        np.testing.assert_array_equal(found.alpha, expected.alpha)
    rows = {row["name"]: row for row in json.loads(run("list", "--json")[1])}
    assert rows["tiny-matte"]["status"] == "ok"
    assert rows["tiny-matte"]["source"] == str(file)
    assert json.loads(run("show", "tiny-matte", "--json")[1])[0]["task"] == "matte"
    assert run("remove", "tiny-matte")[0] == 0
    assert files() == {"networks.json"}
    with pytest.raises(OptionError, match="unknown network"):
        registry.network_path("tiny-matte")


def test_a_download_is_verified_and_told(server: FileServer) -> None:
    told: list[tuple[int, int | None]] = []
    network = pull_network(f"{server.url}#sha256={SUM}", progress=lambda *far: told.append(far))
    assert network.name == "my-20portrait"
    assert network.file.read_bytes() == CONTENT
    assert (told[-1], told) == ((len(CONTENT), len(CONTENT)), sorted(told))
    assert registry.network_path(network.name) == network.file
    again = pull_network(server.url, sha256=SUM.upper())
    assert again == network
    assert server.starts == [0]


def test_a_broken_download_goes_on(server: FileServer) -> None:
    server.most = 1_000_000
    network = pull_network(server.url, "portrait", SUM)
    assert network.file.read_bytes() == CONTENT
    assert server.starts[0] == 0
    assert server.starts == sorted(server.starts)
    assert len(server.starts) == -(-len(CONTENT) // server.most)
    assert files() == {f"{SUM}.onnx", "networks.json"}


def test_a_killed_pull_goes_on(server: FileServer, home: Path) -> None:
    if os.name != "posix":
        pytest.skip("needs kill -9")
    server.most, server.pause = 1_000_000, 20
    env = os.environ | {"PYTHONPATH": str(Path(depthmatte.__file__).parent.parent)}
    words = ["networks", "pull", f"{server.url}#sha256={SUM}", "--name", "portrait"]
    process = subprocess.Popen(
        [sys.executable, "-m", "depthmatte", *words], env=env, stderr=subprocess.PIPE, text=True
    )
    partial = home / "networks" / "pulled" / f"{SUM}.partial"
    for _ in range(400):
        if partial.is_file() and partial.stat().st_size:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert said.startswith("depthmatte: note: downloading http://127.0.0.1")
    assert find_installed("portrait") is None
    server.most, server.pause = len(CONTENT), 0
    done = partial.stat().st_size
    assert 0 < done < len(CONTENT)
    assert run(*words[1:])[0] == 0
    assert server.starts == [0, done]
    assert registry.network_path("portrait").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_whole(server: FileServer) -> None:
    server.knows_ranges = False
    partial = installed_folder() / f"{SUM}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT[:5000])
    assert pull_network(server.url, "portrait", SUM).file.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [5000, len(CONTENT), len(CONTENT) + 7])
def test_a_wrong_beginning_is_dropped(size: int, server: FileServer) -> None:
    partial = installed_folder() / f"{SUM}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(bytes(size))
    assert pull_network(server.url, "portrait", SUM).file.read_bytes() == CONTENT
    assert server.starts[-1] == 0


@pytest.mark.parametrize(
    ("content", "sum_of", "words"),
    [
        (b"something else", CONTENT, "has another sha256 than"),
        (b"no network", b"no network", "not a usable ONNX network"),
        (tinynets.model("matte", ""), tinynets.model("matte", ""), "no depthmatte contract"),
    ],
)
def test_what_is_no_network_leaves_nothing(
    content: bytes, sum_of: bytes, words: str, server: FileServer
) -> None:
    server.content, server.most = content, len(content)
    checksum = hashlib.sha256(sum_of).hexdigest()
    with pytest.raises(WeightsError, match=words) as caught:
        pull_network(f"{server.url}#sha256={checksum}")
    assert str(caught.value).startswith("http://127.0.0.1")
    assert str(caught.value).isprintable()
    assert files() == set()


def test_a_server_that_is_away(server: FileServer) -> None:
    server.shutdown()
    server.server_close()
    status, _, said = run("pull", f"{server.url}#sha256={SUM}")
    assert status == 1
    assert said.splitlines()[-1].startswith(f"depthmatte: {server.url}: cannot be fetched")


def test_a_checksum_is_needed_for_a_server_only(tmp_path: Path, server: FileServer) -> None:
    with pytest.raises(InputError, match="needs its checksum"):
        pull_network(server.url)
    file = tmp_path / "own.onnx"
    file.write_bytes(CONTENT)
    with pytest.raises(WeightsError, match=f"has the sha256 {SUM[:12]}, not {'0' * 12}"):
        pull_network(file, sha256="0" * 64)
    assert files() == set()
    assert pull_network(f"{file}#sha256={SUM}").name == "own"
    for other, words in (("1" * 64, "differs from the checksum"), ("12", "is no SHA-256")):
        with pytest.raises(OptionError, match=words):
            pull_network(f"{file}#sha256={SUM}", sha256=other)
    assert server.starts == []


def test_a_name_changes_its_meaning_only_when_asked(tmp_path: Path) -> None:
    old, new = (Path(tinynets.save(tmp_path)[task]) for task in ("matte", "depth"))
    first = pull_network(old, "mine")
    with pytest.raises(InputError, match="is another network already"):
        pull_network(new, "mine")
    assert find_installed("mine") == first
    assert files() == {f"{first.sha256}.onnx", "networks.json"}
    second = pull_network(new, "mine", replace=True)
    assert list_installed() == {"mine": second}
    assert files() == {f"{second.sha256}.onnx", "networks.json"}
    pull_network(new, "other")
    remove_network("mine")
    assert list(list_installed()) == ["other"]
    assert registry.network_path("other").is_file()


@pytest.mark.parametrize(
    "name", ["matte", "sgbm", "", "../up", "a/b", "x" * 61, "a.onnx", "ü", "a b", "-a", "a\n"]
)
def test_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name or '...'}.onnx" if "/" not in name else tmp_path / "n"
    with pytest.raises(DepthmatteError) as caught:
        pull_network(tinynets.save(tmp_path)["matte"], name) if name else pull_network(file)
    assert str(caught.value).isprintable()
    assert list_installed() == {}


def test_two_pulls_do_not_mix(tmp_path: Path) -> None:
    installed_folder().mkdir(parents=True)
    with (
        folder_lock(installed_folder(), ".pull.lock"),
        pytest.raises(InputError, match="another pull goes on"),
    ):
        pull_network(tinynets.save(tmp_path)["matte"])


def test_damage_is_said(tmp_path: Path) -> None:
    network = pull_network(tinynets.save(tmp_path)["matte"], "mine")
    network.file.write_bytes(b"")
    with pytest.raises(WeightsError, match="the pulled mine network is damaged"):
        registry.network_path("mine")
    assert "pull it again" in run("list", "--verify")[1]
    assert pull_network(tinynets.save(tmp_path)["matte"], "mine") == network
    assert registry.network_path("mine") == network.file
    for content in (b"{", b"[]", b'{"networks": {"../x": {}}}', b"[" * 99999):
        (installed_folder() / "networks.json").write_bytes(content)
        with pytest.raises(WeightsError, match="is damaged; delete it and pull again"):
            registry.network_path("mine")
