"""The GIMP plug-in: what it sends and takes, without GIMP; and in GIMP 3 where it is installed."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

import depthmatte as dm
import tinynets
from places import ROOT
from portrait_server import PortraitServer

PLUGIN = ROOT / "integrations" / "gimp" / "depthmatte"
CONSOLE = shutil.which("gimp-console-3.0")


def photo() -> np.ndarray:
    """RGB uint8 (60, 44, 3): the person of the tiny networks is red."""
    rgb = np.random.default_rng(3).integers(0, 120, (60, 44, 3)).astype(np.uint8)
    rgb[15:45, 12:32, :2] = 255
    return rgb


def png(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


def pixels(content: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found.ndim == 3:
        found[..., :3] = found[..., 2::-1].copy()
    return found


@pytest.fixture(scope="module")
def client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("portrait_client", PLUGIN / "portrait_client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PortraitServer]:
    running = PortraitServer(dm.Session(networks=tinynets.save(tmp_path)))
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(5)


def test_the_matte_is_that_of_the_server(client: ModuleType, server: PortraitServer) -> None:
    found = pixels(client.fetch_view(server.url, png(photo()), "alpha", {"subject": "nearest"}))
    expected = server.session.cut(photo(), subject="nearest").alpha
    np.testing.assert_array_equal(found, np.rint(expected * 255))
    query, headers, sent, options = server.requests[0]
    np.testing.assert_array_equal(sent, photo())
    assert query == {"view": "alpha", "format": "png"}
    assert options == {"subject": "nearest"}
    assert "x-api-key" not in headers


def test_the_blur_has_its_strength(client: ModuleType, server: PortraitServer) -> None:
    content = client.fetch_view(server.url + "/", png(photo()), "blur", strength=0.75)
    expected = server.session.cut(photo()).blur(strength=0.75)
    np.testing.assert_array_equal(pixels(content), expected)


def test_a_key_comes_from_the_environment(
    client: ModuleType, server: PortraitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "secret"
    with pytest.raises(client.ServerError, match="needs the key in X-API-Key"):
        client.fetch_view(server.url, png(photo()), "alpha")
    monkeypatch.setenv(client.KEY_VARIABLE, "secret")
    assert client.fetch_view(server.url, png(photo()), "alpha").startswith(client.PNG_SIGNATURE)


def test_an_error_of_the_server_is_passed_on(client: ModuleType, server: PortraitServer) -> None:
    with pytest.raises(client.ServerError, match="subject is 'nobody'"):
        client.fetch_view(server.url, png(photo()), "alpha", {"subject": "nobody"})


def test_no_server(client: ModuleType, server: PortraitServer) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(client.ServerError, match="start it with: depthmatte serve"):
        client.fetch_view(server.url, b"", "alpha")
    for address in ("", "localhost:8000", "ftp://host", "http://", "http://host:port", "http://[1"):
        with pytest.raises(client.ServerError, match="is no address"):
            client.fetch_view(address, b"", "alpha")


def test_any_bytes_pass_the_form(client: ModuleType) -> None:
    from email.parser import BytesParser
    from email.policy import HTTP

    content = bytes(range(256)) + b"\r\n--\r\n"
    body, kind = client.encode_form(content, {"subject": "a\r\n--"})
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    first, second = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
    assert first.get_payload(decode=True) == content
    assert second.get_payload(decode=True) == b'{"subject": "a\\r\\n--"}'


def test_gimp_finds_the_plug_in() -> None:
    """GIMP loads an executable file that has the name of its folder."""
    script = PLUGIN / f"{PLUGIN.name}.py"
    assert script.read_text("utf-8").startswith("#!/usr/bin/env python3\n")
    if os.name == "posix":
        assert os.access(script, os.X_OK)


def test_only_the_standard_library_is_needed() -> None:
    allowed = {*sys.stdlib_module_names, "gi", "portrait_client"}
    for file in PLUGIN.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed


@pytest.mark.skipif(CONSOLE is None, reason="needs GIMP 3 with Python plug-ins")
def test_in_gimp(server: PortraitServer, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(png(photo()))
    home = tmp_path / "home"
    run_in_gimp(server.url, tmp_path, home)
    found = pixels((tmp_path / "cut.png").read_bytes())
    expected = np.rint(server.session.cut(photo()).alpha * 255)
    np.testing.assert_allclose(found[..., -1], expected, atol=1)
    blurred = pixels((tmp_path / "blur.png").read_bytes())[..., :3]
    np.testing.assert_allclose(blurred, server.session.cut(photo()).blur(strength=1.0), atol=1)


def run_in_gimp(url: str, folder: Path, home: Path) -> None:
    """Run both procedures on photo.png in `folder`, and write cut.png and blur.png there."""
    plugins = home / "plug-ins"
    shutil.copytree(PLUGIN, plugins / PLUGIN.name)
    run = subprocess.run(
        [
            *(str(CONSOLE), "--no-interface", "--batch-interpreter=python-fu-eval"),
            *("--batch", gimp_batch(url, folder), "--quit"),
        ],
        env=os.environ | {"GIMP3_DIRECTORY": str(home), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (folder / "blur.png").is_file(), run.stdout + run.stderr


def gimp_batch(url: str, folder: Path) -> str:
    """Python for GIMP's batch interpreter."""
    return f"""
import gi
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio

def call(name, **given):
    image = Gimp.file_load(
        Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path({str(folder / "photo.png")!r})
    )
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [image.get_layers()[0]])
    config.set_property("server", {url!r})
    for key, value in given.items():
        config.set_property(key, value)
    result = procedure.run(config)
    assert result.index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
    return image

def save(image, name):
    file = Gio.File.new_for_path({str(folder)!r} + "/" + name)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)

save(call("depthmatte-cut-out"), "cut.png")
save(call("depthmatte-blur-background", strength=1.0), "blur.png")
"""
