from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from depthmatte.canvas import PRESET_SHAPE
from depthmatte.errors import InputError, WeightsError
from depthmatte.fusion.inputs import BLOCK_SIDE_PX
from depthmatte.networks import registry
from depthmatte.networks.network import Network

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


@pytest.mark.parametrize("name", list(registry.NETWORKS))
def test_shipped_networks_are_what_the_table_says(name: str) -> None:
    row = registry.NETWORKS[name]
    path = registry.network_path(name)
    assert registry.file_sha256(path) == row.expected_sha256
    contract = Network(path, threads=1).require_task(row.task).contract
    assert contract.license == row.license
    coarse = {"fuse": BLOCK_SIDE_PX, "parts": 2}.get(name, 1)
    assert contract.preset == (PRESET_SHAPE[0] // coarse, PRESET_SHAPE[1] // coarse)


def test_nothing_ships_without_a_checksum() -> None:
    assert {file.name for file in registry.NETWORKS_FOLDER.glob("*.onnx")} == set(
        registry._shipped_checksums()
    )


def test_a_damaged_shipped_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{SUM}  matte.onnx\n")
    (tmp_path / "matte.onnx").write_bytes(CONTENT)
    monkeypatch.setattr(registry, "NETWORKS_FOLDER", tmp_path)
    registry._shipped_checksums.cache_clear()
    try:
        assert registry.network_path("matte") == tmp_path / "matte.onnx"
        (tmp_path / "matte.onnx").write_bytes(CONTENT[:-1])
        with pytest.raises(WeightsError, match=r"matte\.onnx: is damaged"):
            registry.network_path("matte")
        (tmp_path / "matte.onnx").unlink()
        with pytest.raises(WeightsError, match="shipped network is missing"):
            registry.network_path("matte")
    finally:
        registry._shipped_checksums.cache_clear()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    with pytest.raises(InputError, match=r"mine\.onnx: no such network file"):
        registry.network_path(file)
    file.write_bytes(b"x")
    assert registry.network_path(file) == file
    assert registry.network_path(str(file)) == file


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match="mat: unknown network; use matte, depth"):
        registry.network_path("mat")


def test_fetch_keeps_one_verified_copy(server: str, cache: Path) -> None:
    got = registry.network_path(f"{server}/net.onnx#sha256={SUM.upper()}")
    assert got.parent == cache
    assert got.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [got]


def test_fetch_does_not_ask_again(server: str, tmp_path: Path) -> None:
    first = registry._fetch_to_cache(f"{server}/net.onnx", SUM, tmp_path)
    (tmp_path / "served" / "net.onnx").unlink()
    assert registry._fetch_to_cache(f"{server}/net.onnx", SUM, tmp_path) == first
    first.write_bytes(b"rotten")
    with pytest.raises(WeightsError, match="cannot be fetched"):
        registry._fetch_to_cache(f"{server}/net.onnx", SUM, tmp_path)


def test_fetch_repairs_a_rotten_copy(server: str, tmp_path: Path) -> None:
    registry._fetch_to_cache(f"{server}/net.onnx", SUM, tmp_path).write_bytes(b"rotten")
    assert registry._fetch_to_cache(f"{server}/net.onnx", SUM, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind(server: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match="another sha256"):
        registry._fetch_to_cache(f"{server}/net.onnx", "0" * 64)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("address", ["{server}/gone.onnx", "http://127.0.0.1:9/net.onnx"])
def test_an_unreachable_file_leaves_nothing_behind(server: str, cache: Path, address: str) -> None:
    with pytest.raises(WeightsError, match="cannot be fetched"):
        registry._fetch_to_cache(address.format(server=server), SUM)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("tail", ["", "#sha256=", "#sha256=123"])
def test_a_url_needs_a_checksum(tail: str) -> None:
    with pytest.raises(InputError, match="append #sha256=HEX"):
        registry.network_path(f"https://example.org/net.onnx{tail}")


def test_a_row_with_a_url_is_fetched(server: str, cache: Path) -> None:
    row = registry.NetworkEntry(
        "big", "matte", "MIT", "x", "y", url=f"{server}/net.onnx", sha256=SUM
    )
    assert row.path().read_bytes() == CONTENT


def test_the_cache_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DEPTHMATTE_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert registry.cache_folder() == tmp_path / "depthmatte"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert registry.cache_folder() == tmp_path / "local" / "depthmatte"
    monkeypatch.setattr("sys.platform", "darwin")
    assert registry.cache_folder().parts[-3:] == ("Library", "Caches", "depthmatte")
