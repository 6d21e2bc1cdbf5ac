"""`depthmatte serve --ray`: more replicas under load, which all know the same portraits."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from depthmatte.io.photo.photo_reader import read
from depthmatte.options import CutOptions, SessionOptions
from depthmatte.server.rendering import PictureWish, encode_view, picture_makers
from depthmatte.session import Session
from http_server import running_http_server

pytest.importorskip("ray.serve", reason="needs the extra ray")


def count_replicas(home: Path) -> int:
    """Count the processes of the server that has this home."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_replica = (folder / "cmdline").read_bytes().startswith(b"ray::ServeReplica")
            count += is_replica and str(home).encode() in (folder / "environ").read_bytes()
        except OSError:  # it has ended
            continue
    return count


def cut_directly(photo: bytes) -> bytes:
    """The mask that the library alone gives."""
    with Session(SessionOptions(threads=1)) as session:
        portrait = session.pipeline(CutOptions())(read(photo, "photo"))
        ((name, maker),) = picture_makers(["mask"], []).items()
        return encode_view(name, maker, portrait, PictureWish("png"))[0]


def send_until(
    is_enough: Callable[[], bool], client: httpx.Client, photo: bytes
) -> list[httpx.Response]:
    """Send photos, 8 at once, until it is enough, and 8 more."""
    answers: list[httpx.Response] = []
    end = time.monotonic() + 180
    with ThreadPoolExecutor(8) as threads:
        while True:
            last = is_enough() or time.monotonic() > end
            answers += threads.map(
                lambda _: client.post("/v1/portraits?view=mask", files={"photo": photo}), range(8)
            )
            if last:
                return answers


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_replicas_share_their_portraits_and_drain(tmp_path: Path, photo: bytes) -> None:
    flags = ("--ray", "--max-replicas", "2")
    with (
        running_http_server(tmp_path, *flags, start_seconds=300) as server,
        httpx.Client(base_url=server.address, timeout=120) as client,
    ):
        assert client.get("/readyz").status_code == 200
        assert count_replicas(tmp_path) == 1
        answers = send_until(lambda: count_replicas(tmp_path) == 2, client, photo)
        assert count_replicas(tmp_path) == 2
        assert {one.status_code for one in answers} == {200}
        assert {one.content for one in answers} == {cut_directly(photo)}
        ids = [one.headers["X-Portrait-Id"] for one in answers[-8:]]
        # Requests go to either replica; all of them know each portrait.
        for id in ids:
            views = [client.get(f"/v1/portraits/{id}/mask") for _ in range(4)]
            assert {one.content for one in views} == {answers[0].content}
        assert client.delete(f"/v1/portraits/{ids[0]}").status_code == 204
        gone = [client.get(f"/v1/portraits/{ids[0]}/mask") for _ in range(6)]
        assert {one.status_code for one in gone} == {404}
        assert "send it again" in gone[0].json()["error"]
        refused = client.get("/readyz", headers={"Host": "elsewhere.example"})
        assert refused.status_code == 403
        with ThreadPoolExecutor(8) as threads:
            accepted = [
                threads.submit(client.post, "/v1/portraits", files={"photo": photo})
                for _ in range(8)
            ]
            while not any(one.done() for one in accepted):
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            assert [one.result().status_code for one in accepted] == [200] * 8
        assert server.process.wait(120) == 0
    assert "Traceback" not in server.log.read_text("utf-8")
