"""`cut --remote` with the networks of our own server, as processes on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from http_server import running_http_server


def cut(photo: bytes, folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess:
    """Cut a photo in a process of its own; pictures and messages land in `folder`."""
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(photo)
    words = [sys.executable, "-m", "depthmatte", "cut", str(folder / "photo.jpg"), "--json"]
    words += ["--save", "alpha,depth", "-o", str(folder / "out"), *flags]
    variables = {**os.environ, "NO_PROXY": "*", **environment}
    return subprocess.run(words, capture_output=True, text=True, env=variables, check=False)


def pictures(folder: Path) -> dict[str, np.ndarray]:
    """Name -> values of the pictures that a cut wrote."""
    files = sorted((folder / "out").glob("*.png"))
    return {file.name: cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files}


def test_a_cut_with_our_server_is_that_of_this_machine(photo: bytes, tmp_path: Path) -> None:
    with running_http_server(tmp_path, DEPTHMATTE_API_KEY="secret") as server:
        flags = ("--remote", server.address)
        refused = cut(photo, tmp_path / "refused", *flags)
        there = cut(photo, tmp_path / "there", *flags, DEPTHMATTE_REMOTE_API_KEY="secret")
    assert refused.returncode == 1
    assert "DEPTHMATTE_REMOTE_API_KEY" in refused.stderr
    here = cut(photo, tmp_path / "here")
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert json.loads(there.stdout)["provider"] == f"remote {server.address}"
    expected, found = pictures(tmp_path / "here"), pictures(tmp_path / "there")
    assert list(found) == list(expected) == ["photo.alpha.png", "photo.depth.png"]
    for name, values in expected.items():
        # Threads of a network change the order of its sums.
        np.testing.assert_allclose(found[name], values, atol=1 if values.dtype == np.uint8 else 40)


def test_a_stopped_server_is_named_or_replaced(photo: bytes, tmp_path: Path) -> None:
    with running_http_server(tmp_path) as server:
        address = server.address
    flags = ("--remote", address, "--remote-retries", "0")
    stopped = cut(photo, tmp_path / "stopped", *flags)
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert stopped.stderr.count("\n") == 1
    assert stopped.stderr.startswith(f"depthmatte: {address}: the server does not run networks now")
    assert not pictures(tmp_path / "stopped")
    local = cut(photo, tmp_path / "local", *flags, "--remote-fallback")
    assert local.returncode == 0, local.stderr
    assert json.loads(local.stdout)["provider"] == "CPUExecutionProvider"
    assert "now runs on this machine" in local.stderr
    assert list(pictures(tmp_path / "local")) == ["photo.alpha.png", "photo.depth.png"]
