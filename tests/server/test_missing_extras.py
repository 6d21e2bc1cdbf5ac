"""A server without SciPy and OpenEXR says which extra an option needs, with status 501."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from http_server import HttpServer, running_http_server

ABSENT = ("scipy", "OpenEXR")
RAISE = "raise ModuleNotFoundError(f'No module named {__name__!r}', name=__name__)\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A process in which those packages cannot be imported."""
    folder = tmp_path_factory.mktemp("absent")
    for name in ABSENT:
        (folder / f"{name}.py").write_text(RAISE)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    with running_http_server(tmp_path_factory.mktemp("home"), PYTHONPATH=path) as found:
        yield found


def cut(client: httpx.Client, photo: bytes, depth: bytes | None = None, **options: Any) -> Any:
    files = {"photo": ("a.jpg", photo)} | ({} if depth is None else {"depth": ("d.exr", depth)})
    return client.post("/v1/portraits", files=files, data={"options": json.dumps(options)})


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        ({"refine": "closed-form"}, "refine"),
        ({"segmenter": "spectral"}, "refine"),
        ({"segmenter": "spectral", "subject": "120,60"}, "refine"),
    ],
)
def test_an_option_without_its_package_is_501(
    client: httpx.Client, photo: bytes, options: dict[str, Any], extra: str
) -> None:
    kept = cut(client, photo)
    assert kept.status_code == 200
    place = f"/v1/portraits/{kept.json()['id']}"
    for answer in (cut(client, photo, **options), client.post(f"{place}/options", json=options)):
        assert answer.status_code == 501, answer.text
        told = answer.json()
        assert f"pip install 'depthmatte[{extra}]'" in told["error"]
        assert "\n" not in told["error"]
        assert told["request_id"] == answer.headers["X-Request-Id"]
    assert client.get(f"{place}/cutout").status_code == 200  # what was there is untouched


def test_a_file_that_needs_a_package_is_501(client: httpx.Client, photo: bytes) -> None:
    answer = cut(client, photo, b"\x76\x2f\x31\x01rest")
    assert answer.status_code == 501, answer.text
    assert "pip install 'depthmatte[exr]'" in answer.json()["error"]


def test_the_live_socket_tells_it_too(server: HttpServer, photo: bytes) -> None:
    sync = pytest.importorskip("websockets.sync.client", reason="needs websockets")
    with sync.connect(f"ws://127.0.0.1:{server.port}/v1/live", max_size=None) as socket:
        socket.send(json.dumps({"options": {"refine": "closed-form"}}))
        assert "look" in json.loads(socket.recv(60))
        socket.send(photo)
        assert "depthmatte[refine]" in json.loads(socket.recv(60))["error"]


def test_all_routes_state_the_status(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert "501" in paths["/v1/portraits"]["post"]["responses"]


def test_the_log_has_no_traceback(server: HttpServer) -> None:
    assert Path(server.log).read_text("utf-8").count("Traceback") == 0
