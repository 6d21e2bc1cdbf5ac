"""The live socket: newest frame wins, settings by text, errors by text."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from http_server import HttpServer

sync = pytest.importorskip("websockets.sync.client", reason="needs websockets")


def shape(content: bytes) -> tuple[int, ...]:
    """The shape of a picture."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture.shape


def test_frames_come_back_as_pictures(server: HttpServer, photo: bytes) -> None:
    with sync.connect(f"ws://127.0.0.1:{server.port}/v1/live", max_size=None) as socket:
        socket.send(photo)
        assert shape(socket.recv(60)) == (256, 256, 3)
        socket.send(json.dumps({"effect": "cutout", "options": {"depth_source": "none"}}))
        assert json.loads(socket.recv(60)) == {"look": "cutout"}
        socket.send(photo)
        assert shape(socket.recv(60)) == (256, 256, 4)


def test_the_newest_frame_wins(server: HttpServer, photo: bytes) -> None:
    wall = cv2.imencode(".png", np.full((32, 32, 3), 128, np.uint8))[1].tobytes()
    with sync.connect(f"ws://127.0.0.1:{server.port}/v1/live", max_size=None) as socket:
        for _ in range(20):
            socket.send(photo)
        socket.send(wall)
        answers = 0
        while shape(socket.recv(60))[:2] != (32, 32):
            answers += 1
        assert answers < 20


@pytest.mark.parametrize("message", ["[", "[]", '{"x": 1}', '{"effect": 3}', '{"effect": "x"}'])
def test_bad_messages_are_told(server: HttpServer, photo: bytes, message: str) -> None:
    with sync.connect(f"ws://127.0.0.1:{server.port}/v1/live") as socket:
        socket.send(message)
        assert json.loads(socket.recv(60))["error"]
        socket.send(b"no picture")
        assert json.loads(socket.recv(60))["error"]


def test_other_sites_may_not_connect(server: HttpServer) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus):
        sync.connect(f"ws://127.0.0.1:{server.port}/v1/live", origin="https://attacker.example")
