"""A batch from and to object storage gives what one on this machine gives."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from batch_photos import RECORD, cut, draw_photos, pictures, result_rows
from typer.testing import CliRunner

from depthmatte.batch.find_inputs import _pattern_regex
from depthmatte.cli.app import app
from depthmatte.io.files.object_storage import remote_url, restore_urls


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server of S3's protocol on loopback, as an environment."""
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    pytest.importorskip("moto.server", reason="needs moto with flask")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "topsecret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "DEPTHMATTE_HOME": str(tmp_path_factory.mktemp("home")),
        }
    finally:
        server.terminate()
        server.wait()


def ask(s3: dict[str, str], method: str, path: str, content: bytes | None = None) -> bytes:
    """Send one request to the server, which checks no signature; none of our code is in between."""
    owner = f"AWS4-HMAC-SHA256 Credential={s3['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/s3/x"
    headers = {
        "Authorization": f"{owner}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/octet-stream",
    }
    request = Request(f"{s3['AWS_ENDPOINT_URL']}/{path}", content, headers, method=method)
    with urlopen(request, timeout=180) as answer:
        return bytes(answer.read())


def upload(s3: dict[str, str], folder: Path, prefix: str) -> None:
    for path in folder.rglob("*.*"):
        ask(s3, "PUT", f"bucket/{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def download(s3: dict[str, str], prefix: str, folder: Path) -> None:
    listed = ask(s3, "GET", f"bucket?list-type=2&prefix={prefix}/").decode()
    for key in re.findall("<Key>([^<]+)</Key>", listed):
        target = folder / key.removeprefix(f"{prefix}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(ask(s3, "GET", f"bucket/{key}"))


def test_s3_in_and_out_gives_the_same_bytes(
    s3: dict[str, str], tmp_path: Path, tiny_networks: list[str]
) -> None:
    draw_photos(tmp_path / "photos" / "sub", 3)
    draw_photos(tmp_path / "listed", 1, height=60)
    (tmp_path / "listed" / "list.csv").write_text("photo,options\n00.png,fusion=none\n")
    ask(s3, "PUT", "bucket", b"")
    upload(s3, tmp_path / "photos", "in")
    upload(s3, tmp_path / "listed", "listed")
    wanted = ["--save", "alpha", "--jobs", "1", *tiny_networks]
    done = cut("s3://bucket/in", "-o", "s3://bucket/out", "--resume", *wanted, **s3)
    assert done.returncode == 0, done.stderr
    assert "s3://bucket/in/sub/00.png -> s3://bucket/out/sub/00.alpha.png" in done.stdout
    # Another machine goes on: it has no record of its own. It takes a manifest in the storage,
    # too, and a bucket that there is not.
    shutil.rmtree(s3["DEPTHMATTE_HOME"])
    paths = ["s3://bucket/in/**/0?.png", "s3://bucket/listed/list.csv", "s3://nowhere/in"]
    again = cut(*paths, "-o", "s3://bucket/out", "--resume", *wanted, **s3)
    assert again.stdout.count("skipped, its results exist") == 3, again.stdout + again.stderr
    assert "s3://bucket/listed/00.png -> s3://bucket/out/00.alpha.png" in again.stdout
    assert again.returncode == 1
    assert again.stderr.startswith("depthmatte: s3://nowhere/in: ")
    assert "topsecret" not in again.stderr
    download(s3, "out", tmp_path / "got")
    for photos, out, more in (("photos", "local", ()), ("listed", "local", ("--fusion", "none"))):
        arguments = [str(tmp_path / photos), "-o", str(tmp_path / out), *wanted, *more]
        assert CliRunner().invoke(app, ["cut", *arguments]).exit_code == 0
    local = pictures(tmp_path / "local")
    assert sorted(local) == ["00.alpha.png", *(f"sub/0{number}.alpha.png" for number in range(3))]
    assert local == pictures(tmp_path / "got")
    rows = [row for row in result_rows(tmp_path / "got") if row["status"] == "ok"]
    assert sorted(name for row in rows for name in row["outputs"]) == sorted(local)
    assert all(row["timings"]["fetch"] > 0 and row["timings"]["store"] > 0 for row in rows)
    assert {path.name for path in (tmp_path / "got").iterdir()} == {"sub", "00.alpha.png", *RECORD}


@pytest.mark.parametrize(
    ("pattern", "matched", "other"),
    [
        ("*.png", ["a.png"], ["s/a.png", "a.jpg"]),
        ("**/*.png", ["a.png", "s/a.png", "s/t/a.png"], ["a.jpg"]),
        ("s?/[ab].*", ["s1/a.png", "s2/b.x"], ["s/a.png", "s1/c.png"]),
        ("[!a].png", ["b.png"], ["a.png"]),
        ("a+(b).png", ["a+(b).png"], ["aab.png"]),
        ("**", ["a", "s/a"], [""]),
    ],
)
def test_patterns_match_as_in_a_folder(pattern: str, matched: list[str], other: list[str]) -> None:
    made = _pattern_regex(pattern.split("/"))
    assert [bool(made.fullmatch(name)) for name in matched + other] == [
        *[True] * len(matched),
        *[False] * len(other),
    ]


def test_a_path_gives_its_url_back() -> None:
    url = "s3://bucket/a b/c.jpg"
    assert remote_url(Path(url)) == restore_urls(str(Path(url))) == url
    assert restore_urls("C:/a and http://x") == "C:/a and http://x"
