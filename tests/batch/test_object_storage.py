"""A batch from and to object storage gives what one on this machine gives."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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


@contextmanager
def bucket(s3: dict[str, str]) -> Iterator[Any]:
    """The client of the bucket `bucket`."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT_URL"],
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
        region_name=s3["AWS_DEFAULT_REGION"],
    )
    with closing(client):
        yield client


def upload(s3: dict[str, str], folder: Path, prefix: str) -> None:
    with bucket(s3) as client:
        client.create_bucket(Bucket="bucket")
        for path in folder.rglob("*.*"):
            name = f"{prefix}/{path.relative_to(folder).as_posix()}"
            client.put_object(Bucket="bucket", Key=name, Body=path.read_bytes())


def download(s3: dict[str, str], prefix: str, folder: Path) -> None:
    with bucket(s3) as client:
        for one in client.list_objects_v2(Bucket="bucket", Prefix=f"{prefix}/")["Contents"]:
            target = folder / one["Key"].removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(client.get_object(Bucket="bucket", Key=one["Key"])["Body"].read())


def test_s3_in_and_out_gives_the_same_bytes(
    s3: dict[str, str], tmp_path: Path, tiny_networks: list[str]
) -> None:
    draw_photos(tmp_path / "photos" / "sub", 3)
    (tmp_path / "photos" / "list.csv").write_text("photo,options\nsub/00.png,fusion=none\n")
    upload(s3, tmp_path / "photos", "in")
    wanted = ["--save", "alpha", "--jobs", "1", *tiny_networks]
    done = cut("s3://bucket/in", "-o", "s3://bucket/out", "--resume", *wanted, **s3)
    assert done.returncode == 0, done.stderr
    assert "s3://bucket/in/sub/00.png -> s3://bucket/out/sub/00.alpha.png" in done.stdout
    # Another machine goes on: it has no record of its own.
    shutil.rmtree(s3["DEPTHMATTE_HOME"])
    again = cut("s3://bucket/in/**/0?.png", "-o", "s3://bucket/out", "--resume", *wanted, **s3)
    assert again.stdout.count("skipped, its results exist") == 3, again.stdout + again.stderr
    # A manifest in the storage, and a bucket that there is not.
    paths = ["s3://bucket/in/list.csv", "s3://nowhere/in"]
    listed = cut(*paths, "-o", tmp_path / "listed", *wanted, **s3)
    assert listed.returncode == 1
    assert listed.stderr.startswith("depthmatte: s3://nowhere/in: ")
    assert "topsecret" not in listed.stderr
    assert list(pictures(tmp_path / "listed")) == ["sub/00.alpha.png"]
    download(s3, "out", tmp_path / "got")
    arguments = [str(tmp_path / "photos" / "sub"), "-o", str(tmp_path / "local" / "sub"), *wanted]
    assert CliRunner().invoke(app, ["cut", *arguments]).exit_code == 0
    local = pictures(tmp_path / "local")
    assert len(local) == 3
    assert local == pictures(tmp_path / "got")
    rows = result_rows(tmp_path / "got")
    assert [row["outputs"] for row in rows] == [[name] for name in sorted(local)]
    assert all(row["timings"]["fetch"] > 0 and row["timings"]["store"] > 0 for row in rows)
    assert {path.name for path in (tmp_path / "got").iterdir()} == {"sub", *RECORD}


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
