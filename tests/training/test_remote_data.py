"""Data in object storage is fetched once, whole, checked, and read as any folder."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

fsspec = pytest.importorskip("fsspec", reason="needs the extra cloud")
pytest.importorskip("torch", reason="needs the extra train")

import depthmatte  # noqa: E402
from depthmatte.errors import InputError, MissingExtra  # noqa: E402
from depthmatte.io.files import object_storage  # noqa: E402
from depthmatte.io.files.object_storage import remote_url  # noqa: E402
from depthmatte.training import remote_data  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.remote_data import fetch_data, fetch_folder  # noqa: E402

FILES = {"images/a.png": b"one", "images/deep/b.png": b"two" * 5000, "masks/a.png": b""}


@pytest.fixture
def memory() -> Iterator[Any]:
    """An object storage in this process, with FILES in the folder `bucket/set`."""
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    for name, content in FILES.items():
        storage.pipe_file(f"/bucket/set/{name}", content)
    yield storage
    storage.store.clear()
    storage.pseudo_dirs[:] = [""]


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_fetched_once(memory: Any, tmp_path: Path) -> None:
    told: list[str] = []
    folder = fetch_folder("memory://bucket/set", tmp_path / "cache", told.append)
    assert content(folder) == FILES
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert fetch_folder("memory://bucket/set", tmp_path / "cache", told.append) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == stamps
    assert told[0] == "memory://bucket/set: fetching 3 of 3 files, 0.0 MB"
    assert told[2] == f"memory://bucket/set: 3 files are in {folder}"


def test_a_folder_that_changed_is_fetched_beside_the_older_one(memory: Any, tmp_path: Path) -> None:
    older = fetch_folder("memory://bucket/set", tmp_path)
    memory.pipe_file("/bucket/set/images/a.png", b"ONE")  # of the same size
    newer = fetch_folder("memory://bucket/set", tmp_path)
    assert newer != older
    assert content(older) == FILES
    assert content(newer)["images/a.png"] == b"ONE"


def test_a_damaged_cache_is_fetched_again(memory: Any, tmp_path: Path) -> None:
    folder = fetch_folder("memory://bucket/set", tmp_path)
    (folder / "images" / "a.png").write_bytes(b"cut")
    (folder / "masks" / "a.png").unlink()
    (folder / "more.png").write_bytes(b"")
    assert fetch_folder("memory://bucket/set", tmp_path) == folder
    assert content(folder) == FILES


def test_a_broken_fetch_goes_on(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(memory)
    fetch = kind.get_file

    def fail(self: Any, key: str, target: str, **more: Any) -> None:
        if key.endswith("b.png"):
            raise TimeoutError("password=hunter2")
        fetch(self, key, target, **more)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "get_file", fail)
        with pytest.raises(InputError, match=r"b\.png: cannot be read \(TimeoutError\)") as caught:
            fetch_folder("memory://bucket/set", tmp_path)
    assert "hunter2" not in str(caught.value)
    assert [path.suffix for path in tmp_path.iterdir() if path.is_dir()] == [".part"]
    assert content(fetch_folder("memory://bucket/set", tmp_path)) == FILES
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("/bucket/set/a\\b.png", "is no path of a file here"),
        ("/bucket/set/c:d.png", "is no path of a file here"),
        ("/bucket/set/new\nline", "is no path of a file here"),
        ("/bucket/set/" + "n" * 256, "is no path of a file here"),
        ("/bucket/set/images/a.png/x", "has a file and a folder of the name images/a.png"),
    ],
)
def test_names_that_no_folder_can_have_are_refused(
    memory: Any, tmp_path: Path, key: str, told: str
) -> None:
    memory.store[key] = type(memory.store["/bucket/set/images/a.png"])(memory, key, b"x")
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        fetch_folder("memory://bucket/set", tmp_path)
    assert "\n" not in str(caught.value)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("_MAX_FILES", 2, "holds more than 2 files"),
        ("_MAX_BYTES", 100, "give a smaller folder"),
        ("_MAX_FILE_BYTES", 100, "images/deep/b.png is larger than"),
        ("_SPARE_BYTES", 2**80, "make room there"),
    ],
)
def test_what_is_fetched_has_bounds(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, told: str
) -> None:
    home = remote_data if hasattr(remote_data, name) else object_storage
    monkeypatch.setattr(home, name, value)
    with pytest.raises(InputError, match=told):
        fetch_folder("memory://bucket/set", tmp_path)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://bucket/none", "holds no files|cannot be read"),
        ("memory://bucket/set/images/a.png", "is a file; give the folder"),
        ("ftp://host/folder", "is no known storage; use s3"),
        ("s3://key:secret@bucket/folder", "the URL holds credentials"),
    ],
)
def test_a_url_that_cannot_be_read_is_named_without_secrets(
    memory: Any, tmp_path: Path, url: str, told: str
) -> None:
    recipe = Recipe(task="matte", data=(Path(url),), out=tmp_path)
    with pytest.raises(InputError, match=told) as caught:
        fetch_data(recipe)
    assert "secret" not in str(caught.value)


def test_a_storage_without_its_package_names_the_extra(tmp_path: Path) -> None:
    if importlib.util.find_spec("gcsfs") is not None:
        pytest.skip("gcsfs is installed")
    with pytest.raises(MissingExtra, match=r"depthmatte\[cloud\]"):
        fetch_folder("gs://bucket/folder", tmp_path)


@given(st.text("abcXYZ019 ._-/", max_size=40))
def test_paths_of_this_machine_are_no_urls(path: str) -> None:
    assert remote_url(Path(path)) is None
    assert remote_url(Path("C:/") / path) is None


def test_a_recipe_reads_the_fetched_folders(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "home"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "x.png").write_bytes(b"x")
    near, far = Path(f"file://{tmp_path}/set"), Path("memory://bucket/set")
    recipe = Recipe(task="matte", data=(near, tmp_path), backgrounds=(far,), labels=far)
    fetched = fetch_data(recipe)
    assert content(fetched.data[0]) == {"x.png": b"x"}
    assert fetched.data[1] == tmp_path
    assert content(fetched.backgrounds[0]) == FILES
    assert fetched.labels == fetched.backgrounds[0]
    assert all(str(path).startswith(str(tmp_path)) for path in fetched.data)
    local = Recipe(task="matte", data=(tmp_path,))
    assert fetch_data(local) is local


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of S3's protocol on loopback, and the environment that names it."""
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    pytest.importorskip("moto.server", reason="needs moto with flask")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "topsecret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "home"))
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


STORE = """
import fsspec, sys
storage = fsspec.filesystem("s3")
storage.mkdir("photos")
storage.put(sys.argv[1].rstrip("/") + "/", "photos/mine/", recursive=True)
"""


def test_training_reads_photos_of_an_s3_server(s3: None, data: Path, tmp_path: Path) -> None:
    """The command line, s3fs and a real server: in processes of their own."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(Path(depthmatte.__file__).parents[1]), os.environ.get("PYTHONPATH")])
        ),
        "OMP_NUM_THREADS": "1",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(command, env=environment, text=True, capture_output=True)

    folder = data / "people" / "ccp" / "train"
    stored = run("-W", "ignore", "-c", STORE, str(folder))
    assert stored.returncode == 0, stored.stderr
    check = ("-m", "depthmatte", "train", "check", "--data")
    first = run(*check, "s3://photos/mine")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("s3://photos/mine: fetching 44 of 44 files")
    assert "20 photos to train on" in first.stdout
    cached = next((tmp_path / "home" / "data-cache").glob("mine-*"))
    assert content(cached) == content(folder)
    again = run(*check, "s3://photos/mine")
    assert again.stdout.startswith(f"s3://photos/mine: 44 files are in {cached}")
    missing = run(*check, "s3://nowhere/mine")
    assert missing.returncode == 1
    assert len(missing.stderr.splitlines()) == 1
    assert "topsecret" not in first.stdout + first.stderr + missing.stderr
