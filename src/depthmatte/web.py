"""One GET over http or https, with a limit on how long the answer's head may take."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)


def get(url: str, timeout: float) -> Any:
    """The answer, its head read: `headers`, `read1`, `close`.

    `timeout` is the seconds the server may stay silent at a time, and may take for all heads
    together, redirects included. Raises OSError, ValueError or HTTPException.
    """
    watch = _Watch(timeout)
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        UnknownHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        _Redirects(),
        _Http(watch),
        _Https(watch),
    ):
        opener.add_handler(handler)
    request = Request(url, headers={"User-Agent": "depthmatte"})
    try:
        with watch:
            return opener.open(request, timeout=timeout)
    except (OSError, ValueError) as error:
        if watch.late:
            raise URLError("no answer in time") from error
        raise


class _Watch:
    """Hangs up on connections whose answers do not start in time."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.late = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def add(self, connected: Any) -> None:
        self._sockets.append(connected)

    def _hang_up(self) -> None:
        self.late = True
        for connected in self._sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class _Redirects(HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            raise URLError(f"redirects to {scheme or 'nowhere'}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(HTTPHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, req: Request) -> Any:
        def connection(*args: Any, **kwargs: Any) -> HTTPConnection:
            return _watched(HTTPConnection(*args, **kwargs), self._watch)

        return self.do_open(connection, req)


class _Https(HTTPSHandler):
    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, req: Request) -> Any:
        def connection(*args: Any, **kwargs: Any) -> HTTPConnection:
            return _watched(HTTPSConnection(*args, **kwargs), self._watch)

        return self.do_open(connection, req)


def _watched(connection: HTTPConnection, watch: _Watch) -> HTTPConnection:
    connect = connection.connect

    def connected() -> None:
        connect()
        watch.add(connection.sock)

    connection.connect = connected  # type: ignore[method-assign]
    return connection
