"""SIGTERM in mid-load: what was accepted is answered; kill -9: every client hears of it."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from http_server import HttpServer, running_http_server


def send_many(server: HttpServer, photo: bytes, stop: int) -> list[int | None]:
    """Statuses of 8 requests; None where the connection broke. The signal comes in mid-load."""

    def send(_: int) -> int | None:
        with httpx.Client(base_url=server.address, timeout=60) as client:
            try:
                return client.post("/v1/portraits?view=mask", files={"photo": photo}).status_code
            except httpx.TransportError:
                return None

    with ThreadPoolExecutor(8) as threads, httpx.Client(base_url=server.address) as client:
        answers = [threads.submit(send, k) for k in range(8)]
        while "depthmatte_queue_waiting 6" not in client.get("/metrics").text:
            assert not all(one.done() for one in answers), "the load ended before the signal"
        os.kill(server.process.pid, stop)
        return [one.result() for one in answers]


def test_sigterm_answers_what_was_accepted(tmp_path: Path, photo: bytes) -> None:
    with running_http_server(tmp_path, "--workers", "1") as server:
        statuses = send_many(server, photo, signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert statuses == [200] * 8


def test_a_killed_server_leaves_no_client_waiting_and_starts_again(
    tmp_path: Path, photo: bytes
) -> None:
    with running_http_server(tmp_path, "--workers", "1") as server:
        statuses = send_many(server, photo, signal.SIGKILL)
        server.process.wait(60)
    assert set(statuses) <= {200, None}
    assert None in statuses
    with running_http_server(tmp_path, "--port", str(server.port)) as again:  # at once
        answer = httpx.post(
            f"{again.address}/v1/portraits?view=mask", files={"photo": photo}, timeout=60
        )
    assert (again.port, answer.status_code) == (server.port, 200)
