from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from depthmatte import weights
from depthmatte.canvas import PRESET
from depthmatte.errors import InputError, WeightsError
from depthmatte.fuse.features import COARSE
from depthmatte.network import Network

CONTENT = bytes(range(256)) * 10_000  # over two chunks
SUM = hashlib.sha256(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real HTTP server on loopback that serves `net.onnx`."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DEPTHMATTE_CACHE", str(folder))
    return folder


@pytest.mark.parametrize("name", list(weights.TABLE))
def test_shipped_networks_are_what_the_table_says(name: str) -> None:
    row = weights.TABLE[name]
    path = weights.path(name)
    assert weights.digest(path) == row.expected
    contract = Network(path, threads=1).expect(row.task).contract
    assert contract.licence == row.licence
    coarse = COARSE if name == "fuse" else 1
    assert contract.preset == (PRESET[0] // coarse, PRESET[1] // coarse)


def test_nothing_ships_without_a_checksum() -> None:
    assert {file.name for file in weights.FOLDER.glob("*.onnx")} == set(weights.shipped_sums())


def test_a_damaged_shipped_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{SUM}  matte.onnx\n")
    (tmp_path / "matte.onnx").write_bytes(CONTENT)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    weights.shipped_sums.cache_clear()
    try:
        assert weights.path("matte") == tmp_path / "matte.onnx"
        (tmp_path / "matte.onnx").write_bytes(CONTENT[:-1])
        with pytest.raises(WeightsError, match=r"matte\.onnx: damaged"):
            weights.path("matte")
        (tmp_path / "matte.onnx").unlink()
        with pytest.raises(WeightsError, match="shipped network is missing"):
            weights.path("matte")
    finally:
        weights.shipped_sums.cache_clear()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    with pytest.raises(InputError, match=r"mine\.onnx: no such network file"):
        weights.path(file)
    file.write_bytes(b"x")
    assert weights.path(file) == file
    assert weights.path(str(file)) == file


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match="mat: unknown network; use matte, depth"):
        weights.path("mat")


def test_fetch_keeps_one_verified_copy(server: str, cache: Path) -> None:
    got = weights.path(f"{server}/net.onnx#sha256={SUM.upper()}")
    assert got.parent == cache
    assert got.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [got]


def test_fetch_does_not_ask_again(server: str, tmp_path: Path) -> None:
    first = weights.fetch(f"{server}/net.onnx", SUM, tmp_path)
    (tmp_path / "served" / "net.onnx").unlink()
    assert weights.fetch(f"{server}/net.onnx", SUM, tmp_path) == first
    first.write_bytes(b"rotten")
    with pytest.raises(WeightsError, match="cannot be fetched"):
        weights.fetch(f"{server}/net.onnx", SUM, tmp_path)


def test_fetch_repairs_a_rotten_copy(server: str, tmp_path: Path) -> None:
    weights.fetch(f"{server}/net.onnx", SUM, tmp_path).write_bytes(b"rotten")
    assert weights.fetch(f"{server}/net.onnx", SUM, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind(server: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match="another sha256"):
        weights.fetch(f"{server}/net.onnx", "0" * 64)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("address", ["{server}/gone.onnx", "http://127.0.0.1:9/net.onnx"])
def test_an_unreachable_file_leaves_nothing_behind(server: str, cache: Path, address: str) -> None:
    with pytest.raises(WeightsError, match="cannot be fetched"):
        weights.fetch(address.format(server=server), SUM)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("tail", ["", "#sha256=", "#sha256=123"])
def test_a_url_needs_a_checksum(tail: str) -> None:
    with pytest.raises(InputError, match="needs #sha256=HEX"):
        weights.path(f"https://example.org/net.onnx{tail}")


def test_a_row_with_a_url_is_fetched(server: str, cache: Path) -> None:
    row = weights.Weights("big", "matte", "MIT", "x", "y", url=f"{server}/net.onnx", sha256=SUM)
    assert row.path().read_bytes() == CONTENT


def test_the_cache_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DEPTHMATTE_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.cache_folder() == tmp_path / "depthmatte"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert weights.cache_folder() == tmp_path / "local" / "depthmatte"
    monkeypatch.setattr("sys.platform", "darwin")
    assert weights.cache_folder().parts[-3:] == ("Library", "Caches", "depthmatte")
