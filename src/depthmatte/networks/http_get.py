"""One GET request over http or https, with a time limit for the response header."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import IO, Any
from urllib.error import HTTPError, URLError
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


def open_url(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> Any:
    """Send a GET request and return the response after its header was read.

    Parameters
    ----------
    url : str
        An http or https address.
    timeout : float
        Seconds that the server may stay silent at a time. Also the limit for all response
        headers together, redirects included.
    headers : mapping of str to str, optional
        Further headers of the request.

    Returns
    -------
    http.client.HTTPResponse
        With `headers`, `read1` and `close`.

    Raises
    ------
    OSError, ValueError, http.client.HTTPException
        When the request fails.
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
    request = Request(url, headers={"User-Agent": "depthmatte", **(headers or {})})
    try:
        with watch:
            return opener.open(request, timeout=timeout)
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        watch.close()
        if watch.late:
            raise URLError("no answer in time") from error
        raise


class _Watch:
    """Close connections whose response does not start in time."""

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

    def close(self) -> None:
        """Close the open connections of a request that failed."""
        for connected in self._sockets:
            with suppress(OSError):
                connected.close()

    def _hang_up(self) -> None:
        self.late = True
        for connected in self._sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class _Redirects(HTTPRedirectHandler):
    """Follow redirects to http and https only, and never from https to http."""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError:  # the target is not a valid address
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

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
            fp.close()
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
