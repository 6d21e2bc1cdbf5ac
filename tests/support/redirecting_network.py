"""A network of its own, in which a web server at a public address redirects to private ones.

Run as `unshare -rn python redirecting_network.py PHOTO`. It starts `depthmatte serve --fetch-urls`
in that network, asks it for the photos at several URLs, and prints JSON: the answers, and the
requests that reached private addresses.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer

import httpx

from http_server import running_http_server

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.1"

PLACES = {
    "/moved": "/photo.jpg",
    "/moved-twice": "/moved",
    "/to-loopback": "http://127.0.0.1/secret",
    "/to-loopback-number": "http://2130706433/secret",
    "/to-loopback-mapped": "http://[::ffff:127.0.0.1]/secret",
    "/to-name": "http://localhost/secret",
    "/to-private": f"http://{PRIVATE}/secret",
    "/to-port": f"http://{PUBLIC}:8080/photo.jpg",
    "/to-login": f"http://me@{PUBLIC}/photo.jpg",
    "/to-file": "file:///etc/passwd",
    "/to-nothing": "http://",
    "/to-itself": "/to-itself",
}
"""Path at the public address -> where it redirects to."""


def _run(photo: bytes) -> dict[str, object]:
    secrets: list[str] = []

    class Site(BaseHTTPRequestHandler):
        """The public site: the photo, an endless file, and redirects."""

        def do_GET(self) -> None:
            if self.path in PLACES:
                self.send_response(302)
                self.send_header("Location", PLACES[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(photo)
            try:
                while self.path == "/endless":
                    self.wfile.write(bytes(100_000))
            except OSError:
                pass

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    class Secret(Site):
        """A private site that must never be asked."""

        def do_GET(self) -> None:
            secrets.append(self.path)
            super().do_GET()

    class Server(ThreadingHTTPServer):
        """Does not look its own name up: there is no name server in this network."""

        def server_bind(self) -> None:
            TCPServer.server_bind(self)
            self.server_name, self.server_port = self.server_address[:2]

    sites = [(PUBLIC, Site), ("127.0.0.1", Secret), (PRIVATE, Secret)]
    for address, handler in sites:
        site = Server((address, 80), handler)
        threading.Thread(target=site.serve_forever, daemon=True).start()
    answers = {}
    flags = ("--fetch-urls", "--max-body-mb", "2")
    with (
        tempfile.TemporaryDirectory() as home,
        running_http_server(Path(home), *flags) as server,
        httpx.Client(base_url=server.address, timeout=60) as client,
    ):
        for path in ("/photo.jpg", "/endless", *PLACES):
            url = f"http://{PUBLIC}{path}"
            answer = client.post("/v1.0/removebg", data={"image_url": url})
            body = answer.json() if answer.status_code != 200 else answer.headers["Content-Type"]
            answers[path] = (answer.status_code, body)
        answer = client.get("/api/remove", params={"url": f"http://{PRIVATE}/secret"})
        answers["private"] = (answer.status_code, answer.json())
    return {"answers": answers, "secrets": secrets}


def main() -> None:
    """Bring the network up, and run everything in it."""
    for command in ("link set lo up", f"addr add {PUBLIC} dev lo", f"addr add {PRIVATE} dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    sys.stdout.write(json.dumps(_run(Path(sys.argv[1]).read_bytes())))


if __name__ == "__main__":
    main()
