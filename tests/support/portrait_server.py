"""A small real server of `POST /v1/portraits` on loopback, on the standard library.

It cuts with a session and answers one view as a PNG, as clients of `depthmatte serve` expect.
"""

from __future__ import annotations

import json
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np

from depthmatte import DepthmatteError, Session


class PortraitServer(ThreadingHTTPServer):
    """Cuts with `session`. `requests` lists (query, headers, photo, options)."""

    daemon_threads = True

    def __init__(self, session: Session, key: str = "") -> None:
        self.session, self.key = session, key
        self.requests: list[tuple[dict[str, str], dict[str, str], np.ndarray, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: PortraitServer

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        if self.server.key and headers.get("x-api-key") != self.server.key:
            self._say(401, b'{"error": "needs the key in X-API-Key"}', "application/json")
            return
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        form = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
        }
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert parts.path == "/v1/portraits"
        options = json.loads(form["options"])
        pixels = cv2.imdecode(np.frombuffer(form["photo"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        self.server.requests.append((query, headers, pixels, options))
        try:
            portrait = self.server.session.cut(np.ascontiguousarray(pixels), **options)
            if query["view"] == "alpha":
                picture = np.rint(portrait.alpha * 255).astype(np.uint8)
            elif query["view"] == "cutout":
                picture = cv2.cvtColor(portrait.cutout(), cv2.COLOR_RGBA2BGRA)
            else:
                strength = float(query["effect"].partition("strength=")[2])
                picture = portrait.blur(strength=strength)[..., ::-1]
        except DepthmatteError as error:
            self._say(400, json.dumps({"error": str(error)}).encode(), "application/json")
            return
        self._say(200, cv2.imencode(".png", picture)[1].tobytes(), "image/png")

    def _say(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Be silent."""
